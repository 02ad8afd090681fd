"""Connections of which a request has passed: how many there may be of a key at a source, and of a source in all.

Each secondary should have its own key, so any number of them fits behind one address, and who turns up with a key
too often takes the room of that key alone. A connection counts for the key of its first request that finds room;
one that finds none stays a stranger (`net.strangers`), and may ask again. Room is made by the connection that has
gone longest without a request that passed, if that is longer than a client waits: who plays requests back that were
withheld on their way, and has no others, keeps their places no longer than that.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

from zonegit.net.strangers import Task

K = TypeVar("K")

PER_KEY: Final = 8
PER_SOURCE: Final = 256
SILENT: Final = 90.0
"""Seconds without a request that passed, after which others may have the place; a long-poll takes 60."""


class Known:
    """The tasks of such connections, in one process."""

    def __init__(self, per_key: int = PER_KEY, clock: Callable[[], float] = monotonic) -> None:
        """`per_key`: how many those of one key at one source may be; a source has `PER_SOURCE`, or as many."""
        self._per_key = per_key
        self._per_source = max(PER_SOURCE, per_key)
        self._clock = clock
        self._places: dict[Task, tuple[str, str]] = {}
        self._by_key: dict[tuple[str, str], OrderedDict[Task, float]] = {}
        """When a request of each passed, the longest ago first."""
        self._by_source: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, task: Task, source: str, kid: str) -> bool:
        """A request with this key has passed; whether its connection is in, or there is room for it."""
        now = self._clock()
        if task not in self._places:
            same = self._by_key.get((source, kid), OrderedDict())
            if len(same) >= self._per_key or self._by_source[source] >= self._per_source:
                oldest, passed = next(iter(same.items()), (None, now))
                if oldest is None or now - passed < SILENT:
                    return False
                self.leave(oldest)
                oldest.cancel()
            self._places[task] = source, kid
            self._by_source[source] += 1
        same = self._by_key.setdefault(self._places[task], OrderedDict())
        same[task] = now
        same.move_to_end(task)
        return True

    def leave(self, task: Task) -> None:
        """The connection is over; nothing happens if it wasn't in."""
        place = self._places.pop(task, None)
        if place is not None:
            same = self._by_key[place]
            del same[task]
            if not same:
                del self._by_key[place]
            count_down(self._by_source, place[0])


def count_down(counter: Counter[K], key: K) -> None:
    """Take one away, and forget what is nought."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
