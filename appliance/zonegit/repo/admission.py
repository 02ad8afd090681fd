"""Checks on commits before a branch or tag here may name them.

Commits that are made here are checked when they are made. Fetched ones are checked before a ref names them: each
commit that no branch or tag of the zone reaches yet, with all of its content (`tree.servable`). A tombstone has no
content, which the store ensures.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from zonegit.errors import InvalidZone, RevisionError
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


class Unfit(NamedTuple):
    """A commit that no branch or tag may name, and neither may any descendant of it."""

    commit: ObjectId
    reason: str

    def __str__(self) -> str:
        return f"commit {self.commit.hex()} holds {self.reason}"

    @classmethod
    def read(cls, text: str) -> "Unfit | None":
        """Parse the result of `str`; None for any other text."""
        named, _, reason = text.removeprefix("commit ").partition(" holds ")
        try:
            return cls(parse_id(named), reason)
        except RevisionError:
            return None


def unfit(reader: Reader, zone: str, targets: Iterable[ObjectId], known: str = "") -> Unfit | None:
    """The oldest unfit commit that `targets` would bring into a zone's history.

    Targets are commits or tag objects. `known` is the text of an earlier result, which isn't searched for again.
    """
    doubted = [oid for oid in targets if not reader.is_sound(oid)]
    if not doubted:
        return None
    held = named_commits(reader, zone)
    commits = missing_commits(reader, [_commit(reader, oid) for oid in doubted], held)
    again = Unfit.read(known)
    if again and again.commit in commits:
        return again
    roots = {oid: _tree(reader, commit) for oid, commit in commits.items() if not commit.is_tombstone}
    apex, nodes = parse_apex(zone), Nodes(reader)
    here = (Commit.decode(reader.get(oid)) for oid in held if roots)
    before = [_tree(reader, commit) for commit in islice((each for each in here if not each.is_tombstone), 1)]
    if before and len(roots) == 1:
        [(oid, root)] = roots.items()
        found = change_fault(apex, nodes, before[0], root, misfit)
        return Unfit(oid, found) if found else None
    inspection = Inspection(apex, nodes, misfit, reader.plain)
    for root in before:
        inspection.trust(root)
    faults = ((oid, inspection.fault(root)) for oid, root in roots.items())
    return next((Unfit(oid, found) for oid, found in faults if found), None)


def check_entering(reader: Reader, zone: str, targets: Iterable[ObjectId]) -> None:
    """`InvalidZone` where a branch or tag that names one of these would bring in an unfit commit."""
    if found := unfit(reader, zone, targets):
        raise InvalidZone(f"not acceptable in the history of {zone}: {found}")


def named_commits(reader: Reader, zone: str) -> list[ObjectId]:
    """The commits that branches and tags of this very zone name."""
    found = [item for kind in (RefKind.HEAD, RefKind.TAG) for item in reader.refs(f"refs/{kind}/{zone}/")]
    return [_commit(reader, oid) for name, oid in found if parse(name).zone == zone]


def _commit(reader: Reader, oid: ObjectId) -> ObjectId:
    data = reader.get(oid)
    return Tag.decode(data).target if kind_of(data) is Kind.TAG else oid


def _tree(reader: Reader, commit: Commit) -> ObjectId:
    return Zone.decode(reader.get(commit.zone_root)).tree
