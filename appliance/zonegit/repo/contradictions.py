"""Conflicts of a merge as data and in words: RRsets that contradict each other, and who changed them."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from zonegit.errors import MergeConflict
from zonegit.model.names import Owner, absolute, parse_apex, to_text
from zonegit.model.rdata import SOA, with_serial
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.repo.history import Range, touching
from zonegit.repo.results import Contradiction, Revision
from zonegit.tree.merge import Conflict
from zonegit.tree.source import Nodes
from zonegit.zonefile.types import type_text

_NAMED: Final = 3
"""The most conflicts that an error names."""
_LOOKED_UP: Final = 100
"""The most conflicts whose authors are looked up."""


class Authors(NamedTuple):
    """Where to look for the commits that changed an RRset."""

    ours: Range
    theirs: Range | Revision | None
    """The commits of the other side, or the one that is picked; None for a revert."""


def contradictions(
    nodes: Nodes, conflicts: Mapping[RRKey, Conflict], authors: Authors, serial: int
) -> list[Contradiction]:
    """Conflicts with their authors, in canonical order. An SOA is shown with `serial`."""
    found = []
    for number, (key, conflict) in enumerate(conflicts.items()):
        owner, rtype = key_parts(key)
        base, ours, theirs = (_shown(each, serial) for each in (conflict.base, *conflict.sides))
        ours_by = theirs_by = None
        if number < _LOOKED_UP:
            if ours != base:
                ours_by = _newest(nodes, authors.ours, owner, rtype)
            if theirs != base:
                theirs_by = _newest(nodes, authors.theirs, owner, rtype)
        found.append(Contradiction(owner, rtype, base, ours, theirs, ours_by, theirs_by))
    return found


def _newest(nodes: Nodes, among: Range | Revision | None, owner: Owner, rtype: int) -> Revision | None:
    return next(touching(nodes, among, owner, rtype), None) if isinstance(among, Range) else among


def _shown(payload: bytes | None, serial: int) -> RRset | None:
    rrset = RRset.decode(payload) if payload else None
    if rrset is None or rrset.rtype != SOA:
        return rrset
    return RRset(rrset.owner, SOA, rrset.ttl, tuple(with_serial(rdata, serial) for rdata in rrset.rdatas))


def conflict_of(zone: str, what: str, found: Sequence[Contradiction], together: Sequence[str]) -> MergeConflict:
    """The error of a merge that stopped; `what` is the operation and what it is about."""
    if not found:
        return MergeConflict(
            f"{what}: each side alone is valid, but the merged zone isn't: {'; '.join(together)}", (), together
        )
    names = ", ".join(named(each, zone) for each in found[:_NAMED])
    more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
    count = "1 conflict" if len(found) == 1 else f"{len(found):,} conflicts"
    return MergeConflict(f"{what}: {count}: {names}{more}", found, together)


def named(each: Contradiction, zone: str) -> str:
    """`www.example.org. A`"""
    return f"{to_text(absolute(each.owner, parse_apex(zone)))} {type_text(each.rtype)}"
