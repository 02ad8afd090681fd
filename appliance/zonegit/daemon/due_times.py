"""When each of many zones is due, the earliest first."""

from heapq import heapify, heappop, heappush
from typing import Final

_SPARE: Final = 1000
"""Replaced entries that the heap may hold beyond as many as there are zones."""


class DueTimes:
    """One time for each name. Replaced times stay in the heap for a while, at most as many as there are names."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []

    def __len__(self) -> int:
        """The number of names, and of entries that were replaced."""
        return len(self._heap)

    def get(self, name: str) -> float | None:
        """When a name is due; None if it isn't."""
        return self._times.get(name)

    def set(self, name: str, when: float) -> None:
        """Have a name be due at this time, and at no other."""
        self._times[name] = when
        heappush(self._heap, (when, name))
        if len(self._heap) > 2 * len(self._times) + _SPARE:
            self._heap = [(time, known) for known, time in self._times.items()]
            heapify(self._heap)

    def discard(self, name: str) -> None:
        """Have a name not be due."""
        self._times.pop(name, None)

    def next(self) -> float | None:
        """When the first name is due; None if none is. It may be earlier, where an entry was replaced."""
        return self._heap[0][0] if self._heap else None

    def take(self, now: float) -> list[str]:
        """The names that are due by now, the earliest first. They aren't due any more."""
        found: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            when, name = heappop(self._heap)
            if self._times.get(name) == when:
                del self._times[name]
                found.append(name)
        return found
