"""How long a secondary waits between a failed exchange and the next try.

A primary that can't be reached is tried again within seconds of its return, however long it was away: the secondary
isn't the cause, and a try costs the primary nothing while it is away. What the secondary, its keys or its disk may
be the cause of, and data that was refused, is tried again less and less often. All pauses are random up to their
bound (full jitter), so that many secondaries come back spread over time.

A primary that has news at each look is looked at less often, too.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zonegit.errors import InvalidFrame, SyncCut, Unreachable, ZonegitError

FIRST: Final = 1.0
OUTAGE: Final = 8.0
LONGEST: Final = 300.0
AT_ONCE: Final = 100
PER_SECOND: Final = 5.0
"""Looks at a primary that bring news: at once, and after that."""

_OUTAGE: Final = (Unreachable, InvalidFrame, SyncCut)
"""The network, a primary that is away or broke off, or one that has more to send."""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Bounds in seconds: of the first pause, of the longest in an outage, of the longest otherwise.

    Each failure in a row doubles the bound. The longest in an outage and the time that a connection may take
    (`net.http_client.CONNECT`) are less than 15 s together.
    """

    first: float = FIRST
    outage: float = OUTAGE
    longest: float = LONGEST


class Backoff:
    """Counts failures in a row, and says how long to wait after each."""

    def __init__(self, pauses: Pauses) -> None:
        self.pauses = pauses
        self.failures = 0
        """In a row, of one kind: outages and others count apart."""
        self._outage = False

    def reset(self) -> None:
        """Something went well, or there are new settings to try."""
        self.failures = 0

    def failed(self, error: ZonegitError, took: float = 0.0) -> float:
        """Seconds to wait after a try that failed. In an outage the seconds that the try took count as waited."""
        outage = isinstance(error, _OUTAGE)
        if outage is not self._outage:
            self._outage, self.failures = outage, 0
        longest = self.pauses.outage if outage else self.pauses.longest
        pause = _up_to(min(longest, self.pauses.first * 2.0 ** min(self.failures, 30)))
        self.failures += 1
        return max(_up_to(self.pauses.first), pause - took) if outage and took else pause


class Looks:
    """How often a primary may have news: many times at once, then `PER_SECOND` times a second.

    What it has meanwhile comes with the next look, so that a change waits for a fifth of a second at most.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(AT_ONCE)
        self._at = clock()

    def had_news(self) -> float:
        """Count a look that brought some; seconds to wait before the next one."""
        now = self._clock()
        self._left = min(float(AT_ONCE), self._left + (now - self._at) * PER_SECOND) - 1.0
        self._at = now
        return max(0.0, -self._left / PER_SECOND)


def _up_to(bound: float) -> float:
    return random.uniform(0, bound)  # noqa: S311  no secret
