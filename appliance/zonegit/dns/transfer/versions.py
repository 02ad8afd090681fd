"""The versions that a zone was served at, from its tip back to the one with a client's serial.

The branch's reflog says what was served here. If a move brought several commits, each is a version of its own. If
it left the line of first parents (a reset, a merge), the next version is what was served before. From the end of
the reflog on, first parents are followed. Serials rise along this line, so a search ends once they are below the
one sought, and after `LONGEST` steps in any case.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from zonegit.errors import NotFound
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.zone import Zone
from zonegit.tree.source import NodeSource

LONGEST: Final = 1000
"""The most versions that a search goes back; a client with an older one gets the whole zone."""
_KEPT: Final = 4096
_HALF: Final = 1 << 31

Moves = Iterable[tuple[ObjectId | None, ObjectId | None]]
"""`(old, new)` of a branch's moves, newest first."""


class ServedVersion(NamedTuple):
    """One version of a zone, and the commit that it was served from."""

    commit: ObjectId
    seq: int
    tree: ObjectId
    records: int
    parent: ObjectId | None

    @property
    def serial(self) -> int:
        return self.seq & 0xFFFFFFFF


class Versions:
    """Reads versions from their commits, and keeps the most recently read: they never change."""

    def __init__(self, source: NodeSource) -> None:
        self._source = source
        self._known: OrderedDict[ObjectId, ServedVersion] = OrderedDict()

    def __call__(self, oid: ObjectId) -> ServedVersion:
        found = self._known.get(oid)
        if found is None:
            commit = Commit.decode(self._source.get(oid))
            zone = Zone.decode(self._source.get(commit.zone_root))
            parent = commit.parents[0] if commit.parents else None
            found = self._known[oid] = ServedVersion(oid, commit.seq, zone.tree, zone.records, parent)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def back_to(self, serial: int, tip: ServedVersion, moves: Moves, most: int = 0) -> list[ServedVersion] | None:
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
                if not version.records:  # a tombstone: it was never served
                    continue
                line.append(version)
                if version.seq == sought:
                    return line
        except NotFound:  # it was deleted: only the reflog named it
            return None
        return None

    def _line(self, tip: ServedVersion, moves: Moves) -> Iterator[ServedVersion]:
        """The versions before the tip, newest first."""
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

    def _between(self, new: ServedVersion, old: ServedVersion) -> list[ServedVersion]:
        """The commits between two versions along first parents; none if `old` isn't found there."""
        found: list[ServedVersion] = []
        at = new
        while at.parent is not None and len(found) <= LONGEST:
            at = self(at.parent)
            if at.commit == old.commit:
                return found
            if at.seq <= old.seq:
                break
            found.append(at)
        return []
