"""Bounds on what a zone file expands to, by $GENERATE and by files that are included more than once.

Time and memory grow with the lines, and a few bytes can stand for many. The bounds are for a whole zone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from zonegit.errors import InvalidRecord

MAX_LINES: Final = 1 << 20
"""Lines of a whole zone that $GENERATE makes, or that come from repeated files: a /12 of addresses."""
MAX_SIZE: Final = 64 << 20
"""Characters of those lines."""
MAX_DEPTH: Final = 10
"""Levels of $INCLUDE."""


class Expansion:
    """Of one zone."""

    def __init__(self) -> None:
        self._lines = MAX_LINES
        self._room = MAX_SIZE
        self._read: set[tuple[int, int]] = set()

    def is_again(self, path: Path) -> bool:
        """Whether this file was read before."""
        try:
            found = path.stat()
        except OSError:
            return False  # opening it says what is wrong
        file = found.st_dev, found.st_ino
        if file in self._read:
            return True
        self._read.add(file)
        return False

    def bounded(self, lines: Iterator[str]) -> Iterator[str]:
        """These lines, counted. `InvalidRecord` beyond the bounds."""
        for line in lines:
            self._lines -= 1
            self._room -= len(line)
            if self._lines < 0 or self._room < 0:
                raise InvalidRecord(
                    f"$GENERATE and files that are included again make more than {MAX_LINES:,} lines or "
                    f"{MAX_SIZE >> 20} MiB of this zone"
                )
            yield line


def check_depth(depth: int) -> None:
    """`InvalidRecord` if a file that is included `depth` levels deep mustn't include another one."""
    if depth >= MAX_DEPTH:
        raise InvalidRecord(f"$INCLUDE is nested more than {MAX_DEPTH} files deep")
