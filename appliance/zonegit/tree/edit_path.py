"""Edits that fall into one leaf, as most do: the nodes on the way to it are replaced, from the leaf up to the root.

The result is that of `tree.edit`, which looks for the place of the changes anew at each level. What would change
nodes beside the way, too, or the number of levels, is left to it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from operator import eq
from typing import NamedTuple

from zonegit.model.ids import ObjectId, object_id
from zonegit.model.node import Inner, Leaf, Node, encode_inner, node_records
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape
from zonegit.tree.build import Built
from zonegit.tree.chunk import Child, Chunker, Item, encode, node_of
from zonegit.tree.source import Nodes

Edits = list[tuple[RRKey, Item | None]]
"""Items to be put under keys, or None to be taken away, in the order of the keys."""


class _Step(NamedTuple):
    """A node on the way to a leaf."""

    oid: ObjectId
    node: Inner
    at: int
    """The index of the child that comes next."""
    is_last: bool
    """Whether it is the last node of its level."""


def edit_path(nodes: Nodes, root: ObjectId, shape: Shape, edits: Edits) -> Built | None:
    """The tree with these edits, of which there is at least one; None if that is left to `tree.edit`."""
    steps: list[_Step] = []
    oid, node, is_last = root, nodes(root), True
    while isinstance(node, Inner):
        at = min(bisect_left(node.keys, edits[0][0]), len(node.keys) - 1)
        steps.append(_Step(oid, node, at, is_last))
        is_last = is_last and at + 1 == len(node.keys)
        oid = node.children[at]
        node = nodes(oid)
    if not is_last and edits[-1][0] > node.keys[-1]:
        return None
    path = _Path(nodes, shape)
    path.replace_leaf(oid, node, edits, is_last=is_last)
    for step in reversed(steps):
        if path.is_open or not path.heads:
            return None
        path.replace_child(step)
    if path.is_open or len(path.heads) != 1:
        return None
    root, records = path.heads[0][1]
    return Built(root, records, path.objects)


class _Path:
    """Makes the new nodes of a way, from the leaf up."""

    def __init__(self, nodes: Nodes, shape: Shape) -> None:
        self.objects: dict[ObjectId, bytes] = {}
        self.heads: list[tuple[RRKey, Child]] = []
        """What comes in the place of the node that was replaced last: nodes, each under its last key."""
        self.is_open = False
        """Whether the last of them doesn't end there, but goes on into the next node of the old tree."""
        self._nodes = nodes
        self._shape = shape
        self._old = ObjectId(b"")
        self._level = 0

    def replace_leaf(self, oid: ObjectId, leaf: Leaf, edits: Edits, *, is_last: bool) -> None:
        """Replace a leaf by what `edits` make of it."""
        self._old = oid
        keys, payloads = list(leaf.keys), list[Item](leaf.payloads)
        first = bisect_left(keys, edits[0][0])
        for key, item in edits:
            at = bisect_left(keys, key)
            end = at + 1 if at < len(keys) and keys[at] == key else at
            keys[at:end] = () if item is None else (key,)
            payloads[at:end] = () if item is None else (item,)
        if keys == list(leaf.keys) and all(map(eq, map(len, payloads), map(len, leaf.payloads))):
            self._emit(keys, payloads, encode(0, keys, payloads))  # the sizes decide where a node ends
        else:
            self._cut(0, keys, payloads, min(first, len(leaf.keys) - 1), is_last=is_last)

    def replace_child(self, step: _Step) -> None:
        """Replace an inner node by one in which `heads` come in the place of a child."""
        self._old, node, at, is_last = step
        heads, self.heads = self.heads, []
        if len(heads) == 1 and heads[0][0] == node.keys[at]:
            child, records = heads[0][1]
            children = (*node.children[:at], child, *node.children[at + 1 :])
            counts = (*node.counts[:at], records, *node.counts[at + 1 :])
            new = Inner(node.level, node.keys, children, counts)
            self._add(new, encode_inner(new.level, new.keys, children, counts))
            return
        keys, items = list(node.keys), list[Item](zip(node.children, node.counts, strict=True))
        keys[at : at + 1] = [key for key, _ in heads]
        items[at : at + 1] = [child for _, child in heads]
        self._cut(node.level, keys, items, min(at, len(node.keys) - 1), is_last=is_last)

    def _cut(self, level: int, keys: list[RRKey], items: list[Item], first: int, *, is_last: bool) -> None:
        """Cut a node's new entries into nodes. Before the entry `first` nothing has changed, and no node ends."""
        first = max(first, 0)
        self._level = level
        chunker = Chunker(self._shape, level, self._emit)
        chunker.begin(keys[:first], items[:first])
        chunker.take(zip(keys[first:], items[first:], strict=True))
        if chunker.pending and is_last:
            chunker.flush()
        self.is_open = chunker.pending

    def _emit(self, keys: Sequence[RRKey], items: Sequence[Item], data: bytes) -> None:
        self._add(node_of(self._level, keys, items, data), data)

    def _add(self, node: Node, data: bytes) -> None:
        oid = object_id(data)
        self._nodes.keep(oid, node)
        self.heads.append((node.keys[-1], (oid, node_records(data))))
        if oid != self._old:
            self.objects[oid] = data
