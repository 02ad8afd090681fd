"""Finds changes of earlier imports that a file with the same serial can't undo, to report them to the user.

A file is merged with the version that its serial identifies as the base (`repo.import_merging`). Records that are
the same in both count as unchanged. So if an earlier import over the same base changed them, that change stays.
"""

from collections.abc import Mapping, Sequence

from zonegit.model.ids import ObjectId
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.repo.content import Content
from zonegit.repo.draft import IMPORTED_OVER
from zonegit.repo.history import read_commit
from zonegit.repo.import_losses import Record, records_of, tree_of
from zonegit.repo.results import Change, Revision
from zonegit.tree.diff import diff
from zonegit.tree.zone_tree import Tree


def held_by_earlier(
    base: ObjectId, imports: Sequence[Revision], tip: Content, after: Tree, file: Mapping[RRKey, bytes]
) -> list[Change]:
    """Where the result of the import (`after`) differs from the file because of earlier imports over this base.

    In each change, `old` are the records that only the result has, `new` those that only the file has. `imports`
    are those since the base, along first parents.
    """
    came: dict[RRKey, frozenset[Record]] = {}
    went: dict[RRKey, frozenset[Record]] = {}
    nodes = tip.tree.nodes
    for revision in imports:
        parent = revision.commit.parents[0]
        if base.hex() != dict(revision.commit.extra).get(IMPORTED_OVER, parent.hex()):
            continue
        before = read_commit(nodes.source, parent).commit
        for key, old, new in diff(
            nodes, tree_of(nodes, before.zone_root), tree_of(nodes, revision.commit.zone_root)
        ):
            was, became = records_of(old), records_of(new)
            came[key] = came.get(key, frozenset()) | (became - was)
            went[key] = went.get(key, frozenset()) | (was - became)
    found = []
    for key in sorted(came):
        here, there = records_of(after.payload(key)), records_of(file.get(key))
        stays, lacks = came[key] & here - there, went[key] & there - here
        if stays or lacks:
            owner, rtype = key_parts(key)
            found.append(Change(owner, rtype, _rrset(tip, key, stays), _rrset(tip, key, lacks)))
    return found


def _rrset(tip: Content, key: RRKey, records: frozenset[Record]) -> RRset | None:
    """These records as an RRset; an SOA gets the serial of the tip."""
    if not records:
        return None
    owner, rtype = key_parts(key)
    ttl = int.from_bytes(min(records)[0], "big")
    rrset = RRset.of(owner, rtype, ttl, [rdata for _, rdata in records])
    return tip.served(rrset.encode()) if rtype == SOA else rrset
