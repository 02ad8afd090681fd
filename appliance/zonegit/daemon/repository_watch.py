"""Whether the repository that the daemon's processes have open is still the one in its directory.

A process goes on reading from a data file that was moved away, deleted or replaced: it would answer from what
nobody can commit to any more.
"""

import logging
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import Final

from zonegit.ops import log

EVERY: Final = 2.0
"""Seconds between two looks."""

_logger: Final = logging.getLogger(__name__)


class State(Enum):
    SAME = "the repository is the one that was opened"
    GONE = "there is none"
    ANOTHER = "there is another one"


class RepositoryWatch:
    """Looks at the data file's device and inode. `timer` is monotonic."""

    def __init__(self, directory: Path, timer: Callable[[], float] = monotonic) -> None:
        self._directory = directory
        self._timer = timer
        self._seen = _identity(directory)
        self._due = timer() + EVERY
        self.is_here = True
        """As of the last look."""

    @property
    def wait(self) -> float:
        """Seconds until the next look."""
        return max(self._due - self._timer(), 0.0)

    def turn(self) -> State:
        """Look if it is time to, and log what changed."""
        if self._timer() < self._due:
            return State.SAME if self.is_here else State.GONE
        self._due = self._timer() + EVERY
        try:
            found = _identity(self._directory)
        except OSError:
            return State.SAME if self.is_here else State.GONE  # a disk that can't be asked says nothing
        was_here, self.is_here = self.is_here, found is not None
        if found is None:
            if was_here:
                text = "the repository is gone; nothing is answered until there is one again"
                log.event(_logger, text, logging.CRITICAL, repo=self._directory)
            return State.GONE
        if found == self._seen and was_here:
            return State.SAME
        self._seen = found
        text = "the repository was replaced" if was_here else "there is a repository again"
        log.event(_logger, f"{text}; all processes start anew", logging.WARNING, repo=self._directory)
        return State.ANOTHER


def _identity(directory: Path) -> tuple[int, int] | None:
    """Device and inode of the data file; None when there is none."""
    try:
        status = (directory / "data.mdb").stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino
