"""Where the tree's nodes come from, and the cache of decoded ones, which never goes stale: its key is a hash."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from zonegit.model.ids import ObjectId
from zonegit.model.node import Node, decode_node, decode_rrset, is_stub, stub_target


class NodeSource(Protocol):
    """Anything that finds an object's bytes by their hash, and has checked that they still match it."""

    def get(self, oid: ObjectId) -> bytes:
        """The object's bytes. `NotFound` or `CorruptStore` when it can't give them."""
        ...


@dataclass(frozen=True, slots=True)
class Overlay:
    """New objects that are not stored yet, before those of another source."""

    fresh: Mapping[ObjectId, bytes]
    below: NodeSource

    def get(self, oid: ObjectId) -> bytes:
        return self.fresh.get(oid) or self.below.get(oid)


class Nodes:
    """Decoded nodes over a source; keeps the `limit` most recently used (a leaf takes about 5 KiB)."""

    def __init__(self, source: NodeSource, limit: int = 4096) -> None:
        self.source = source
        self._limit = limit
        self._cache: OrderedDict[ObjectId, Node] = OrderedDict()

    def __call__(self, oid: ObjectId) -> Node:
        node = self._cache.get(oid)
        if node is None:
            node = decode_node(self.source.get(oid))
            self._cache[oid] = node
            if len(self._cache) > self._limit:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(oid)
        return node

    def payload(self, entry: bytes) -> bytes:
        """A leaf entry's stored RRset, fetched from its object when the entry is a stub."""
        return decode_rrset(self.source.get(stub_target(entry)[1])) if is_stub(entry) else entry
