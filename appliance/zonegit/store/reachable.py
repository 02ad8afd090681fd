"""Reads which objects an object points to, without decoding more than that."""

from collections.abc import Sequence

from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.node import HAS_STUBS, is_stub, node_level, node_parts, stub_target
from zonegit.model.zone import Zone


def children(data: bytes) -> Sequence[ObjectId]:
    """The ids in a stored object, which was checked when it was inserted."""
    kind = data[0]
    if kind == Kind.NODE:
        if not node_level(data) and not data[2] & HAS_STUBS:
            return ()
        level, parts = node_parts(data)
        return (
            [ObjectId(id_) for id_ in parts] if level else [stub_target(each)[1] for each in parts if is_stub(each)]
        )
    if kind == Kind.COMMIT:
        commit = Commit.decode(data)
        return (commit.zone_root, *commit.parents)
    if kind == Kind.ZONE:
        return (Zone.decode(data).tree,)
    return (Tag.decode(data).target,) if kind == Kind.TAG else ()
