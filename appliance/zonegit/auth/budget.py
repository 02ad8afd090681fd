"""Limits the refused requests of a source: a burst of 10, then one per 6 s.

A source is an IPv4 address or an IPv6 /56, the usual assignment to one subscriber. Only failures are charged, and
only failing requests are throttled: neither a key nor a source is ever locked out, since anybody could then lock
out others who share it. The number of sources is bounded; the one whose last failure is oldest is dropped first.
"""

from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address, ip_address
from math import ceil
from typing import Final

BURST: Final = 10
SECONDS_EACH: Final = 6.0
MAX_SOURCES: Final = 65_536
_HOST_BITS: Final = 72


def source_of(address: str) -> str:
    """The source that an IP address belongs to. An IPv4-mapped IPv6 address counts as its IPv4 address."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> _HOST_BITS << _HOST_BITS)}/56"
    return str(found)


class FailureBudget:
    """The debts of all sources: each failure adds `each` seconds, which pass with time."""

    def __init__(self, burst: int = BURST, each: float = SECONDS_EACH, limit: int = MAX_SOURCES) -> None:
        self._each = each
        self._room = (burst - 1) * each
        """The largest debt, in seconds, with which a source may fail once more."""
        self._limit = limit
        self._forgiven: OrderedDict[str, float] = OrderedDict()
        """Source -> when its debt will be zero; the one whose last failure is oldest comes first."""

    def __len__(self) -> int:
        return len(self._forgiven)

    def wait(self, source: str, now: float) -> int:
        """Whole seconds until the source may fail again; 0 when it may now."""
        return max(0, ceil(self._debt(source, now) - self._room))

    def fail(self, source: str, now: float) -> None:
        """Charge one failure. The debt never exceeds the burst, so that a source always recovers."""
        debt = min(max(self._debt(source, now), 0.0) + self._each, self._room + self._each)
        self._forgiven[source] = now + debt
        self._forgiven.move_to_end(source)
        if len(self._forgiven) > self._limit:
            self._forgiven.popitem(last=False)

    def _debt(self, source: str, now: float) -> float:
        """Seconds until the debt is zero. More than the maximum means that the clock was set back: then 0."""
        debt = self._forgiven.get(source, now) - now
        return debt if debt <= self._room + self._each else 0.0
