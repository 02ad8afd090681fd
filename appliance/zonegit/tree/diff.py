"""Differences between two trees: equal subtrees are skipped by their ids, unread, and equal entries by their bytes.

Keys are derived only for the entries that are left then: most of a leaf that differs is alike on both sides.
"""

from collections.abc import Callable, Iterator, Sequence

from zonegit.model.ids import ObjectId
from zonegit.model.node import node_level, node_parts
from zonegit.model.rrset import RRKey, payload_key
from zonegit.tree.source import Nodes

Difference = tuple[RRKey, bytes | None, bytes | None]
"""A key with the stored RRset on either side; None where it doesn't stand."""

Parts = Callable[[bytes], tuple[int, Sequence[bytes]]]
"""`node_parts`, or the same with a memory."""

_Subtree = tuple[int, ObjectId]
_Item = _Subtree | bytes
"""A subtree by its level, or a leaf's entry."""


def diff(nodes: Nodes, old: ObjectId, new: ObjectId, parts: Parts = node_parts) -> Iterator[Difference]:
    """What `new` has otherwise than `old`, in canonical order."""
    if old == new:
        return
    left, right = _Side(nodes, old, parts), _Side(nodes, new, parts)
    while left.todo or right.todo:
        a, b = left.level, right.level
        if a >= 0 and a == b and left.todo[-1] == right.todo[-1]:
            left.todo.pop()
            right.todo.pop()
        elif a >= 0 and a == b:
            _expand_both(left, right)
        elif a > b:
            left.todo.extend(reversed(left.opened()))
        elif b > a:
            right.todo.extend(reversed(right.opened()))
        else:
            yield from _step(nodes, left, right)


def _expand_both(left: "_Side", right: "_Side") -> None:
    """Put the children of two subtrees in their places, but for those that they begin and end with alike."""
    mine, theirs = left.opened(), right.opened()
    first, size = 0, min(len(mine), len(theirs))
    while first < size and mine[first] == theirs[first]:
        first += 1
    last = 0
    while last < size - first and mine[-1 - last] == theirs[-1 - last]:
        last += 1
    left.todo.extend(reversed(mine[first : len(mine) - last]))
    right.todo.extend(reversed(theirs[first : len(theirs) - last]))


def _step(nodes: Nodes, left: "_Side", right: "_Side") -> Iterator[Difference]:
    """Compare the entries that stand next on both sides, and take away the lower one."""
    mine, theirs = left.entry, right.entry
    if mine is not None and mine == theirs:
        left.todo.pop()
        right.todo.pop()
        return
    a, b = left.key, right.key
    if mine is not None and theirs is not None and a == b:
        left.todo.pop()
        right.todo.pop()
        yield a, nodes.payload(mine), nodes.payload(theirs)
    elif mine is not None and (theirs is None or a < b):
        left.todo.pop()
        yield a, nodes.payload(mine), None
    elif theirs is not None:
        right.todo.pop()
        yield b, None, nodes.payload(theirs)


class _Side:
    """One tree, opened no further than needed: what is still to compare, the next on top."""

    def __init__(self, nodes: Nodes, root: ObjectId, parts: Parts) -> None:
        self._source = nodes.source
        self._parts = parts
        self.todo: list[_Item] = [(node_level(self._source.get(root)), root)]
        self._keyed: tuple[bytes, RRKey] = (b"", RRKey(b""))

    @property
    def level(self) -> int:
        """The level of the subtree on top; -1 when an entry is, or nothing."""
        todo = self.todo
        if todo and type(head := todo[-1]) is tuple:
            return head[0]
        return -1

    @property
    def entry(self) -> bytes | None:
        """The entry on top."""
        todo = self.todo
        if todo and isinstance(head := todo[-1], bytes):
            return head
        return None

    @property
    def key(self) -> RRKey:
        """The key of the entry on top; empty without one."""
        entry = self.entry
        if entry is None:
            return RRKey(b"")
        if self._keyed[0] is not entry:
            self._keyed = entry, payload_key(entry)
        return self._keyed[1]

    def opened(self) -> "list[_Item]":
        """Take the subtree on top away and give its children, the first one first."""
        head = self.todo.pop()
        level, parts = self._parts(self._source.get(ObjectId(bytes(head[1]))))
        return [(level - 1, ObjectId(part)) for part in parts] if level else list(parts)
