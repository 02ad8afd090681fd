"""Unauthenticated connections: how many there may be, per source and in total, and for how long.

No request of theirs has passed yet. One more closes the oldest: a client with a good key passes within
milliseconds, so it is not the oldest unless somebody opens connections faster than it can send a request. On a port
without keys, a request that is answered makes its connection the youngest again; it remains one of these.
"""

import asyncio
from collections import OrderedDict
from typing import Final

MOST: Final = 256
PER_SOURCE: Final = 64
SECONDS: Final = 60.0

Task = asyncio.Task[None]


class Unauthenticated:
    """The tasks of these connections, the oldest first."""

    def __init__(self, most: int = MOST, per_source: int = PER_SOURCE, seconds: float | None = SECONDS) -> None:
        """`seconds`: how long a connection may stay; None for no limit."""
        self.most = most
        self.per_source = per_source
        self.seconds = seconds
        self._waiting: dict[Task, tuple[str, asyncio.TimerHandle | None]] = {}
        self._by_source: dict[str, OrderedDict[Task, None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, task: Task) -> bool:
        return task in self._waiting

    def enter(self, task: Task, source: str) -> None:
        """Add a new connection. Closes the oldest of its source, or of all, if there are too many now."""
        same = self._by_source.get(source)
        if same is not None and len(same) >= self.per_source:
            self._cut(next(iter(same)))
        if len(self._waiting) >= self.most:
            self._cut(next(iter(self._waiting)))
        timer = None
        if self.seconds is not None:
            timer = asyncio.get_running_loop().call_later(self.seconds, self._cut, task)
        self._waiting[task] = source, timer
        self._by_source.setdefault(source, OrderedDict())[task] = None

    def active(self, task: Task) -> None:
        """The connection was answered: it becomes the youngest."""
        found = self._waiting.pop(task, None)
        if found is not None:
            self._waiting[task] = found
            self._by_source[found[0]].move_to_end(task)

    def leave(self, task: Task) -> None:
        """Remove a connection: a request of it has passed, or it is over."""
        found = self._waiting.pop(task, None)
        if found is None:
            return
        source, timer = found
        if timer is not None:
            timer.cancel()
        same = self._by_source[source]
        del same[task]
        if not same:
            del self._by_source[source]

    def _cut(self, task: Task) -> None:
        self.leave(task)
        task.cancel()
