"""Looks up the records at one owner, or of one type there, in many versions of a zone, and compares them.

Versions share most of their nodes. Each node on the way to the records is read once, however many versions have it,
and if two versions share a node, nothing below it is read to compare them.
"""

from bisect import bisect_left

from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, owner_key
from zonegit.model.node import Leaf, child_at, decode_node, inner_keys, node_level
from zonegit.model.rrset import RRKey, RRset, rr_key
from zonegit.model.zone import Zone
from zonegit.tree.source import Nodes

Record = tuple[int, int, bytes]
"""Type, TTL, RDATA."""
Entries = tuple[bytes, ...]
"""Entries of leaves: stored RRsets, or stubs that point to one."""


class RecordLookup:
    """The look-up of an owner, or of one type there, in any version of its zone."""

    def __init__(self, nodes: Nodes, owner: Owner, rtype: int | None = None) -> None:
        self._nodes = nodes
        at = owner_key(owner)
        self._start = RRKey(at + b"\0") if rtype is None else rr_key(at, rtype)
        self._end = RRKey(at + b"\1") if rtype is None else RRKey(self._start + b"\0")
        self._below: dict[ObjectId, Entries] = {}
        self._children: dict[bytes, range] = {}
        """By an inner node's encoded keys, which of its children lead to the records: versions share keys too."""
        self._zones: dict[ObjectId, Entries] = {}
        self._records: dict[Entries, frozenset[Record]] = {}

    def entries(self, zone_root: ObjectId | None) -> Entries:
        """The leaf entries in a version (a `zone` object); equal if and only if the records are. None has none."""
        if zone_root is None:
            return ()
        found = self._zones.get(zone_root)
        if found is None:
            tree = Zone.decode(self._nodes.source.get(zone_root)).tree
            found = self._zones[zone_root] = self._under(tree)
        return found

    def same(self, one: ObjectId, other: ObjectId | None) -> bool:
        """Whether two versions have the same records there."""
        return one == other or self.entries(one) == self.entries(other)

    def records(self, zone_root: ObjectId | None) -> frozenset[Record]:
        """The records in a version; None has none."""
        entries = self.entries(zone_root)
        found = self._records.get(entries)
        if found is None:
            rrsets = [RRset.decode(self._nodes.payload(entry)) for entry in entries]
            found = self._records[entries] = frozenset(
                (rrset.rtype, rrset.ttl_of(rdata), rdata) for rrset in rrsets for rdata in rrset.rdatas
            )
        return found

    def _under(self, oid: ObjectId) -> Entries:
        """The entries below a node, usually in one leaf."""
        found = self._below.get(oid)
        if found is not None:
            return found
        data = self._nodes.source.get(oid)
        if node_level(data):
            found = tuple(entry for at in self._leading(data) for entry in self._under(child_at(data, at)))
        else:
            leaf = decode_node(data)
            first, end = (bisect_left(leaf.keys, key) for key in (self._start, self._end))
            found = tuple(leaf.payloads[first:end]) if isinstance(leaf, Leaf) else ()
        self._below[oid] = found
        return found

    def _leading(self, data: bytes) -> range:
        """Which children of an inner node lead to the records."""
        keys = inner_keys(data)
        found = self._children.get(keys)
        if found is None:
            node = decode_node(data)
            first, last = (bisect_left(node.keys, key) for key in (self._start, self._end))
            found = self._children[keys] = range(first, min(last + 1, len(node.keys)))
        return found
