"""The records of an IXFR (RFC 1995): differences between trees, from the client's version to the newest.

There is one difference sequence for each version, as long as all of them have fewer records than the zone; else one
condensed sequence (RFC 1995 §5); else none, because the whole zone is shorter. If serials wrap on the way (RFC
1982), the sequence is condensed too: NSD compares serials in the middle of a message as plain numbers, and refuses
such an answer.

Up to `GATHERED` bytes are collected before the first message. A larger difference is read twice more while it is
sent, deletions first, and is never in memory as a whole. The same goes for every difference while the running
transfers hold `TOGETHER` bytes, so that no client waits for memory that a slow reader holds.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from zonegit.dns.transfer.memory_quota import MemoryQuota, Share
from zonegit.dns.transfer.stream import PAUSE
from zonegit.dns.transfer.versions import Moves, ServedVersion, Versions
from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.model.rrset import SOA_KEY, served_soa
from zonegit.tree.change import Change, Run, packed_change, record_difference
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.tree.version import ZoneVersion
from zonegit.tree.walk import get

GATHERED: Final = 4 << 20
TOGETHER: Final = 64 << 20
"""The most bytes that all transfers hold; what several of them send is counted for each."""
_RUN: Final = 128
"""Bytes that a run takes beside its records until it is packed."""
_KEPT: Final = 8 << 20
"""Bytes of differences that are kept for the next client."""
_EACH: Final = 1 << 10
"""The most bytes that a kept difference takes beside its records."""
_TURN: Final = 64
"""RRsets that are compared before other work gets a turn."""

_SIDES: Final = (0, 1)


Step = tuple[ServedVersion, ServedVersion, Change]
Pauses = Generator[Run, None, Change | None]
Stored = Callable[[ObjectId, ObjectId], Change | None]


class Differences:
    """Differences between trees of one store; recent ones are kept.

    `stored` finds those that the store kept when a version was first served, by the roots of both trees.
    """

    def __init__(self, nodes: Nodes, stored: Stored) -> None:
        self._nodes = nodes
        self._stored = stored
        self.kept: OrderedDict[tuple[ObjectId, ObjectId], Change] = OrderedDict()
        self._size = 0
        self.quota = MemoryQuota(TOGETHER)

    def runs(self, versions: Sequence[ServedVersion], most: int = 0) -> Generator[Run, None, bool]:
        """The records of an answer, or only the newest SOA if `versions` (newest first) has a single version.

        Returns False, having yielded nothing but pauses, if the whole zone is no longer than the differences, or
        they have more than `most` bytes (0: unlimited).
        """
        with self.quota.share() as share:
            return (yield from self._runs(versions, most, share))

    def _runs(self, versions: Sequence[ServedVersion], most: int, share: Share) -> Generator[Run, None, bool]:
        tip, client = versions[0], versions[-1]
        newest_soa = self.soa(tip)
        if len(versions) == 1:
            yield 1, newest_soa
            return True
        # 1. Collect one sequence for each version, or else a condensed one.
        steps = None
        if client.serial < tip.serial:
            steps = yield from self._steps(list(reversed(versions)), most or GATHERED, share)
        if steps is None:
            share.release()
            steps = yield from self._steps([client, tip], most or GATHERED, share)
        # 2. Where that is too large to collect, count it: it may be shorter than the zone all the same.
        if steps is None:
            share.release()
            if most or not (yield from self._is_shorter(client, tip)):
                return False
        # 3. Send what was collected, or compare the trees again for each side of a condensed sequence.
        yield 1, newest_soa
        if steps is None:
            for side, version in zip(_SIDES, (client, tip), strict=True):
                yield 1, self.soa(version)
                yield from self._one_side(client, tip, side)
        else:
            for old, new, change in steps:
                yield 1, self.soa(old)
                yield from change.deleted
                yield 1, self.soa(new)
                yield from change.added
        yield 1, newest_soa
        return True

    def soa(self, version: ServedVersion) -> bytes:
        """The apex SOA as it was served with a version."""
        payload = get(self._nodes, version.tree, SOA_KEY)
        if payload is None:
            raise CorruptStore("a zone to transfer has no SOA record at its apex")
        return served_soa(payload, version.serial)

    def _steps(
        self, versions: Sequence[ServedVersion], most: int, share: Share
    ) -> Generator[Run, None, list[Step] | None]:
        """The changes between each version and the next, oldest first; None if they are too large to collect."""
        steps: list[Step] = []
        room = versions[-1].records - 2
        size = 0
        for old, new in pairwise(versions):
            change = yield from self._change(old, new, room, most - size, share)
            if change is None:
                return None
            room -= change.records + 2
            size += change.size
            if room < 0:
                return None
            steps.append((old, new, change))
        return steps

    def _change(self, old: ServedVersion, new: ServedVersion, most: int, largest: int, share: Share) -> Pauses:
        """One change; None if it has more than `most` records or `largest` bytes, or exceeds the memory quota."""
        pair = (old.tree, new.tree)
        kept = self.kept.get(pair) or self._stored(*pair)
        if kept is None:
            kept = yield from self._compare(old, new, most, largest, share)
            if kept is None:
                return None
        elif not share.grow(kept.size):
            return None
        self._keep(pair, kept)
        return kept if kept.records <= most and kept.size <= largest else None

    def _compare(self, old: ServedVersion, new: ServedVersion, most: int, largest: int, share: Share) -> Pauses:
        deleted: list[Run] = []
        added: list[Run] = []
        count = size = 0
        for number, (key, before, after) in enumerate(diff(self._nodes, old.tree, new.tree), 1):
            if not number % _TURN:
                yield PAUSE
            if key == SOA_KEY:
                continue
            for run, side in zip(record_difference(before, after), (deleted, added), strict=True):
                if run is not None:
                    side.append(run)
                    count += run[0]
                    size += len(run[1])
                    if count > most or size > largest or not share.grow(len(run[1]) + _RUN):
                        return None
        share.grow(-_RUN * (len(deleted) + len(added)))
        return packed_change(deleted, added)

    def _is_shorter(self, old: ServedVersion, new: ServedVersion) -> Generator[Run, None, bool]:
        """Whether a difference that is too large to collect has fewer records than the zone."""
        count = 4
        for side in _SIDES:
            for run in self._one_side(old, new, side):
                yield PAUSE
                count += run[0]
                if count >= new.records:
                    return False
        return True

    def _one_side(self, old: ServedVersion, new: ServedVersion, side: int) -> Iterator[Run]:
        """The deleted (side 0) or added (side 1) records, read as needed."""
        for number, (key, before, after) in enumerate(diff(self._nodes, old.tree, new.tree), 1):
            run = None if key == SOA_KEY else record_difference(before, after)[side]
            if run is not None:
                yield run
            elif not number % _TURN:
                yield PAUSE

    def _keep(self, pair: tuple[ObjectId, ObjectId], change: Change) -> None:
        if pair in self.kept:
            return
        self.kept[pair] = change
        self._size += change.size + _EACH
        while self._size > _KEPT:
            self._size -= self.kept.popitem(last=False)[1].size + _EACH


class History(NamedTuple):
    """What incremental transfers are made from."""

    versions: Versions
    differences: Differences
    moves: Callable[[ZoneVersion], Moves]
    """The moves of the branch that a version is served from."""
