"""Nonces seen lately, so that a recorded request can't be sent again.

A request is valid for at most 600 s (its time may be 300 s ahead, and it is accepted until 300 s behind). Two
generations of 600 s each keep every nonce for at least that long without a timer. The size is bounded: a full
window takes no more nonces in, and says so.
"""

from enum import Enum
from typing import Final

LIFETIME: Final = 600.0
"""Seconds."""
MAX_ENTRIES: Final = 262_144


class Seen(Enum):
    NEW = "new"
    REPLAYED = "replayed"
    FULL = "full"
    """Not known to be a replay, and not remembered: fit for requests that change nothing."""


class ReplayWindow:
    """Remembers `(kid, nonce)`; call it only after the MAC has passed, or anybody can fill it."""

    def __init__(self, limit: int = MAX_ENTRIES, lifetime: float = LIFETIME) -> None:
        self._limit = limit
        self._lifetime = lifetime
        self._young: set[str] = set()
        self._old: set[str] = set()
        self._turned = 0.0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, kid: str, nonce: str, now: float) -> Seen:
        """Look a nonce up and remember it; `now` is in seconds and may jump back."""
        self._turn(now)
        entry = f"{nonce}{kid}"
        if entry in self._young or entry in self._old:
            return Seen.REPLAYED
        if len(self) >= self._limit:
            return Seen.FULL
        self._young.add(entry)
        return Seen.NEW

    def _turn(self, now: float) -> None:
        if now < self._turned:
            self._turned = now
        if now - self._turned >= 2 * self._lifetime:
            self._old = set()
        elif now - self._turned >= self._lifetime:
            self._old = self._young
        else:
            return
        self._young = set()
        self._turned = now
