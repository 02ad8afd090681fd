"""Child processes: starting them, noticing that one died, when to start it again."""

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

from zonegit.daemon.child import BLOCKED
from zonegit.ops import log

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 10.0
"""Seconds between a death and the next start."""
STEADY: Final = 10.0
"""Seconds that a process must have lived for its next death to count as the first."""

_OOM_RANK: Final = "/proc/{}/oom_score_adj"
_OOM_MOST: Final = 1000

_CRASHES: Final = frozenset({-signal.SIGBUS, -signal.SIGSEGV, -signal.SIGABRT})
"""Exit codes after reading behind the end of a file, elsewhere, or what LMDB takes for impossible."""

Target = Callable[..., None]
_logger: Final = logging.getLogger(__name__)
_spawn: Final = multiprocessing.get_context("spawn")


class Child:
    """One process of the daemon, and its successors.

    Where memory is out the kernel ends it sooner than this process by the rank `expendable` (proc(5)).
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
        """When to start it (again), by the monotonic clock; None while it runs or is not wanted."""
        self.restarts = 0
        self.failed = False
        """Whether it ended by itself, with an error."""
        self.crashed = False
        """Whether it was ended by what damaged pages do to a process."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    @property
    def sentinel(self) -> int | None:
        """A descriptor that becomes readable when the process ends."""
        return self._process.sentinel if self._process is not None else None

    @property
    def keeps_dying(self) -> bool:
        """Whether the next start isn't the first after a good while."""
        return self._pause > 2 * FIRST_PAUSE

    def start(self) -> None:
        """Spawn it, with its signals blocked until it can take them."""
        process = _spawn.Process(target=self._target, args=self._arguments(), name=self.name, daemon=True)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _rank(process.pid, self._expendable)  # not left to the child, which would load modules before it does
        self._process = process
        self._started = monotonic()
        self.due = None

    def ended(self) -> bool:
        """Whether it died since the last call; then the next start is planned."""
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
        """Plan the next start, each time twice as far away."""
        self.due = monotonic() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it runs."""
        process = self._process
        if process is not None and process.pid is not None and process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)

    def join(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        if self._process is not None:
            self._process.join(max(seconds, 0))
            return not self._process.is_alive()
        return True


def _rank(pid: int | None, expendable: int) -> None:
    """Have the kernel end a process sooner than this one; whoever owns it may raise its rank."""
    with suppress(OSError, ValueError):
        rank = int(Path(_OOM_RANK.format("self")).read_text()) + expendable
        Path(_OOM_RANK.format(pid)).write_text(str(min(rank, _OOM_MOST)))


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit {code}"


def end_tracker() -> None:
    """End the process that multiprocessing keeps beside spawned ones, once those have ended.

    Left to itself it ends a moment after its parent, when the service manager kills what is left over, and says so.
    """
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]  # there is no public way
