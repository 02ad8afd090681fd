"""A progress bar on a terminal, for work that takes longer than half a second."""

from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Final, Self, TextIO

_WIDTH: Final = 30
_PATIENCE: Final = 0.5
"""Seconds before the bar appears."""
_INTERVAL: Final = 0.1
"""Seconds between two drawings."""


class Progress:
    """Call it with the amount done and the total (0: unknown). It draws the bar, and clears it on exit.

    It may be entered several times, if other output is written between parts of the work.
    """

    def __init__(self, stream: TextIO, label: str) -> None:
        self._stream = stream
        self._label = label
        self._next = monotonic() + _PATIENCE if stream.isatty() else float("inf")
        self._drawn = False

    def __call__(self, done: int, total: int = 0) -> None:
        self._draw(done, total, f" {done:,} of {total:,}")

    def step(self, begin: int, end: int) -> Callable[[int, int], None]:
        """The callback for one step of the work, from one percentage of the whole to another."""

        def report(done: int, total: int = 0) -> None:
            self._draw(begin * total + (end - begin) * min(done, total), 100 * total, "") if total else self(done)

        return report

    def _draw(self, done: int, total: int, numbers: str) -> None:
        now = monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._drawn = True
            self._stream.write("\r" + self._bar(done, total, numbers) + "\x1b[K")
            self._stream.flush()

    def _bar(self, done: int, total: int, numbers: str) -> str:
        if not total:
            return f"{self._label} {done:,}"
        filled = min(done, total) * _WIDTH // total
        percent = min(done, total) * 100 // total
        return f"{self._label} [{'#' * filled}{'.' * (_WIDTH - filled)}] {percent:3d}%{numbers}"

    def clear(self) -> None:
        """Clear the bar until the next call."""
        if self._drawn:
            self._drawn = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
