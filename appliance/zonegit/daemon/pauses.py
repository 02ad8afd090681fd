"""How long a secondary waits between a failed exchange and the next try.

An unreachable primary is tried again within seconds of its return, however long it was down: the secondary is not
the cause, and an attempt costs the primary nothing while it is down. Failures that the secondary, its keys or its
disk may have caused, and refused data, are retried less and less often. All pauses are random up to their bound
(full jitter), so that many secondaries return spread over time.

A primary that has news in every exchange is asked less often, too.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple

from zonegit.errors import InvalidFrame, SyncCut, Unreachable, ZonegitError

FIRST: Final = 1.0
OUTAGE: Final = 8.0
LONGEST: Final = 300.0
AT_ONCE: Final = 100
PER_SECOND: Final = 5.0
"""Exchanges that bring news: the burst, and the rate after it."""

_OUTAGE: Final = (Unreachable, InvalidFrame, SyncCut)
"""The network, a primary that is down or disconnected, or one that has more to send."""


class Sleep:
    """Sleeps until woken; a wake-up since the last sleep counts, too."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def __call__(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()


class Pauses(NamedTuple):
    """Bounds in seconds: of the first pause, of the longest in an outage, of the longest otherwise.

    Each failure in a row doubles the bound. The longest in an outage and the time that a connection may take
    (`net.client.peer.CONNECT`) are less than 15 s together.
    """

    first: float = FIRST
    outage: float = OUTAGE
    longest: float = LONGEST


class Backoff:
    """Counts failures in a row, and says how long to wait after each."""

    def __init__(self, pauses: Pauses) -> None:
        self.pauses = pauses
        self.failures = 0
        """Failures in a row of one kind: outages and others are counted separately."""
        self._outage = False

    def reset(self) -> None:
        """An attempt succeeded, or there are new settings to try."""
        self.failures = 0

    def failed(self, error: ZonegitError, took: float = 0.0) -> float:
        """Seconds to wait after a failed attempt. In an outage, the time that the attempt took counts as waited."""
        outage = isinstance(error, _OUTAGE)
        if outage is not self._outage:
            self._outage, self.failures = outage, 0
        longest = self.pauses.outage if outage else self.pauses.longest
        pause = _up_to(min(longest, self.pauses.first * 2.0 ** min(self.failures, 30)))
        self.failures += 1
        return max(_up_to(self.pauses.first), pause - took) if outage and took else pause


class NewsRate:
    """How often a primary may have news: a burst of `AT_ONCE`, then `PER_SECOND` times a second (a token bucket).

    Later changes come with the next exchange, so a change waits for a fifth of a second at most.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = float(AT_ONCE)
        self._at = clock()

    def had_news(self) -> float:
        """Count an exchange that brought news; seconds to wait before the next one."""
        now = self._clock()
        self._left = min(float(AT_ONCE), self._left + (now - self._at) * PER_SECOND) - 1.0
        self._at = now
        return max(0.0, -self._left / PER_SECOND)


def _up_to(bound: float) -> float:
    return random.uniform(0, bound)  # noqa: S311  no secret
