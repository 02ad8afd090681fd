"""Where the tree's nodes come from, and the cache of decoded ones, which never goes stale: its key is a hash."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from zonegit.model.ids import ObjectId
from zonegit.model.node import Node, decode_node, decode_rrset, is_stub, stub_target


class NodeSource(Protocol):
    """Anything that finds an object's bytes by their hash, and has checked that they still match it."""

    def get(self, oid: ObjectId) -> bytes:
        """The object's bytes. `NotFound` or `CorruptStore` when it can't give them."""
        ...


class Overlay(NamedTuple):
    """New objects that are not stored yet, before those of another source."""

    fresh: Mapping[ObjectId, bytes]
    below: NodeSource

    def get(self, oid: ObjectId) -> bytes:
        return self.fresh.get(oid) or self.below.get(oid)


class Recent:
    """Another source whose last objects are kept, for work that soon comes back to them."""

    def __init__(self, below: NodeSource, limit: int = 8192) -> None:
        self.below = below
        self._limit = limit
        self._kept: dict[ObjectId, bytes] = {}

    def get(self, oid: ObjectId) -> bytes:
        data = self._kept.get(oid)
        if data is None:
            data = self.below.get(oid)
            if len(self._kept) >= self._limit:
                del self._kept[next(iter(self._kept))]
            self._kept[oid] = data
        return data


class NodeCache:
    """Decoded nodes, up to `limit` of those used last (a leaf takes about 5 KiB). Sources may share one."""

    def __init__(self, limit: int = 4096) -> None:
        self._half = max(1, limit // 2)
        self._recent: dict[ObjectId, Node] = {}
        self._older: dict[ObjectId, Node] = {}
        """Dropped when `recent` is full, and takes its place. What was used meanwhile is in `recent` again."""

    def get(self, oid: ObjectId) -> Node | None:
        node = self._recent.get(oid)
        if node is None and (node := self._older.get(oid)) is not None:
            self.add(oid, node)
        return node

    def add(self, oid: ObjectId, node: Node) -> None:
        if len(self._recent) >= self._half:
            self._recent, self._older = {}, self._recent
        self._recent[oid] = node


class Nodes:
    """Decoded nodes over a source."""

    def __init__(self, source: NodeSource, cache: NodeCache | None = None) -> None:
        self.source = source
        self._cache = cache or NodeCache()

    def __call__(self, oid: ObjectId) -> Node:
        node = self._cache.get(oid)
        if node is None:
            node = decode_node(self.source.get(oid))
            self._cache.add(oid, node)
        return node

    def decoded(self, oid: ObjectId) -> Node | None:
        """A node that was read or made lately, without its source."""
        return self._cache.get(oid)

    def keep(self, oid: ObjectId, node: Node) -> None:
        """Keep a node that was made just now, for whoever reads it soon."""
        self._cache.add(oid, node)

    def over(self, fresh: Mapping[ObjectId, bytes]) -> "Nodes":
        """The same nodes with new ones before them, which needn't be stored yet."""
        return self.through(Overlay(fresh, self.source))

    def through(self, source: NodeSource) -> "Nodes":
        """The same nodes from another source of the same objects."""
        return Nodes(source, self._cache)

    def payload(self, entry: bytes) -> bytes:
        """A leaf entry's stored RRset, fetched from its object when the entry is a stub."""
        return decode_rrset(self.source.get(stub_target(entry)[1])) if is_stub(entry) else entry
