"""What a commit and its ancestors have to be before a branch or tag here names it.

Whatever was made here was checked when it was made. What was fetched is checked when a ref is to name it: each
commit that no branch and no tag of the zone reaches yet, with the whole of its content (`tree.servable`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zonegit.errors import InvalidZone
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId, kind_of, parse_id
from zonegit.model.names import parse_apex
from zonegit.model.refs import RefKind, parse
from zonegit.model.zone import Zone
from zonegit.repo.ancestry import missing_commits
from zonegit.store.port import Reader
from zonegit.tree.servable import Inspection, change_fault
from zonegit.tree.source import Nodes
from zonegit.zonefile.rdata.fitting import misfit

_KNOWN: Final = re.compile("commit ([0-9a-f]{64}) holds (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Unfit:
    """A commit that no branch or tag may name, nor any commit on top of it."""

    commit: ObjectId
    reason: str

    def __str__(self) -> str:
        return f"commit {self.commit.hex()} holds {self.reason}"


def unfit(reader: Reader, zone: str, targets: Iterable[ObjectId], known: str = "") -> Unfit | None:
    """The oldest commit that `targets` would bring into a zone's history and that mustn't be there.

    Targets are commits or tag objects. `known` is the text of what was found before: it isn't looked for again.
    """
    held = [_commit(reader, oid) for oid in _named(reader, zone)]
    commits = missing_commits(reader, [_commit(reader, oid) for oid in targets], held)
    if (again := _KNOWN.fullmatch(known)) and (oid := parse_id(again[1])) in commits:
        return Unfit(oid, again[2])
    roots = {oid: _tree(reader, oid) for oid in commits}
    apex, nodes = parse_apex(zone), Nodes(reader)
    if held and len(commits) == 1:
        found = change_fault(apex, nodes, _tree(reader, held[0]), roots[commits[0]], misfit)
        return Unfit(commits[0], found) if found else None
    inspection = Inspection(apex, nodes, misfit, reader.plain)
    for oid in held[:1] if commits else ():
        inspection.trust(_tree(reader, oid))
    faults = ((oid, inspection.fault(root)) for oid, root in roots.items())
    return next((Unfit(oid, found) for oid, found in faults if found), None)


def check_entering(reader: Reader, zone: str, targets: Iterable[ObjectId]) -> None:
    """`InvalidZone` where a branch or tag that names one of these would bring in a commit that mustn't be there."""
    if found := unfit(reader, zone, targets):
        raise InvalidZone(f"{zone} can't have that in its history: {found}")


def _named(reader: Reader, zone: str) -> list[ObjectId]:
    """What the branches and tags of this very zone name."""
    found = [item for kind in (RefKind.HEAD, RefKind.TAG) for item in reader.refs(f"refs/{kind}/{zone}/")]
    return [oid for name, oid in found if parse(name).zone == zone]


def _commit(reader: Reader, oid: ObjectId) -> ObjectId:
    data = reader.get(oid)
    return Tag.decode(data).target if kind_of(data) is Kind.TAG else oid


def _tree(reader: Reader, commit: ObjectId) -> ObjectId:
    return Zone.decode(reader.get(Commit.decode(reader.get(commit)).zone_root)).tree
