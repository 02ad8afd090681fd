"""Child processes: start them, notice that one died, and plan its restart."""

import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Final

from zonegit.daemon.child_entry import BLOCKED
from zonegit.ops import log

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
"""Seconds between a death and the next start."""
STEADY: Final = 10.0
"""Seconds that a process must have run for its next death to count as the first."""

_OOM_RANK: Final = "/proc/{}/oom_score_adj"
_OOM_MOST: Final = 1000

_CRASHES: Final = frozenset({-signal.SIGBUS, -signal.SIGSEGV, -signal.SIGABRT})
"""Exit codes after a read past the end of a file, at a wild address, or a failed assertion of LMDB."""

Target = Callable[..., None]
_logger: Final = logging.getLogger(__name__)
_spawn: Final = multiprocessing.get_context("spawn")


class Child:
    """One process of the daemon, and its successors.

    When memory runs out, the kernel kills it before this process: `expendable` is added to its oom_score_adj
    (proc(5)).
    """

    def __init__(
        self,
        name: str,
        index: int,
        target: Target,
        arguments: Callable[[], tuple[object, ...]],
        expendable: int = 0,
    ) -> None:
        self.name = name
        self.index = index
        self._target = target
        self._arguments = arguments
        self._expendable = expendable
        self._process: BaseProcess | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self.due: float | None = 0.0
        """When to start it (again), by the monotonic clock; None while it is running."""
        self.restarts = 0
        self.failed = False
        """Whether it exited with an error."""
        self.crashed = False
        """Whether it was killed as damaged pages kill a process."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def sentinel(self) -> int | None:
        """A descriptor that becomes readable when the process ends."""
        return self._process.sentinel if self._process is not None else None

    @property
    def keeps_dying(self) -> bool:
        """Whether it died again soon after its last restart."""
        return self._pause > 2 * FIRST_PAUSE

    def start(self) -> None:
        """Spawn it, with its signals blocked until it can handle them."""
        process = _spawn.Process(target=self._target, args=self._arguments(), name=self.name, daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _rank(process.pid, self._expendable)  # not left to the child, which loads modules first
        self._process = process
        self._started = monotonic()
        self.due = None

    def ended(self) -> bool:
        """Whether it died since the last call; if so, plan the next start."""
        process = self._process
        if process is None or process.is_alive():
            return False
        code = process.exitcode
        self.crashed = code in _CRASHES
        self.failed = code is not None and code > 0
        process.close()
        self._process = None
        if monotonic() - self._started > STEADY:
            self._pause = FIRST_PAUSE
        self.postpone()
        self.restarts += 1
        level = logging.INFO if code == 0 else logging.WARNING
        log.event(_logger, "process ended", level, process=self.name, how=_how(code))
        return True

    def postpone(self) -> None:
        """Plan the next start, after twice the last pause."""
        self.due = monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it is running."""
        process = self._process
        if process is not None and process.pid is not None and process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def join(self, seconds: float) -> bool:
        """Wait up to `seconds` for its end; whether it ended."""
        if self._process is not None:
            self._process.join(max(seconds, 0))
            return not self._process.is_alive()
        return True


def _rank(pid: int | None, expendable: int) -> None:
    """Have the kernel kill a process before this one; its owner may always raise its score."""
    with suppress(OSError, ValueError):
        rank = int(Path(_OOM_RANK.format("self")).read_text()) + expendable
        Path(_OOM_RANK.format(pid)).write_text(str(min(rank, _OOM_MOST)))


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit {code}"


def end_tracker() -> None:
    """Stop multiprocessing's resource tracker, once all children have ended.

    Left alone, it ends a moment after its parent, and the service manager logs that it had to kill it.
    """
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # no public way
