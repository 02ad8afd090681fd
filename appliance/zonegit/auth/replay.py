"""Remembers recent nonces, so that a recorded request can't be replayed.

A request is valid for at most 630 s: its time may be 300 s ahead, it is accepted until 300 s behind, and its body
may take another 30 s. A nonce is remembered for at least that long by a monotonic clock, and until the clock that
requests are checked by has passed the request's end: so setting that clock back doesn't make an old request valid
again. Generations of 630 s each achieve this without a timer. The size is bounded: a full window accepts no more
nonces, and reports `FULL`.
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
    """Not known to be a replay, but not remembered: acceptable for requests that change nothing."""


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
        """`steady`: a monotonic clock in seconds, for the age of nonces; None: use `now` instead."""
        self._limit = limit
        self._lifetime = lifetime
        self._steady = steady
        self._generations: deque[_Generation] = deque()

    def __len__(self) -> int:
        return sum(len(each.seen) for each in self._generations)

    def remember(self, kid: str, nonce: str, now: float, until: float = 0.0) -> Seen:
        """Remember a nonce; returns whether it is new. `until`: when the request ends, and `now`: Unix seconds."""
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
        """Begin a new generation if it is time, and forget old ones.

        Those of two lifetimes are forgotten once their last request has ended, or if the window is full.
        """
        at = self._steady() if self._steady else now
        known = self._generations
        for each in known:
            each.began = min(each.began, at)
        if not known or at - known[-1].began >= self._lifetime:
            known.append(_Generation(at))
        while at - known[0].began >= 2 * self._lifetime and (known[0].until < now or len(self) >= self._limit):
            known.popleft()
