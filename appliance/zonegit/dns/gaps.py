"""Gaps of a zone that were met: owners next to each other, between which nothing stands.

Most invented names lie in few gaps, because a zone's own names resemble each other. Who knows the gap denies a
name without a look into the store (as RFC 8198 has resolvers do from NSEC records). Where gaps don't come again,
only one absent name in 16 is looked at, as by the cache of packets.
"""

from bisect import bisect_right
from typing import Final, NamedTuple

_LIMIT: Final = 4096
_SAMPLE: Final = 1024
"""Names in known gaps, or as many in others, after which the two are weighed;"""
_RARE: Final = 8
"""if there was less than one of the former to so many of the latter,"""
_FEW: Final = 15
"""one in 16 is looked for from then on."""


class Gap(NamedTuple):
    """Two owners next to each other."""

    low: bytes
    high: bytes
    block: bytes
    """What stands at `low`, where the zone is signed; otherwise nothing."""


class Gaps:
    """The gaps of one version of a zone, by what its keys are compared by."""

    __slots__ = ("_gaps", "_lows", "_met", "_new", "first", "unlikely")

    def __init__(self) -> None:
        self.first = False
        """Whether the name asked for last lay in a known gap: then the next one is looked for here first."""
        self.unlikely = 0
        """A mask: only keys whose hash has none of these bits need be looked for."""
        self._met = self._new = 0
        self._clear()

    def find(self, key: bytes) -> Gap | None:
        """The known gap in which nothing stands at a key nor below it."""
        found = self._gaps[bisect_right(self._lows, key) - 1]
        low, high, _ = found
        if key < high and key != low and not high.startswith(key):
            self.first = True
            self._met += 1
            if self._met == _SAMPLE:
                self._weigh()
            return found
        self.first = False
        return None

    def learn(self, gap: Gap) -> None:
        """Keep a gap in which a name lay that was looked for in vain."""
        self._new += 1
        if self._new == _SAMPLE:
            self._weigh()
        at = bisect_right(self._lows, gap.low)
        if self._lows[at - 1] == gap.low:
            self._gaps[at - 1] = gap
            return
        if len(self._lows) >= _LIMIT:
            self._clear()
            at = 1
        self._lows.insert(at, gap.low)
        self._gaps.insert(at, gap)

    def _weigh(self) -> None:
        self.unlikely = 0 if self._met * _RARE > self._new else _FEW
        self._met = self._new = 0

    def _clear(self) -> None:
        self._lows = [b""]
        self._gaps = [Gap(b"", b"", b"")]  # the gap of what lies in front of all others
