"""The known gaps of a zone: neighbouring owners with nothing between them.

Most invented names fall into few gaps, because a zone's own names resemble each other. A known gap denies a name
without a read of the store, as RFC 8198 has resolvers do with NSEC records. Where gaps don't come again, only one
absent name in 16 is looked up here, as in the packet cache.
"""

from bisect import bisect_right
from typing import Final, NamedTuple

_LIMIT: Final = 4096
"""Gaps that are kept."""
_SAMPLE: Final = 1024
"""Names in known gaps, or new gaps, after which the two numbers are compared."""
_RARE: Final = 8
"""Each name is looked up while more than one name in a known gap comes to this many new gaps."""
_FEW: Final = 15
"""The mask of hashes that otherwise leaves one name in 16."""


class Gap(NamedTuple):
    """Two neighbouring owners: no owner sorts between them."""

    low: bytes
    high: bytes
    block: bytes
    """The block at `low` if the zone is signed, else empty."""


class Gaps:
    """The gaps of one version of a zone, in the order of its keys."""

    __slots__ = ("_gaps", "_lows", "_met", "_new", "first", "skip_mask")

    def __init__(self) -> None:
        self.first = False
        """Whether the last name was in a known gap. Then the next one is looked up here before the store."""
        self.skip_mask = 0
        """A mask: only keys whose hash has none of these bits need to be looked up."""
        self._met = self._new = 0
        self._clear()

    def find(self, key: bytes) -> Gap | None:
        """The known gap that a key is in, if nothing is below the key either."""
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
        """Remember the gap that an absent name is in."""
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
        self.skip_mask = 0 if self._met * _RARE > self._new else _FEW
        self._met = self._new = 0

    def _clear(self) -> None:
        self._lows = [b""]
        self._gaps = [Gap(b"", b"", b"")]  # for keys before all known gaps
