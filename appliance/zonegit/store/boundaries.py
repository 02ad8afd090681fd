"""Checks that the nodes of every tree end where its zone's shape says, so that equal content has equal roots."""

from collections.abc import Iterable, Iterator

from zonegit.errors import ZonegitError
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.node import Inner, Leaf, Node, decode_node
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape, Zone
from zonegit.store.reader import StoreReader
from zonegit.store.writer import TableStore
from zonegit.tree.chunk import Chunker, Item

_PAGE = 2_000
"""The most nodes that are read in one transaction."""

_Pending = tuple[ObjectId, bool]
"""A node to check, and whether it is the last of its level, which may end anywhere."""


def check_boundaries(store: TableStore) -> Iterator[str]:
    """A line for each node that ends at a wrong key. Unreadable objects are skipped."""
    with store.read() as reader:
        zones = list(reader.object_ids(Kind.ZONE))
    seen: set[tuple[Shape, ObjectId, bool]] = set()
    for oid in zones:
        with store.read() as reader:
            zone = _zone(reader, oid)
        todo: list[_Pending] = [(zone.tree, True)] if zone else []
        while zone and todo:
            with store.read() as reader:
                yield from _page(reader, zone, todo, seen)


def _page(
    reader: StoreReader, zone: Zone, todo: list[_Pending], seen: set[tuple[Shape, ObjectId, bool]]
) -> Iterator[str]:
    for _ in range(min(_PAGE, len(todo))):
        oid, last = todo.pop()
        if (zone.shape, oid, last) in seen:
            continue
        seen.add((zone.shape, oid, last))
        try:
            node = decode_node(reader.get(oid))
        except ZonegitError:
            continue
        if isinstance(node, Inner):
            todo += [(child, False) for child in node.children[:-1]]
            todo.append((node.children[-1], last))
        if not _ends_well(zone.shape, node, last) or (oid == zone.tree and node.level and len(node.keys) < 2):
            yield f"object {oid.hex()}: the node doesn't end where its zone's shape says"


def _zone(reader: StoreReader, oid: ObjectId) -> Zone | None:
    try:
        return Zone.decode(reader.get(oid))
    except ZonegitError:
        return None


def _ends_well(shape: Shape, node: Node, last: bool) -> bool:
    """Whether chunking the node's entries again cuts after the last one and nowhere else."""
    ends: list[RRKey] = []
    chunker = Chunker(shape, node.level, lambda keys, items, data: ends.append(keys[-1]))
    chunker.take(zip(node.keys, _items(node), strict=True))
    return ends == [node.keys[-1]] if ends else last


def _items(node: Node) -> Iterable[Item]:
    if isinstance(node, Leaf):
        return node.payloads
    return zip(node.children, node.counts, strict=True)
