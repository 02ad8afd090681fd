"""Build a zone's tree from all its entries."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId, object_id
from zonegit.model.node import INLINE_MAX, encode_leaf, encode_rrset, make_stub, node_records
from zonegit.model.rrset import RRKey, owner_size, record_count
from zonegit.model.zone import Shape
from zonegit.tree.chunk import Child, Chunker, Emit, Item

_AT_ONCE: Final = 1_000
"""Entries that are looked at together for large ones."""


class Built(NamedTuple):
    """A tree, and the objects that make it (of an edit: that are new), children before parents."""

    root: ObjectId
    records: int
    by_id: dict[ObjectId, bytes]

    @property
    def objects(self) -> list[bytes]:
        """The objects without their ids, in the same order."""
        return list(self.by_id.values())


def build(shape: Shape, entries: Iterable[tuple[RRKey, bytes]]) -> Built:
    """The tree of these `(key, stored RRset)`, which are in canonical order without duplicates."""
    objects: dict[ObjectId, bytes] = {}
    nodes: list[tuple[RRKey, Child]] = []
    chunker = Chunker(shape, 0, collector(objects, nodes))
    following = iter(entries)
    while part := list(islice(following, _AT_ONCE)):
        chunker.take(_stored(part, objects))
    if chunker.pending:
        chunker.flush()
    return raise_levels(shape, 1, nodes, objects)


def _stored(part: list[tuple[RRKey, bytes]], objects: dict[ObjectId, bytes]) -> Sequence[tuple[RRKey, Item]]:
    """What leaves hold for some entries."""
    if max([len(payload) for _, payload in part]) <= INLINE_MAX:
        return part
    return [(key, stored_entry(key, payload, objects)) for key, payload in part]


def raise_levels(
    shape: Shape, level: int, nodes: list[tuple[RRKey, Child]], objects: dict[ObjectId, bytes]
) -> Built:
    """Build levels upwards from `level` over the nodes below it, until one node is left: the root."""
    if not nodes:
        empty = encode_leaf(())
        oid = object_id(empty)
        return Built(oid, 0, {**objects, oid: empty})
    while len(nodes) > 1:
        below, nodes = nodes, []
        chunker = Chunker(shape, level, collector(objects, nodes))
        chunker.take(below)
        if chunker.pending:
            chunker.flush()
        level += 1
    root, records = nodes[0][1]
    return Built(root, records, objects)


def collector(objects: dict[ObjectId, bytes], nodes: list[tuple[RRKey, Child]]) -> Emit:
    """An `emit` for `Chunker`: bytes go into `objects`, what the level above says of them into `nodes`."""

    def emit(keys: Sequence[RRKey], items: Sequence[Item], data: bytes) -> None:
        oid = object_id(data)
        objects[oid] = data
        nodes.append((keys[-1], (oid, node_records(data))))

    return emit


def stored_entry(key: RRKey, payload: bytes, objects: dict[ObjectId, bytes]) -> Item:
    """A leaf's entry for a stored RRset; a large one goes into an object of its own, and its stub comes back."""
    if len(payload) <= INLINE_MAX:
        return payload
    large = encode_rrset(payload)
    oid = object_id(large)
    objects[oid] = large
    return make_stub(key, payload[: owner_size(payload)], record_count(payload), oid)
