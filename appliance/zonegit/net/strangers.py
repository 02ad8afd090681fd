"""Connections of which no request has passed yet: how many there may be, whatever their sources, and for how long.

One more ends the one that has waited longest: a client with a good key passes within milliseconds, so it isn't that
one unless somebody opens connections faster than it can send a request.
"""

import asyncio
from typing import Final

MOST: Final = 256
SECONDS: Final = 60.0


class Strangers:
    """The tasks of such connections, the oldest first."""

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        """`most` 0: nobody has to pass, and nobody is counted."""
        self._most = most
        self._seconds = seconds
        self._waiting: dict[asyncio.Task[None], asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, task: asyncio.Task[None]) -> None:
        """A connection has begun."""
        if self._most:
            while len(self._waiting) >= self._most:
                self._cut(next(iter(self._waiting)))
            self._waiting[task] = asyncio.get_running_loop().call_later(self._seconds, self._cut, task)

    def leave(self, task: asyncio.Task[None]) -> None:
        """A request of the connection has passed, or it is over."""
        timer = self._waiting.pop(task, None)
        if timer is not None:
            timer.cancel()

    def _cut(self, task: asyncio.Task[None]) -> None:
        self.leave(task)
        task.cancel()
