"""Connections of which a request has passed: how many there may be of a key at a source, and of a source in all.

Each secondary should have its own key, so any number of them fits behind one address, and who turns up with a key
too often takes the room of that key alone. A connection counts for the key of its first request that finds room;
one that finds none stays a stranger (`net.strangers`), and may ask again.
"""

from collections import Counter
from typing import Final, TypeVar

from zonegit.net.strangers import Task

K = TypeVar("K")

PER_KEY: Final = 8
PER_SOURCE: Final = 256


class Known:
    """The tasks of such connections, in one process."""

    def __init__(self, per_key: int = PER_KEY) -> None:
        """`per_key`: how many those of one key at one source may be; a source has `PER_SOURCE`, or as many."""
        self._per_key = per_key
        self._per_source = max(PER_SOURCE, per_key)
        self._places: dict[Task, tuple[str, str]] = {}
        self._by_key: Counter[tuple[str, str]] = Counter()
        self._by_source: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, task: Task, source: str, kid: str) -> bool:
        """A request with this key has passed; whether there is room for its connection, which isn't in yet."""
        if self._by_key[source, kid] >= self._per_key or self._by_source[source] >= self._per_source:
            return False
        self._places[task] = source, kid
        self._by_key[source, kid] += 1
        self._by_source[source] += 1
        return True

    def leave(self, task: Task) -> None:
        """The connection is over; nothing happens if it wasn't in."""
        place = self._places.pop(task, None)
        if place is not None:
            count_down(self._by_key, place)
            count_down(self._by_source, place[0])


def count_down(counter: Counter[K], key: K) -> None:
    """Take one away, and forget what is nought."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
