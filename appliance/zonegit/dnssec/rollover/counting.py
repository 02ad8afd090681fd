"""Time that has certainly passed, though the clock may jump.

A wait counts the time between two looks that both found its condition true, and at most `LOOK` of it. So a clock
that goes back shortens no wait; one jump forward, however far, adds at most what `MARGIN` adds to each wait; and
what came and went is waited for anew. While nobody looks, nothing is counted: after an outage a wait goes on where
it stopped. Clocks that jump forward again and again within one wait do shorten it, by `LOOK` each time.
"""

from typing import Final, NamedTuple

LOOK: Final = 900
"""Seconds. While a process is under way, the publisher looks at the zone (and the parent) at least this often."""
BLIND: Final = 4 * LOOK
"""Seconds without an answer of all servers of the parent, after which what they had in the meantime is unknown."""
MARGIN: Final = LOOK
"""Seconds that each wait is longer than RFC 7583 requires."""
_SHORT: Final = 60
"""Two looks within so many seconds are one: the state isn't written more often."""


class Count(NamedTuple):
    """How long a condition has been true."""

    seconds: int = 0
    last: int | None = None
    """The time of the last look that found it true; None: it hasn't been true yet."""

    def at(self, now: int) -> "Count":
        """After another look that found it true."""
        if self.last is None:
            return Count(0, now)
        passed = now - self.last
        if 0 <= passed < _SHORT:
            return self
        return Count(self.seconds + min(max(passed, 0), LOOK), now)

    def end(self, needed: int, now: int) -> int:
        """When so many seconds will have been counted, if the condition goes on being true: the same between two
        looks that count.
        """
        left = max(needed - self.seconds, 0)
        if left and self.last is not None:
            end = min(self.last, now) + max(left, _SHORT)
            if end > now:
                return end
        return now + left


NOTHING: Final = Count()


class Longest(NamedTuple):
    """The largest TTL that caches may still hold records with."""

    ttl: int = 0
    lower: Count = NOTHING
    """How long a smaller one has been published."""

    def noted(self, ttl: int, now: int, delay: int) -> "Longest":
        """After a look that found this TTL. `delay`: seconds until all servers have the newest version."""
        if ttl >= self.ttl:
            return Longest(ttl)
        lower = self.lower.at(now)
        if lower.seconds >= self.ttl + delay + MARGIN:
            return Longest(ttl)
        return self if lower == self.lower else Longest(self.ttl, lower)
