"""Authenticated connections: how many there may be for a key at a source, and for a source in total.

A connection is authenticated once one of its requests has passed; it counts for the key of that request. Each
secondary should have its own key. Then any number of them fits behind one address, and a key that is used too often
only crowds out itself. When there is no room, the new connection reslots the one that has been idle longest, so
that a replayed request holds a slot no longer than its answer takes. If none is idle, the newcomer stays
unauthenticated (`unauthenticated`) and may ask again.
A connection without a request that passes for `IDLE` seconds is closed, whatever else it sends.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from zonegit.net.server.unauthenticated import Task

K = TypeVar("K")

PER_KEY: Final = 8
PER_SOURCE: Final = 256
IDLE: Final = 300.0
"""Seconds; longer than any long-poll, so that a connection isn't closed just when its client uses it again."""


@dataclass(slots=True)
class _Slot:
    kid: str
    active: int = 0
    """Requests in progress that have passed."""
    timer: asyncio.TimerHandle | None = None
    """Closes the connection, while there are none."""


class Authenticated:
    """The tasks of these connections, in one process."""

    def __init__(
        self,
        per_key: int = PER_KEY,
        idle: float = IDLE,
        displaced: Callable[[str, str], None] = lambda source, kid: None,
    ) -> None:
        """`per_key`: the most for one key at one source. A source has `PER_SOURCE`, or `per_key` if that is more.

        `displaced(source, kid)` is called for a connection that had to make room.
        """
        self.per_key = per_key
        self.per_source = max(PER_SOURCE, per_key)
        self.idle_seconds = idle
        self._displaced = displaced
        self._sources: dict[Task, str] = {}
        self._by_source: dict[str, dict[Task, _Slot]] = {}
        """Of those without a request in progress, the one that has been idle longest comes first."""

    def __len__(self) -> int:
        return len(self._sources)

    def begin(self, task: Task, source: str, kid: str) -> bool:
        """A request with this key has passed; whether its connection has a slot. If so, `end` must follow."""
        slots = self._by_source.get(source, {})
        slot = slots.get(task)
        if slot is None:
            if not self._has_room(source, kid):
                return False
            slot = self._by_source.setdefault(source, {}).setdefault(task, _Slot(kid))
            self._sources[task] = source
        slot.active += 1
        if slot.timer is not None:
            slot.timer.cancel()
            slot.timer = None
        return True

    def end(self, task: Task) -> None:
        """A request for which `begin` returned True is over."""
        source = self._sources.get(task)
        if source is None:
            return
        slots = self._by_source[source]
        slot = slots[task]
        slot.active -= 1
        if not slot.active:
            slots[task] = slots.pop(task)
            slot.timer = asyncio.get_running_loop().call_later(self.idle_seconds, self._cut, task)

    def leave(self, task: Task) -> None:
        """The connection is over. Does nothing if it had no slot."""
        source = self._sources.pop(task, None)
        if source is None:
            return
        slots = self._by_source[source]
        timer = slots.pop(task).timer
        if timer is not None:
            timer.cancel()
        if not slots:
            del self._by_source[source]

    def _has_room(self, source: str, kid: str) -> bool:
        """Whether there is room for one more, after closing an idle one if necessary."""
        slots = self._by_source.get(source, {})
        rivals = {task: slot for task, slot in slots.items() if slot.kid == kid}
        if len(rivals) < self.per_key:
            if len(slots) < self.per_source:
                return True
            rivals = slots
        idle = next((task for task, slot in rivals.items() if not slot.active), None)
        if idle is None:
            return False
        self._displaced(source, rivals[idle].kid)
        self._cut(idle)
        return True

    def _cut(self, task: Task) -> None:
        self.leave(task)
        task.cancel()


def count_down(counter: Counter[K], key: K, by: int = 1) -> None:
    """Subtract `by`, and drop the key when it reaches zero."""
    counter[key] -= by
    if not counter[key]:
        del counter[key]
