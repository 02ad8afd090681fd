"""An event loop whose clock jumps to the next timer whenever nothing else is to be done."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
_REAL = 0.05
"""Seconds that are really waited for before the clock jumps: threads of the loop may be at work."""


class _Jumping(selectors.DefaultSelector):  # type: ignore[misc,valid-type]  # the class depends on the system
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(_REAL if self.threads and timeout != 0 else 0)
        if not ready and timeout is not None and not self.threads:
            self.now += max(timeout, 0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` begins at 0, in seconds."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now

    def run_in_executor(self, *arguments: Any) -> Any:
        self._jumping.threads += 1
        future = super().run_in_executor(*arguments)
        future.add_done_callback(self._ended)
        return future

    def _ended(self, _future: object) -> None:
        self._jumping.threads -= 1


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; whatever it waits for passes at once."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
