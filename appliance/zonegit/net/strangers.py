"""Connections of which no request has passed yet: how many there may be, of a source and in all, and for how long.

One more ends the one that has waited longest: a client with a good key passes within milliseconds, so it isn't that
one unless somebody opens connections faster than it can send a request. Where there are no keys, a request that is
answered counts as little: the connection is the last to go from then on, and remains one of these.
"""

import asyncio
from collections import OrderedDict
from typing import Final

MOST: Final = 256
PER_SOURCE: Final = 64
SECONDS: Final = 60.0

Task = asyncio.Task[None]


class Strangers:
    """The tasks of such connections, the oldest first."""

    def __init__(self, most: int = MOST, per_source: int = PER_SOURCE, seconds: float | None = SECONDS) -> None:
        """`seconds`: None where a connection may stay for as long as it likes."""
        self._most = most
        self._per_source = per_source
        self._seconds = seconds
        self._waiting: dict[Task, tuple[str, asyncio.TimerHandle | None]] = {}
        self._by_source: dict[str, OrderedDict[Task, None]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, task: Task) -> bool:
        return task in self._waiting

    def enter(self, task: Task, source: str) -> None:
        """A connection has begun; the oldest one of its source or of all goes if there are too many now."""
        same = self._by_source.get(source)
        if same is not None and len(same) >= self._per_source:
            self._cut(next(iter(same)))
        if len(self._waiting) >= self._most:
            self._cut(next(iter(self._waiting)))
        timer = None
        if self._seconds is not None:
            timer = asyncio.get_running_loop().call_later(self._seconds, self._cut, task)
        self._waiting[task] = source, timer
        self._by_source.setdefault(source, OrderedDict())[task] = None

    def active(self, task: Task) -> None:
        """The connection did something: it is the youngest again."""
        found = self._waiting.pop(task, None)
        if found is not None:
            self._waiting[task] = found
            self._by_source[found[0]].move_to_end(task)

    def leave(self, task: Task) -> None:
        """A request of the connection has passed, or it is over."""
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
