"""Bounds the UPDATEs that are passed on for nothing: anybody can send ones whose signature doesn't verify.

To find that out takes longer than to send them, and the updater, which does it, also applies what is signed well.
So after many failures in a second, only those are passed on that come from a source whose last message did verify.
Over UDP, where addresses may be forged, all failures count together; over connections, only those of the source.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final, NamedTuple

from zonegit.dns.access import tsig
from zonegit.dns.wire.message import Rcode

RATE: Final = 500.0
BURST: Final = 1000.0
"""Failures over UDP that are put up with: a second, and at once. The updater verifies several times as many."""
RATE_EACH: Final = 20.0
BURST_EACH: Final = 100.0
"""The same over the connections of one source."""
MOST_KNOWN: Final = 4096
"""Sources that are known, and those whose failures are counted."""
_UNSIGNED: Final = frozenset((Rcode.FORMERR, Rcode.REFUSED, Rcode.NOTAUTH))
"""What a message may be answered whose signature doesn't verify."""


class _Failures(NamedTuple):
    left: float
    """How many may come at the time `at`; less than none if more came, since many may be open at once."""
    at: float


class Strangers:
    """For one thread at a time."""

    def __init__(self, rate: float, burst: float, *, each: bool, clock: Callable[[], float] = monotonic) -> None:
        """`each`: count the failures of each source for itself."""
        self._rate = rate
        self._burst = burst
        self._each = each
        self._clock = clock
        self._known: OrderedDict[bytes, None] = OrderedDict()
        """Sources whose last message verified, the one of the latest last."""
        self._failures: OrderedDict[bytes, _Failures] = OrderedDict()
        """By source, or all of them under the empty one."""

    def knows(self, source: bytes) -> bool:
        """Whether the last message of a source that was answered has verified."""
        return source in self._known

    def admits(self, source: bytes) -> bool:
        """Whether messages of a source that isn't known are passed on."""
        return self._left(source) >= 1.0

    def answered(self, source: bytes, response: bytes) -> None:
        """Note how the updater answered a message of this source."""
        if _has_failed(response):
            self._known.pop(source, None)
            counted = self._counted(source)
            self._failures[counted] = _Failures(self._left(source) - 1.0, self._clock())
            self._failures.move_to_end(counted)
            if len(self._failures) > MOST_KNOWN:
                self._failures.popitem(last=False)
        elif (
            response[3:4] and response[3] & 15 != Rcode.SERVFAIL
        ):  # that may have come before anything was verified
            self._known[source] = None
            self._known.move_to_end(source)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)

    def _counted(self, source: bytes) -> bytes:
        return source if self._each else b""

    def _left(self, source: bytes) -> float:
        """How many failures may come now."""
        found = self._failures.get(self._counted(source))
        return (
            self._burst if found is None else min(self._burst, found.left + (self._clock() - found.at) * self._rate)
        )


def _has_failed(response: bytes) -> bool:
    """Whether a response is to a message whose signature didn't verify."""
    if len(response) < 4 or response[3] & 15 not in _UNSIGNED:
        return False
    try:
        record = tsig.find(response)
    except tsig.Malformed:
        return False
    return record is None or record.error != 0
