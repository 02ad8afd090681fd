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
        elif a >= 0 or b >= 0:
            if a >= b:
                left.expand()
            if b >= a:
                right.expand()
        else:
            yield from _step(nodes, left, right)


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

    def expand(self) -> None:
        """Put a subtree's children in its place."""
        node = self._nodes(ObjectId(self.todo.pop()[1]))
        if isinstance(node, Leaf):
            self.todo.extend(zip(reversed(node.keys), reversed(node.payloads), strict=True))
        else:
            self.todo.extend((node.level - 1, child) for child in reversed(node.children))
