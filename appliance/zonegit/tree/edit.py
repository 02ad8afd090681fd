"""Edit a tree: rewrite the paths above the changes, and share every other node with the old tree.

Each level is edited by the same pass. It reads the old nodes that the changes fall into, merges the changes into
their entries, and cuts anew. Cuts depend on content alone (`tree.chunk`), so as soon as one falls where an old node
ended, the nodes after it are the old ones, and the pass jumps to the next change. A level's result (an old node
removed under its last key, a new one added there) is the list of changes for the level above.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from zonegit.model.ids import ObjectId, object_id
from zonegit.model.node import Inner, Leaf, Node, node_records
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape
from zonegit.tree.build import Built, raise_levels, stored_entry
from zonegit.tree.chunk import Child, Chunker, Item, encode, node_of
from zonegit.tree.edit_path import Edits, edit_path
from zonegit.tree.source import Nodes


def edit(nodes: Nodes, root: ObjectId, shape: Shape, changes: Iterable[tuple[RRKey, bytes | None]]) -> Built:
    """The tree with each key's stored RRset replaced, added or (None) deleted; a key occurs at most once.

    Equal to building the changed zone from nothing. `objects` holds the new nodes only.
    """
    objects: dict[ObjectId, bytes] = {}
    edits: Edits = [
        (key, None if payload is None else stored_entry(key, payload, objects)) for key, payload in sorted(changes)
    ]
    if edits and (built := edit_path(nodes, root, shape, edits)):
        return built._replace(by_id=objects | built.by_id)
    top = nodes(root)
    for level in range(top.level + 1):
        edits = _edit_level(nodes, root, level, shape, edits, objects)
        if not edits:
            return Built(root, top.records, objects)
    whole: tuple[RRKey, Item] = (top.keys[-1] if top.keys else RRKey(b""), (root, top.records))
    heads = [(key, item) for key, item in _merged([whole], edits) if isinstance(item, tuple)]
    built = raise_levels(shape, top.level + 1, heads, objects)
    return _collapse(nodes, built)


def _edit_level(
    nodes: Nodes, root: ObjectId, level: int, shape: Shape, edits: Edits, objects: dict[ObjectId, bytes]
) -> Edits:
    """Apply `edits` to one level of the old tree; returns the edits of the level above."""
    old: dict[RRKey, Child] = {}
    new: dict[RRKey, tuple[Child, bytes]] = {}

    def emit(keys: Sequence[RRKey], items: Sequence[Item], data: bytes) -> None:
        oid = object_id(data)
        nodes.keep(oid, node_of(level, keys, items, data))
        new[keys[-1]] = ((oid, node_records(data)), data)

    chunker = Chunker(shape, level, emit)
    cursor = _Cursor(nodes, root, level)
    done = 0
    while done < len(edits):
        here: _Place | None = cursor.seek(edits[done][0])
        while here:
            old[here.key] = here.child
            # The edits for this node: up to its last key. The level's last node takes all that are left.
            bound = len(edits) if here.last else _first_above(edits, done, here.key)
            items = None if chunker.pending else _replaced(here.node, edits[done:bound])
            if items:
                # The sizes are the same, so the boundaries are too: nothing has to be cut anew.
                emit(here.node.keys, items, encode(level, here.node.keys, items))
                done = bound
                break
            entries = _entries(here.node)
            if not chunker.pending and done < bound:
                # Before the first change, and before its last entry, the node doesn't end, as it didn't.
                keys = here.node.keys
                same = list(islice(entries, max(0, min(bisect_left(keys, edits[done][0]), len(keys) - 1))))
                chunker.begin([key for key, _ in same], [item for _, item in same])
            chunker.take(_merged(entries, edits[done:bound]))
            done = bound
            # A cut that falls on the old boundary leaves nothing pending: from here on the old nodes stand again.
            here = cursor.following() if chunker.pending else None
        if chunker.pending:
            chunker.flush()
    fresh = {child for child, _ in new.values()} - set(old.values())
    objects.update((child[0], data) for child, data in new.values() if child in fresh)
    above: Edits = [(key, new[key][0] if key in new else None) for key in sorted(old.keys() | new.keys())]
    return [(key, child) for key, child in above if child != old.get(key)]


def _replaced(node: Node, edits: Edits) -> list[Item] | None:
    """The node's items with the edits applied; None if an edit may move a boundary.

    Boundaries follow from keys and sizes alone: replacing an item by one of the same size leaves them where they
    are.
    """
    items: list[Item] = [item for _, item in _entries(node)]
    for key, item in edits:
        at = bisect_left(node.keys, key)
        if item is None or at == len(node.keys) or node.keys[at] != key or len(items[at]) != len(item):
            return None
        items[at] = item
    return items


def _first_above(edits: Edits, start: int, key: RRKey) -> int:
    while start < len(edits) and edits[start][0] <= key:
        start += 1
    return start


def _entries(node: Node) -> Iterator[tuple[RRKey, Item]]:
    if isinstance(node, Leaf):
        return zip(node.keys, node.payloads, strict=True)
    return zip(node.keys, zip(node.children, node.counts, strict=True), strict=True)


def _merged(entries: Iterable[tuple[RRKey, Item]], edits: Edits) -> Iterator[tuple[RRKey, Item]]:
    """Old entries merged with the edits that fall among them or after them."""
    at = 0
    for key, item in entries:
        while at < len(edits) and edits[at][0] < key:
            added, value = edits[at]
            at += 1
            if value is not None:
                yield added, value
        if at < len(edits) and edits[at][0] == key:
            changed = edits[at][1]
            at += 1
            if changed is not None:
                yield key, changed
        else:
            yield key, item
    for added, value in edits[at:]:
        if value is not None:
            yield added, value


def _collapse(nodes: Nodes, built: Built) -> Built:
    """Drop roots with one child: the root is the single node of the lowest level that has only one."""
    fresh = dict(built.by_id)
    overlay = nodes.over(fresh)
    root = built.root
    node = overlay(root)
    while isinstance(node, Inner) and len(node.children) == 1:
        fresh.pop(root, None)
        root = node.children[0]
        node = overlay(root)
    return Built(root, built.records, fresh)


class _Place(NamedTuple):
    """A node of the level that is edited, as its parent describes it."""

    key: RRKey
    child: Child
    node: Node
    last: bool


class _Cursor:
    """Steps over the nodes of one level of a tree, from left to right."""

    def __init__(self, nodes: Nodes, root: ObjectId, level: int) -> None:
        self._nodes = nodes
        self._root = root
        self._level = level
        self._path: list[tuple[Inner, int]] = []

    def seek(self, key: RRKey) -> _Place:
        """The node that holds `key`, or would: the last one for a key beyond all."""
        self._path.clear()
        return self._descend(self._root, lambda node: min(bisect_left(node.keys, key), len(node.keys) - 1))

    def following(self) -> _Place | None:
        """The node after the one that was given last."""
        while self._path:
            parent, at = self._path.pop()
            if at + 1 < len(parent.children):
                self._path.append((parent, at + 1))
                return self._descend(parent.children[at + 1], lambda _: 0)
        return None

    def _descend(self, oid: ObjectId, choose: Callable[[Inner], int]) -> _Place:
        node = self._nodes(oid)
        while isinstance(node, Inner) and node.level > self._level:
            at = choose(node)
            self._path.append((node, at))
            oid = node.children[at]
            node = self._nodes(oid)
        last = all(at + 1 == len(parent.children) for parent, at in self._path)
        key = node.keys[-1] if node.keys else RRKey(b"")
        return _Place(key, (oid, node.records), node, last)
