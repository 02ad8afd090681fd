"""Which file an $INCLUDE path refers to.

RFC 1035 §5.1 doesn't say what its path is relative to. Here that is the directory of the file that includes it,
then the directory of the outermost file, then the working directory, which is where BIND, NSD and PowerDNS look.
"""

import filecmp
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from zonegit.errors import InvalidRecord


class Included(NamedTuple):
    """The file to read."""

    path: Path
    other: Path | None
    """A file with other content that other servers would include."""


def find_included(path: str, including: Path, outermost: Path) -> Included:
    """The file that `path` refers to in the file `including`. `InvalidRecord` if there is none."""
    places = dict.fromkeys((including.parent / path, outermost.parent / path, Path(path)))
    try:
        found = [place for place in places if place.is_file()]
        other = next((place for place in found[1:] if not filecmp.cmp(found[0], place, shallow=False)), None)
    except OSError as error:
        raise InvalidRecord(f"$INCLUDE: can't read {error.filename}: {error.strerror}") from None
    if not found:
        raise InvalidRecord(_missing(path, places))
    return Included(found[0], other)


def _missing(path: str, places: Iterable[Path]) -> str:
    if Path(path).is_absolute():
        return f"$INCLUDE: there is no file {path}"
    directories = dict.fromkeys(str(Path.cwd() / place).removesuffix(path) for place in places)
    return (
        f"$INCLUDE: there is no file {path} in {', nor in '.join(directories)}; BIND looks in the `directory` of "
        "named.conf: run this there, with `zonegit -C DIRECTORY --repo REPOSITORY …`"
    )
