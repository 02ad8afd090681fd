"""Bounds the UPDATEs that are passed on for nothing: anybody can send ones whose signature doesn't verify.

To find that out takes longer than to send them, and the updater, which does it, also applies what is signed well.
So after some hundred failures in a second, only those are passed on that come from a source whose last message did
verify. Over UDP, where an address may be forged, failures count apart from those over connections.
"""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import Final

from zonegit.dns.access import tsig
from zonegit.dns.wire.message import Rcode

RATE: Final = 200.0
"""Failures a second that are put up with."""
BURST: Final = 400.0
MOST_KNOWN: Final = 4096
"""Sources that are known."""
_UNSIGNED: Final = frozenset((Rcode.FORMERR, Rcode.REFUSED, Rcode.NOTAUTH))
"""What a message may be answered whose signature doesn't verify."""


class Strangers:
    """For one thread at a time."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[bytes, None] = OrderedDict()
        """Sources whose last message verified, the one of the latest last."""
        self._left = BURST
        """Failures that may come now."""
        self._at = clock()

    def knows(self, source: bytes) -> bool:
        """Whether the last message of a source that was answered has verified."""
        return source in self._known

    @property
    def are_welcome(self) -> bool:
        """Whether messages of unknown sources are passed on."""
        self._fill()
        return self._left >= 1.0

    def answered(self, source: bytes, response: bytes) -> None:
        """Note how the updater answered a message of this source."""
        if _has_failed(response):
            self._fill()
            self._known.pop(source, None)
            self._left = max(0.0, self._left - 1.0)
        elif (
            response[3:4] and response[3] & 15 != Rcode.SERVFAIL
        ):  # that may have come before anything was verified
            self._known[source] = None
            self._known.move_to_end(source)
            if len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * RATE)
        self._at = now


def _has_failed(response: bytes) -> bool:
    """Whether a response is to a message whose signature didn't verify."""
    if len(response) < 4 or response[3] & 15 not in _UNSIGNED:
        return False
    try:
        record = tsig.find(response)
    except tsig.Malformed:
        return False
    return record is None or record.error != 0
