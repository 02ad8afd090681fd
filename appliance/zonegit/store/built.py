"""Facts about the leaves of a whole zone, from the entries that this process has just built them of.

`insert` decodes whatever it doesn't know, and compares its bytes with their canonical form. Here the entries are
known, and were brought into that form one by one. So a leaf's facts are those of its part of the entries. Leaves
that hold stubs are left out; their facts follow from other objects, too.
"""

from collections.abc import Mapping, Sequence

from zonegit.model.ids import Kind, ObjectId
from zonegit.model.node import leaf_entries
from zonegit.model.rrset import RRKey
from zonegit.store.facts import NodeFacts
from zonegit.tree.oversized import is_light
from zonegit.tree.servable import leaf_plain
from zonegit.zonefile.rdata.fitting import misfit


def leaf_facts(
    entries: Sequence[tuple[RRKey, bytes]], objects: Mapping[ObjectId, bytes]
) -> dict[ObjectId, NodeFacts]:
    """The facts that `insert.check_object` would find for the leaves without stubs among a build's `objects`.

    `entries` are all `(key, stored RRset)` of the zone in canonical order, and the objects are in theirs.
    """
    found: dict[ObjectId, NodeFacts] = {}
    at = 0
    for oid, data in objects.items():
        if data[0] != Kind.NODE or (part := leaf_entries(data)) is None:
            continue
        count, records, stubs = part
        if count and not stubs:
            keys = [key for key, _ in entries[at : at + count]]
            light = is_light(records, len(data), keys[0], keys[-1])
            plain = leaf_plain(data, max(map(len, keys)), misfit) if light else None
            found[oid] = NodeFacts(0, records, keys[0], keys[-1], plain)
        at += count
    return found
