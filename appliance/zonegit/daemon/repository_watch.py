"""Whether the repository that the daemon's processes have open is still the one in its directory.

A process keeps reading from a data file that was moved away, deleted or replaced, and would answer from a
repository that nobody can commit to any more.
"""

import logging
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Final

from zonegit.ops import log

EVERY: Final = 2.0
"""Seconds between two checks."""

_logger: Final = logging.getLogger(__name__)


class State(Enum):
    SAME = "the repository is the one that was opened"
    GONE = "there is none"
    ANOTHER = "there is another one"


class RepositoryWatch:
    """Checks the data file's device and inode. `timer` is monotonic."""

    def __init__(self, directory: Path, timer: Callable[[], float] = monotonic) -> None:
        self._directory = directory
        self._timer = timer
        self._seen = _identity(directory)
        self._due = timer() + EVERY
        self.is_here = True
        """As of the last check."""

    @property
    def wait(self) -> float:
        """Seconds until the next check."""
        return max(self._due - self._timer(), 0.0)

    def turn(self) -> State:
        """Check if it is time to, and log what changed."""
        if self._timer() < self._due:
            return State.SAME if self.is_here else State.GONE
        self._due = self._timer() + EVERY
        try:
            found = _identity(self._directory)
        except OSError:
            return State.SAME if self.is_here else State.GONE  # a disk error says nothing about it
        was_here, self.is_here = self.is_here, found is not None
        if found is None:
            if was_here:
                text = "the repository is gone; not answering until there is one again"
                log.event(_logger, text, logging.CRITICAL, repo=self._directory)
            return State.GONE
        if found == self._seen and was_here:
            return State.SAME
        self._seen = found
        what = "the repository was replaced" if was_here else "there is a repository again"
        log.event(_logger, f"{what}; restarting all processes", logging.WARNING, repo=self._directory)
        return State.ANOTHER


def _identity(directory: Path) -> tuple[int, int] | None:
    """Device and inode of the data file; None when there is none."""
    try:
        status = (directory / "data.mdb").stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino
