"""What IXFR sends (RFC 1995): differences between trees, from the version that the client has to the newest.

One sequence per version while all of them hold fewer records than the zone, else one that leads over all versions,
else nothing: then the whole zone is the shorter answer. Where serials begin anew on the way (RFC 1982) it is one
sequence, too: NSD compares those in the middle of a message as plain numbers, and refuses it. Up to `GATHERED`
bytes are put together before the first message; a larger difference is read twice more as it is sent, deletions
first, and never lies in memory as a whole. So are all while the transfers that are under way hold `TOGETHER`:
nobody waits for memory that a slow reader has.
"""

from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from zonegit.dns.gathering import Gathering, Share
from zonegit.dns.past import Moves, Past, Versions
from zonegit.dns.stream import PAUSE, Run, records
from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.model.rrset import SOA_KEY, record_count, served_soa
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.tree.version import ZoneVersion
from zonegit.tree.walk import get

GATHERED: Final = 4 << 20
TOGETHER: Final = 64 << 20
"""Bytes that all transfers hold at most, each counted for itself where several send the same."""
_RUN: Final = 128
"""Bytes that a run takes beside its records, until it is packed."""
_KEPT: Final = 8 << 20
"""Bytes of differences that are kept for the next client that asks for them."""
_EACH: Final = 1 << 10
"""Bytes that a kept difference takes beside its records, at most: most have few."""
_TURN: Final = 64
"""RRsets compared before others get a turn."""

_PACKED: Final = 4 << 10
"""Bytes of a run of differences: messages end between runs."""
_SIDES: Final = (0, 1)


class Change(NamedTuple):
    """The records that one version lost and gained against another, but for the SOA."""

    deleted: Sequence[Run]
    added: Sequence[Run]
    records: int
    size: int


Step = tuple[Past, Past, Change]
Pauses = Generator[Run, None, Change | None]


class Differences:
    """Differences between trees of one store; those that were asked for lately are kept."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._kept: OrderedDict[tuple[ObjectId, ObjectId], Change] = OrderedDict()
        self._size = 0
        self.gathering = Gathering(TOGETHER)

    def runs(self, line: Sequence[Past], most: int = 0) -> Generator[Run, None, bool]:
        """What an answer holds: the newest version's SOA alone if `line` (newest first) has no other version.

        Returns False, with nothing but pauses sent, when the whole zone is not longer, or the differences have more
        than `most` bytes (0: any number).
        """
        with self.gathering.share() as share:
            return (yield from self._runs(line, most, share))

    def _runs(self, line: Sequence[Past], most: int, share: Share) -> Generator[Run, None, bool]:
        tip = line[0]
        last = self.soa(tip)
        if len(line) == 1:
            yield 1, last
            return True
        steps = None
        if line[-1].serial < tip.serial:
            steps = yield from self._steps(list(reversed(line)), most or GATHERED, share)
        if steps is None:
            share.release()
            steps = yield from self._steps([line[-1], tip], most or GATHERED, share)
        if steps is None:
            share.release()
            if most or not (yield from self._is_shorter(line[-1], tip)):
                return False
        yield 1, last
        if steps is None:
            for side, version in zip(_SIDES, (line[-1], tip), strict=True):
                yield 1, self.soa(version)
                yield from self._one_side(line[-1], tip, side)
        else:
            for old, new, change in steps:
                yield 1, self.soa(old)
                yield from change.deleted
                yield 1, self.soa(new)
                yield from change.added
        yield 1, last
        return True

    def soa(self, version: Past) -> bytes:
        """The apex SOA as a version was served with it."""
        payload = get(self._nodes, version.tree, SOA_KEY)
        if payload is None:
            raise CorruptStore("a zone to transfer has no SOA record at its apex")
        return served_soa(payload, version.serial)

    def _steps(self, versions: Sequence[Past], most: int, share: Share) -> Generator[Run, None, list[Step] | None]:
        """The changes between each version and the next, oldest first; None when they are too many to gather."""
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

    def _change(self, old: Past, new: Past, most: int, largest: int, share: Share) -> Pauses:
        """One change, None when it has more records or bytes than that, or there is no room for it."""
        pair = (old.tree, new.tree)
        kept = self._kept.get(pair)
        if kept is None:
            kept = yield from self._compare(old, new, most, largest, share)
            if kept is None:
                return None
            self._keep(pair, kept)
        elif not share.grow(kept.size):
            return None
        return kept if kept.records <= most and kept.size <= largest else None

    def _compare(self, old: Past, new: Past, most: int, largest: int, share: Share) -> Pauses:
        deleted: list[Run] = []
        added: list[Run] = []
        count = size = 0
        for number, (key, before, after) in enumerate(diff(self._nodes, old.tree, new.tree), 1):
            if not number % _TURN:
                yield PAUSE
            if key == SOA_KEY:
                continue
            for run, side in zip(_between(before, after), (deleted, added), strict=True):
                if run is not None:
                    side.append(run)
                    count += run[0]
                    size += len(run[1])
                    if count > most or size > largest or not share.grow(len(run[1]) + _RUN):
                        return None
        share.grow(-_RUN * (len(deleted) + len(added)))
        return Change(_packed(deleted), _packed(added), count, size)

    def _is_shorter(self, old: Past, new: Past) -> Generator[Run, None, bool]:
        """Whether a difference that is too large to gather has fewer records than the zone."""
        count = 4
        for side in _SIDES:
            for run in self._one_side(old, new, side):
                yield PAUSE
                count += run[0]
                if count >= new.records:
                    return False
        return True

    def _one_side(self, old: Past, new: Past, side: int) -> Iterator[Run]:
        """What was deleted (side 0) or added (side 1), read as it is needed."""
        for number, (key, before, after) in enumerate(diff(self._nodes, old.tree, new.tree), 1):
            run = None if key == SOA_KEY else _between(before, after)[side]
            if run is not None:
                yield run
            elif not number % _TURN:
                yield PAUSE

    def _keep(self, pair: tuple[ObjectId, ObjectId], change: Change) -> None:
        self._kept[pair] = change
        self._size += change.size + _EACH
        while self._size > _KEPT:
            self._size -= self._kept.popitem(last=False)[1].size + _EACH


@dataclass(frozen=True, slots=True)
class History:
    """What incremental transfers are made from."""

    versions: Versions
    differences: Differences
    moves: Callable[[ZoneVersion], Moves]
    """The moves of the branch that shows a version."""


def _between(before: bytes | None, after: bytes | None) -> tuple[Run | None, Run | None]:
    """The records that an RRset lost and gained; all of them when its TTL changed."""
    if before is None or after is None:
        return _run(before), _run(after)
    old = [before[start:end] for start, end in records(before)]
    new = [after[start:end] for start, end in records(after)]
    common = set(old) & set(new)
    lost = [record for record in old if record not in common]
    gained = [record for record in new if record not in common]
    return _joined(lost), _joined(gained)


def _run(payload: bytes | None) -> Run | None:
    return None if payload is None else (record_count(payload), payload)


def _packed(runs: Sequence[Run]) -> list[Run]:
    """The same records in few runs, which take less time to send."""
    packed: list[Run] = []
    parts: list[bytes] = []
    count = size = 0
    for number, rrs in runs:
        if size + len(rrs) > _PACKED and parts:
            packed.append((count, b"".join(parts)))
            parts.clear()
            count = size = 0
        parts.append(rrs)
        count += number
        size += len(rrs)
    if parts:
        packed.append((count, b"".join(parts)))
    return packed


def _joined(parts: Sequence[bytes]) -> Run | None:
    return (len(parts), b"".join(parts)) if parts else None
