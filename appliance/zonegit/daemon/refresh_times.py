"""When a zone that is transferred in is asked for again: SOA refresh, retry and expire (RFC 1035 §3.3.13, §4.3.5).

The values are the zone's, which its primary chooses, so they are bounded. Each pause is shortened at random by up
to a quarter, so that zones that came together are asked for apart. The first attempts after a failure come soon, in
pauses that double: most failures are the restart of a server. `random` gives a number from 0 to 1.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from zonegit.model.rdata import name_end

LEAST_REFRESH: Final = 60.0
LEAST_RETRY: Final = 30.0
"""Seconds; zones with less are asked for that often."""
MOST_REFRESH: Final = 4 * 7 * 86_400.0
MOST_RETRY: Final = 2 * 7 * 86_400.0
MOST_EXPIRE: Final = 24 * 7 * 86_400
FIRST_RETRY: Final = 5.0
"""Seconds until the first attempt after a failure."""
NEW_RETRY: Final = 3600.0
"""Seconds between two attempts at most for a zone that was never transferred."""
_JITTER: Final = 0.25

Random = Callable[[], float]


class Times(NamedTuple):
    """The timers of one version of a zone in seconds, within the bounds."""

    refresh: float
    retry: float
    expire: int
    """At least a refresh and a retry: it doesn't expire between two successes."""

    @classmethod
    def of(cls, soa: bytes) -> "Times":
        """The timers in an SOA's RDATA, uncompressed."""
        at = name_end(soa, name_end(soa, 0)) + 4
        refresh, retry, expire = (int.from_bytes(soa[at + n : at + n + 4], "big") for n in (0, 4, 8))
        refreshed = min(max(refresh, LEAST_REFRESH), MOST_REFRESH)
        retried = min(max(retry, LEAST_RETRY), MOST_RETRY)
        return cls(refreshed, retried, min(max(expire, int(refreshed + retried)), MOST_EXPIRE))


def refresh_pause(times: Times, random: Random) -> float:
    """Seconds from a success to the next query."""
    return _shortened(times.refresh, random)


def retry_pause(times: Times | None, failures: int, random: Random) -> float:
    """Seconds from a failure to the next query; `failures` in a row, at least 1. `times`: None without a zone."""
    longest = NEW_RETRY if times is None else times.retry
    return _shortened(min(longest, FIRST_RETRY * 2.0 ** min(failures - 1, 30)), random)


def first_pause(times: Times, age: float, random: Random) -> float:
    """Seconds from a start to the first query about a zone that was current `age` seconds ago."""
    return max(0.0, refresh_pause(times, random) - age)


def _shortened(seconds: float, random: Random) -> float:
    return seconds * (1 - _JITTER * random())
