"""The cutting rule of the tree, which is a prolly tree: content alone decides where a node ends.

The rule looks at an entry's key and size, never at its value, and computes in integers. With `s0` and `s1` the
bytes in the node before and after the entry:

    s1 <  smallest, or the only entry of an inner node    never cut
    s1 >= largest                                         always cut
    otherwise                                             cut if coin(key) < (s1**4 - s0**4) / target**4

The chance grows with the size, so sizes gather round `target`. The chances between two sizes a and b add up to
(b**4 - a**4) / target**4, however many entries fill that space. The coin, 32 bits, is BLAKE3 of the key,
keyed with the zone's salt and the level: a user who may add names can't choose where nodes end.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import cast

from blake3 import blake3

from zonegit.model.ids import ObjectId
from zonegit.model.node import HAS_STUBS, Inner, Leaf, Node, encode_inner, encode_leaf, node_records
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape

Child = tuple[ObjectId, int]
"""An inner node's entry beside its key: the child's id and its number of records."""
Item = bytes | Child
"""What stands under a key: a stored RRset or stub in a leaf, a `Child` above."""

_LEAF_ENTRY = 2
_INNER_ENTRY = 40


Emit = Callable[[Sequence[RRKey], Sequence[Item], bytes], None]
"""Gets the keys and items of a finished node, and its bytes."""


class Chunker:
    """Gathers one level's entries, in order, into nodes; `emit` gets each finished one."""

    def __init__(self, shape: Shape, level: int, emit: Emit) -> None:
        self._level = level
        self._emit = emit
        self._coin = blake3(key=blake3(shape.salt + level.to_bytes(1, "big")).digest())
        """Keyed, and reset after each use: making one takes longer than hashing a key."""
        self._smallest = shape.smallest
        self._largest = shape.largest
        self._scale = shape.target**4
        self._keys: list[RRKey] = []
        self._items: list[Item] = []
        self._size = 0

    def begin(self, keys: Sequence[RRKey], items: Sequence[Item]) -> None:
        """Take the first entries of a node, behind none of which it is known to end."""
        self._keys = list(keys)
        self._items = list(items)
        if self._level:
            self._size = _INNER_ENTRY * len(keys) + sum(map(len, keys))
        else:
            self._size = _LEAF_ENTRY * len(items) + sum(map(len, items))

    def take(self, entries: Iterable[tuple[RRKey, Item]]) -> None:
        """Take the next entries, and end a node after each where the rule says so."""
        level, smallest, largest, scale = self._level, self._smallest, self._largest, self._scale
        keys, items, after = self._keys, self._items, self._size
        hasher = self._coin
        for key, item in entries:
            keys.append(key)
            items.append(item)
            before = after
            after += _INNER_ENTRY + len(key) if level else _LEAF_ENTRY + len(item)
            if after < smallest or (level and len(keys) == 1):
                continue
            if after < largest:
                # coin / 2**32 < (s1**4 - s0**4) / target**4 in integers, so that no machine rounds differently.
                # Divided, not multiplied out: a signal's exception in a long product ends a compiled program.
                # The coin's first half alone mostly tells that a node doesn't end, without long integers.
                hasher.update(key)
                coin = hasher.digest(4)
                hasher.reset()
                before, square = before * before, after * after
                chance = square * square - before * before
                if (coin[0] << 8 | coin[1]) > ((chance << 16) - 1) // scale:
                    continue
                if int.from_bytes(coin, "big") > ((chance << 32) - 1) // scale:
                    continue
            self._emit(keys, items, encode(level, keys, items))
            keys, items, after = [], [], 0
        self._keys, self._items, self._size = keys, items, after

    @property
    def pending(self) -> bool:
        """Whether an unfinished node holds entries."""
        return bool(self._keys)

    def flush(self) -> None:
        """End the node here, as after a level's last entry."""
        keys, items = self._keys, self._items
        self._keys, self._items, self._size = [], [], 0
        self._emit(keys, items, encode(self._level, keys, items))


def node_of(level: int, keys: Sequence[RRKey], items: Sequence[Item], data: bytes) -> Node:
    """The same node decoded; `data` are its bytes."""
    if level == 0:
        payloads = tuple(cast(Sequence[bytes], items))
        return Leaf(tuple(keys), payloads, node_records(data), bool(data[2] & HAS_STUBS))
    children = cast(Sequence[Child], items)
    return Inner(
        level, tuple(keys), tuple([child for child, _ in children]), tuple([count for _, count in children])
    )


def encode(level: int, keys: Sequence[RRKey], items: Sequence[Item]) -> bytes:
    """The node of these entries."""
    if level == 0:
        return encode_leaf(cast(Sequence[bytes], items))
    children = cast(Sequence[Child], items)
    return encode_inner(level, keys, [child for child, _ in children], [count for _, count in children])
