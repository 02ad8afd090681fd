"""Connections of which a request has passed: how many there may be of a key at a source, and of a source in all.

Each secondary should have its own key, so any number of them fits behind one address, and who turns up with a key
too often takes the room of that key alone. A connection counts for the key of its first request that finds room.
Where there is none, it takes the place of the one that has been longest without a request that passed, and has none
in progress: who plays withheld requests again holds a place no longer than those are answered. If each has one, the
newcomer stays a stranger (`net.strangers`), and may ask again.
A connection without such a request for `IDLE` seconds ends, whatever else it sends.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from zonegit.net.strangers import Task

K = TypeVar("K")

PER_KEY: Final = 8
PER_SOURCE: Final = 256
IDLE: Final = 300.0
"""Seconds; longer than any long-poll, so that a connection isn't closed just when its client uses it again."""


@dataclass(slots=True)
class _Place:
    kid: str
    active: int = 0
    """Requests in progress that have passed."""
    timer: asyncio.TimerHandle | None = None
    """Ends the connection, while there are none."""


class Known:
    """The tasks of such connections, in one process."""

    def __init__(
        self,
        per_key: int = PER_KEY,
        idle: float = IDLE,
        displaced: Callable[[str, str], None] = lambda source, kid: None,
    ) -> None:
        """`per_key`: how many those of one key at one source may be; a source has `PER_SOURCE`, or as many.

        `displaced` is told the source and the key of a connection that had to make room.
        """
        self._per_key = per_key
        self._per_source = max(PER_SOURCE, per_key)
        self._idle = idle
        self._displaced = displaced
        self._sources: dict[Task, str] = {}
        self._by_source: dict[str, dict[Task, _Place]] = {}
        """Of those that have no request in progress, the one that had none for longest comes first."""

    def __len__(self) -> int:
        return len(self._sources)

    def begin(self, task: Task, source: str, kid: str) -> bool:
        """A request with this key has passed on a connection; whether that has a place. `end` is due if so."""
        places = self._by_source.get(source, {})
        place = places.get(task)
        if place is None:
            if not self._has_room(source, kid):
                return False
            place = self._by_source.setdefault(source, {}).setdefault(task, _Place(kid))
            self._sources[task] = source
        place.active += 1
        if place.timer is not None:
            place.timer.cancel()
            place.timer = None
        return True

    def end(self, task: Task) -> None:
        """Such a request is over."""
        source = self._sources.get(task)
        if source is None:
            return
        places = self._by_source[source]
        place = places[task]
        place.active -= 1
        if not place.active:
            places[task] = places.pop(task)
            place.timer = asyncio.get_running_loop().call_later(self._idle, self._cut, task)

    def leave(self, task: Task) -> None:
        """The connection is over; nothing happens if it wasn't in."""
        source = self._sources.pop(task, None)
        if source is None:
            return
        places = self._by_source[source]
        timer = places.pop(task).timer
        if timer is not None:
            timer.cancel()
        if not places:
            del self._by_source[source]

    def _has_room(self, source: str, kid: str) -> bool:
        """Whether there is room for one more, made if need be."""
        places = self._by_source.get(source, {})
        rivals = {task: place for task, place in places.items() if place.kid == kid}
        if len(rivals) < self._per_key:
            if len(places) < self._per_source:
                return True
            rivals = places
        idle = next((task for task, place in rivals.items() if not place.active), None)
        if idle is None:
            return False
        self._displaced(source, rivals[idle].kid)
        self._cut(idle)
        return True

    def _cut(self, task: Task) -> None:
        self.leave(task)
        task.cancel()


def count_down(counter: Counter[K], key: K, by: int = 1) -> None:
    """Take so many away, and forget what is nought."""
    counter[key] -= by
    if not counter[key]:
        del counter[key]
