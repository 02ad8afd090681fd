"""Where a node ends: decided after an entry from its key and its size, never its value, in integers only.

With `s0`/`s1` the bytes in the node before/after the entry: no cut below `smallest`, nor after the only entry of an
inner node; a cut from `largest` on; in between with a probability that grows with the size, so that nodes gather
round `target`. The coin is BLAKE3 of the key under the zone's salt and the level: whoever may add names can't aim.
"""

from collections.abc import Callable, Sequence

from blake3 import blake3

from zonegit.model.ids import ObjectId
from zonegit.model.node import encode_inner, encode_leaf
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape

Child = tuple[ObjectId, int]
"""An inner node's entry beside its key: the child's id and its number of records."""
Item = bytes | Child
"""What stands under a key: a stored RRset or stub in a leaf, a `Child` above."""

_LEAF_ENTRY = 2
_INNER_ENTRY = 40


class Chunker:
    """Gathers one level's entries, in order, into nodes; `emit(last key, bytes)` gets each finished one."""

    def __init__(self, shape: Shape, level: int, emit: Callable[[RRKey, bytes], None]) -> None:
        self._level = level
        self._emit = emit
        self._coin = blake3(shape.salt + level.to_bytes(1, "big")).digest()
        self._smallest = shape.smallest
        self._largest = shape.largest
        self._scale = shape.target**4
        self._keys: list[RRKey] = []
        self._items: list[Item] = []
        self._size = 0

    def push(self, key: RRKey, item: Item) -> None:
        """Take the next entry, and end the node behind it if the rule says so."""
        self._keys.append(key)
        self._items.append(item)
        before = self._size
        after = before + (_INNER_ENTRY + len(key) if self._level else _LEAF_ENTRY + len(item))
        self._size = after
        if after < self._smallest or (self._level and len(self._keys) == 1):
            return
        if after < self._largest:
            coin = int.from_bytes(blake3(key, key=self._coin).digest(4), "big")
            if coin * self._scale >= (after**4 - before**4) << 32:
                return
        self.flush()

    @property
    def pending(self) -> bool:
        """Whether entries wait for their node's end."""
        return bool(self._keys)

    def flush(self) -> None:
        """End the node here, as after a level's last entry."""
        keys, items = self._keys, self._items
        self._keys, self._items, self._size = [], [], 0
        self._emit(keys[-1], encode(self._level, keys, items))


def encode(level: int, keys: Sequence[RRKey], items: Sequence[Item]) -> bytes:
    """The node of these entries."""
    if level == 0:
        return encode_leaf([item for item in items if isinstance(item, bytes)])
    children = [item for item in items if isinstance(item, tuple)]
    return encode_inner(level, keys, [child for child, _ in children], [count for _, count in children])
