"""One version of a zone, and ways to read it in short transactions."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final, NamedTuple, TypeVar

from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, WireName, owner_key, parse_apex
from zonegit.model.rdata import SOA, with_serial
from zonegit.model.rrset import SOA_KEY, RRset, rr_key
from zonegit.model.zone import Zone
from zonegit.repo.results import Revision
from zonegit.store.port import Reader, Store
from zonegit.tree import walk
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree

_T = TypeVar("_T")
_SHARING: Final = 1000
"""The most objects that are read in one transaction: this takes some milliseconds."""


class ShortReads(NamedTuple):
    """A `NodeSource` that reads each object in its own transaction: a long one keeps LMDB from reusing pages."""

    store: Store

    def get(self, oid: ObjectId) -> bytes:
        with self.store.read() as reader:
            return reader.get(oid)


class SharedReads:
    """A `NodeSource` for walks: reads share a transaction within `shared`, and have one each outside of it.

    Every `_SHARING` reads the shared transaction is renewed, as a long one would keep LMDB from reusing pages.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._stack: ExitStack | None = None
        self._reader: Reader | None = None
        self._reads = 0

    def get(self, oid: ObjectId) -> bytes:
        if self._stack is None:
            with self._store.read() as reader:
                return reader.get(oid)
        if self._reader is None or self._reads >= _SHARING:
            self._stack.close()
            self._reader = self._stack.enter_context(self._store.read())
            self._reads = 0
        self._reads += 1
        return self._reader.get(oid)

    @contextmanager
    def shared(self) -> Iterator[None]:
        try:
            with ExitStack() as self._stack:
                yield
        finally:
            self._stack = self._reader = None

    def during(self, items: Iterator[_T]) -> Iterator[_T]:
        """Yield the items one by one; no transaction is open while the caller handles one."""
        while True:
            with self.shared():
                item = next(items, None)
            if item is None:
                return
            yield item


class Content(NamedTuple):
    """The records of one commit; its SOA has the serial that it is served with."""

    revision: Revision
    zone: Zone
    tree: Tree

    @classmethod
    def of(cls, nodes: Nodes, revision: Revision) -> "Content":
        zone = Zone.decode(nodes.source.get(revision.commit.zone_root))
        return cls(revision, zone, Tree(nodes, zone.tree))

    @property
    def apex(self) -> WireName:
        return parse_apex(self.revision.commit.zone)

    def rrset(self, owner: Owner, rtype: int) -> RRset | None:
        payload = self.tree.payload(rr_key(owner_key(owner), rtype))
        return self.served(payload) if payload else None

    def rrsets_at(self, owner: Owner) -> list[RRset]:
        return [self.served(payload) for payload in self.tree.at(owner_key(owner)).values()]

    def rrsets(self) -> Iterator[RRset]:
        """All RRsets in canonical order, except that the SOA comes first."""
        soa = self.tree.payload(SOA_KEY)
        if soa:
            yield self.served(soa)
        for key, payload in walk.entries(self.tree.nodes, self.tree.root):
            if key != SOA_KEY:
                yield RRset.decode(payload)

    def served(self, payload: bytes) -> RRset:
        """Decode a stored RRset; an SOA gets the version's serial."""
        rrset = RRset.decode(payload)
        if rrset.rtype != SOA:
            return rrset
        serial = self.revision.commit.serial
        return RRset(rrset.owner, SOA, rrset.ttl, tuple(with_serial(rdata, serial) for rdata in rrset.rdatas))
