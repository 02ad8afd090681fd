"""Nonces seen lately, so that a recorded request can't be sent again.

A request is valid for at most 630 s: its time may be 300 s ahead, it is accepted until 300 s behind, and its body
may take 30 s from then on. A nonce is remembered for at least that long by a clock that nobody sets, and until the
clock that requests are checked by has passed the end of its request: set back, that clock doesn't make an old one
new. Generations of 630 s each do so without a timer. The size is bounded: a full window takes no more nonces in,
and says so.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

LIFETIME: Final = 630.0
"""Seconds."""
MAX_ENTRIES: Final = 262_144


class Seen(Enum):
    NEW = "new"
    REPLAYED = "replayed"
    FULL = "full"
    """Not known to be a replay, and not remembered: fit for requests that change nothing."""


@dataclass(slots=True)
class _Generation:
    began: float
    until: float = 0.0
    """When the last of its requests ends, by the clock that requests are checked by."""
    seen: set[str] = field(default_factory=set)


class ReplayWindow:
    """Remembers `(kid, nonce)`; call it only after the MAC has passed, or anybody can fill it."""

    def __init__(
        self, limit: int = MAX_ENTRIES, lifetime: float = LIFETIME, steady: Callable[[], float] | None = None
    ) -> None:
        """`steady`: seconds of a clock that is never set, for the age of nonces; None to take `now` for it."""
        self._limit = limit
        self._lifetime = lifetime
        self._steady = steady
        self._generations: deque[_Generation] = deque()

    def __len__(self) -> int:
        return sum(len(each.seen) for each in self._generations)

    def take(self, kid: str, nonce: str, now: float, until: float = 0.0) -> Seen:
        """Look a nonce up and remember it; `now`, in seconds, may jump. `until`: when its request ends by that."""
        self._turn(now)
        entry = f"{nonce}{kid}"
        if any(entry in each.seen for each in self._generations):
            return Seen.REPLAYED
        if len(self) >= self._limit:
            return Seen.FULL
        youngest = self._generations[-1]
        youngest.seen.add(entry)
        youngest.until = max(youngest.until, until)
        return Seen.NEW

    def _turn(self, now: float) -> None:
        at = self._steady() if self._steady else now
        known = self._generations
        for each in known:
            each.began = min(each.began, at)
        if not known or at - known[-1].began >= self._lifetime:
            known.append(_Generation(at))
        while at - known[0].began >= 2 * self._lifetime and (known[0].until < now or len(self) >= self._limit):
            known.popleft()
