"""The verbs on desired states: `apply`, `plan`."""

from __future__ import annotations

import os
import stat
import sys
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from zonegit.cli import options, typed
from zonegit.cli.committed import tell
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.cli.zonefiles import file_name
from zonegit.errors import ZoneFileError
from zonegit.model.names import APEX, parse_apex, to_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.repo import Repository
    from zonegit.zonefile.reader import ParsedZone

_STDIN: Final = "-"
_BELOW_RULE: Final = """\
FILE says all that the zone holds, or with --below all that NAME and the names below it hold: what else is there is
deleted. A file for --below needs no SOA and no NS; names in it are relative to the zone unless $ORIGIN says
otherwise, and a record elsewhere is refused. The SOA's serial in FILE doesn't count: the next one is taken."""


class _Given(NamedTuple):
    """The file that a call names, opened by the user who made the call."""

    stream: BinaryIO
    path: Path | None
    """None for a pipe, which nobody can read twice."""
    user: int

    @property
    def source(self) -> Path | BinaryIO:
        """What is read. Who went on as the repository's owner (`cli.ownership`) may not see the path any more."""
        return self.path if self.path is not None and os.geteuid() == self.user else self.stream


def _apply(args: Namespace, out: Output) -> int:
    with _opened(args.file) as given:
        return _apply_state(args, given, out)


def _apply_state(args: Namespace, given: _Given, out: Output) -> int:
    name = file_name(args.file)
    wanted = None if args.below else _read(args, given, out)
    with options.open_repository(args, out) as repo:
        wanted = wanted or _read_part(args, given, repo, out)
        how = options.commit_how(args, to_text(wanted.apex))
        return tell(repo, repo.apply(wanted, source=name, **how), args, out)


@contextmanager
def _opened(file: str) -> Iterator[_Given]:
    """Open the file that a call names."""
    if file == _STDIN:
        yield _Given(sys.stdin.buffer, None, os.geteuid())
        return
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ZoneFileError(f"{file}: {error.strerror}") from None
    with open(descriptor, "rb") as opened:  # noqa: PTH123
        plain = stat.S_ISREG(os.fstat(descriptor).st_mode)
        yield _Given(opened, Path(file) if plain else None, os.geteuid())


def _read(args: Namespace, given: _Given, out: Output) -> ParsedZone:
    """The state of a whole zone."""
    from zonegit.zonefile.reader import read_zone

    origin = parse_apex(args.zone) if args.zone is not None else None
    name = file_name(args.file)
    with out.progress(f"reading {name}") as bar:
        return read_zone(given.source, name=name, origin=origin, progress=bar.step(0, 100))


def _read_part(args: Namespace, given: _Given, repo: Repository, out: Output) -> ParsedZone:
    """The state of a name and what is below it."""
    from zonegit.repo.context import owner_of
    from zonegit.zonefile.reader import read_zone

    apex = parse_apex(typed.zone_of(args, args.below, repo, out))
    below = owner_of(args.below, apex)
    name = file_name(args.file)
    with out.progress(f"reading {name}") as bar:
        return read_zone(given.source, name=name, origin=apex, below=below or APEX, progress=bar.step(0, 100))


def _apply_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a zone file, gzipped or not; - reads standard input")
    _state_options(parser)


def _state_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--below", metavar="NAME", help="FILE is the state of NAME and the names below it, not of the zone"
    )
    typed.relative_option(parser)
    options.commit_options(parser)


VERBS: Final = {"apply": Verb(_apply_arguments, _apply, _BELOW_RULE)}
