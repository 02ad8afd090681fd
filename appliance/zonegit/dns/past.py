"""The versions that a zone was served at: from its tip back to the one that a client has, by its serial.

The branch's reflog says what was served here; where a move brought several commits, each is a version of its own,
and where it left the line (a reset, a merge) the step goes straight to what was served before. Behind the reflog's
end first parents lead on. Serials rise along all of this, so a look-up ends where they have fallen below what is
sought, and after `LONGEST` steps in any case.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from zonegit.errors import NotFound
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.zone import Zone
from zonegit.tree.source import NodeSource

LONGEST: Final = 1000
"""Versions that are gone back at most; who has an older one gets the whole zone."""
_KEPT: Final = 4096
_HALF: Final = 1 << 31

Moves = Iterable[tuple[ObjectId | None, ObjectId | None]]
"""`(old, new)` of a branch's moves, newest first."""


@dataclass(frozen=True, slots=True)
class Past:
    """One version."""

    commit: ObjectId
    seq: int
    tree: ObjectId
    records: int
    parent: ObjectId | None

    @property
    def serial(self) -> int:
        return self.seq & 0xFFFFFFFF


class Versions:
    """Reads versions from their commits, and keeps the last ones: they never change."""

    def __init__(self, source: NodeSource) -> None:
        self._source = source
        self._known: OrderedDict[ObjectId, Past] = OrderedDict()

    def __call__(self, oid: ObjectId) -> Past:
        found = self._known.get(oid)
        if found is None:
            commit = Commit.decode(self._source.get(oid))
            zone = Zone.decode(self._source.get(commit.zone_root))
            parent = commit.parents[0] if commit.parents else None
            found = self._known[oid] = Past(oid, commit.seq, zone.tree, zone.records, parent)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def back_to(self, serial: int, tip: Past, moves: Moves, most: int = 0) -> list[Past] | None:
        """The tip and the versions before it, down to the one with this serial; None if it isn't known, or is more
        than `most` versions back (0: `LONGEST`).

        A list of the tip alone means that the serial is the tip's, or a newer one (RFC 1982).
        """
        behind = (tip.seq - serial) & 0xFFFFFFFF
        if not behind or behind > _HALF:
            return [tip]
        sought = tip.seq - behind
        line = [tip]
        try:
            for version in self._line(tip, moves):
                if len(line) > (most or LONGEST) or version.seq < sought:
                    return None
                line.append(version)
                if version.seq == sought:
                    return line
        except NotFound:  # it was deleted, as nothing names it but the reflog
            return None
        return None

    def _line(self, tip: Past, moves: Moves) -> Iterator[Past]:
        """What was served before the tip, newest first."""
        at = tip
        for old, new in moves:
            if new != at.commit or old is None:
                break
            if old != at.parent:  # which is here, as long as its child is
                self._source.get(old)
            before = self(old)
            if before.seq >= at.seq:
                break
            yield from self._between(at, before)
            yield before
            at = before
        while at.parent is not None:
            at = self(at.parent)
            yield at

    def _between(self, new: Past, old: Past) -> list[Past]:
        """The first parents that lead from one version to the next; none when they don't, or it is too far."""
        found: list[Past] = []
        at = new
        while at.parent is not None and len(found) <= LONGEST:
            at = self(at.parent)
            if at.commit == old.commit:
                return found
            if at.seq <= old.seq:
                break
            found.append(at)
        return []
