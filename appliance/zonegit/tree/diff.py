"""Differences between two trees: equal subtrees are skipped by their ids, unread."""

from collections.abc import Iterator

from zonegit.model.ids import ObjectId
from zonegit.model.node import Leaf
from zonegit.model.rrset import RRKey
from zonegit.tree.source import Nodes

Difference = tuple[RRKey, bytes | None, bytes | None]
"""A key with the stored RRset on either side; None where it doesn't stand."""

_Subtree = tuple[int, ObjectId]
_Entry = tuple[RRKey, bytes]


def diff(nodes: Nodes, old: ObjectId, new: ObjectId) -> Iterator[Difference]:
    """What `new` has otherwise than `old`, in canonical order."""
    if old == new:
        return
    left, right = _Side(nodes, old), _Side(nodes, new)
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
    a, b = left.entry, right.entry
    if a is not None and b is not None and a[0] == b[0]:
        left.todo.pop()
        right.todo.pop()
        if a[1] != b[1]:
            yield a[0], nodes.payload(a[1]), nodes.payload(b[1])
    elif a is not None and (b is None or a[0] < b[0]):
        left.todo.pop()
        yield a[0], nodes.payload(a[1]), None
    elif b is not None:
        right.todo.pop()
        yield b[0], None, nodes.payload(b[1])


class _Side:
    """One tree, opened no further than needed: what is still to compare, the next on top."""

    def __init__(self, nodes: Nodes, root: ObjectId) -> None:
        self._nodes = nodes
        self.todo: list[_Subtree | _Entry] = [(nodes(root).level, root)]

    @property
    def level(self) -> int:
        """The level of the subtree on top; -1 when an entry is, or nothing."""
        if self.todo and isinstance(head := self.todo[-1][0], int):
            return head
        return -1

    @property
    def entry(self) -> _Entry | None:
        """The entry on top."""
        if self.todo and isinstance(head := self.todo[-1], tuple) and isinstance(head[0], bytes):
            return RRKey(head[0]), head[1]
        return None

    def opened(self) -> "list[_Subtree | _Entry]":
        """Take the subtree on top away and give its children, the first one first."""
        node = self._nodes(ObjectId(self.todo.pop()[1]))
        if isinstance(node, Leaf):
            return list(zip(node.keys, node.payloads, strict=True))
        below = node.level - 1
        return [(below, child) for child in node.children]
