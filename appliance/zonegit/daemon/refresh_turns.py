"""Whose turn it is: many zones wait to have their primaries asked, and only some are asked at a time.

Zones with the same primaries take turns with those of others, and have only a part of all places. A primary that
never finishes keeps its places, so after a while these aren't counted any more: other zones get as many instead. So
no primary holds up the zones of another.
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable
from math import inf
from typing import Final, Generic, TypeVar

Z = TypeVar("Z")

ROUNDS: Final = 32
"""Zones whose primaries are asked at a time, but for those that take long."""
SAME: Final = 24
"""Of zones with the same primaries, these too."""
LONG: Final = 10.0
"""Seconds after which a zone takes long."""
MOST_LONG: Final = 224
"""Zones that take long above which others wait for them."""


class Turn:
    """That of one zone."""

    __slots__ = ("began", "primaries")

    def __init__(self, primaries: Hashable, began: float) -> None:
        self.primaries = primaries
        self.began = began


class Turns(Generic[Z]):
    """For one event loop. `clock` is its time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: dict[Hashable, deque[Z]] = {}
        """By their primaries; those whose turn it is come first."""
        self._new: dict[Turn, None] = {}
        """In the order in which they began."""
        self._long: set[Turn] = set()
        self._same: Counter[Hashable] = Counter()
        """How many turns there are, by primaries."""

    @property
    def waiting(self) -> int:
        """How many zones wait."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """How many zones' primaries are being asked."""
        return len(self._new) + len(self._long)

    def wait(self, zone: Z, primaries: Hashable) -> None:
        """Have a zone wait for its turn."""
        self._waiting.setdefault(primaries, deque()).append(zone)

    def next(self) -> tuple[Z, Turn] | None:
        """The next zone, whose turn begins; None if all that wait have to go on doing so."""
        if not self._waiting or self._until_room() > 0:
            return None
        primaries = next((each for each in self._waiting if self._same[each] < SAME), None)
        if primaries is None:
            return None
        zones = self._waiting.pop(primaries)
        zone = zones.popleft()
        if zones:
            self._waiting[primaries] = zones
        turn = Turn(primaries, self._clock())
        self.resume(turn)
        return zone, turn

    def until_next(self) -> float:
        """Seconds until another turn may begin although none has ended."""
        return max(self._until_room(), 0.0) or inf if self._waiting else inf

    def pause(self, turn: Turn) -> None:
        """Don't count a turn, as long as its zone asks nothing; and none that has ended."""
        self._new.pop(turn, None)
        self._long.discard(turn)
        self._same[turn.primaries] -= 1
        if not self._same[turn.primaries]:
            del self._same[turn.primaries]

    def resume(self, turn: Turn) -> None:
        """Count it again."""
        turn.began = self._clock()
        self._new[turn] = None
        self._same[turn.primaries] += 1

    def _until_room(self) -> float:
        """Seconds until there is room for another turn; 0 if there is now, and infinity if one has to end."""
        now = self._clock()
        while self._new and (first := next(iter(self._new))).began <= now - LONG:
            del self._new[first]
            self._long.add(first)
        if len(self._new) < ROUNDS and self.running < ROUNDS + MOST_LONG:
            return 0.0
        return next(iter(self._new)).began + LONG - now if self.running < ROUNDS + MOST_LONG else inf
