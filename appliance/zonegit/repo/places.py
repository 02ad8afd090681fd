"""What stands at one place (an owner, or a type there) in many versions of a zone, and whether two have the same.

Versions share most of their nodes. Each node on the way to the place is read once, however many versions have it,
and of two versions with the same node nothing below it is looked at.
"""

from bisect import bisect_left

from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner, owner_key
from zonegit.model.node import Leaf
from zonegit.model.rrset import RRKey, RRset, rr_key
from zonegit.model.zone import Zone
from zonegit.tree.source import Nodes

Record = tuple[int, int, bytes]
"""type, TTL, RDATA"""
Entries = tuple[bytes, ...]
"""Entries of leaves: stored RRsets, or stubs that name one."""


class Place:
    """An owner, or one type there, in any version of its zone."""

    def __init__(self, nodes: Nodes, owner: Owner, rtype: int | None = None) -> None:
        self._nodes = nodes
        at = owner_key(owner)
        self._start = RRKey(at + b"\0") if rtype is None else rr_key(at, rtype)
        self._end = RRKey(at + b"\1") if rtype is None else RRKey(self._start + b"\0")
        self._below: dict[ObjectId, Entries] = {}
        self._zones: dict[ObjectId, Entries] = {}
        self._records: dict[Entries, frozenset[Record]] = {}

    def entries(self, zone_root: ObjectId | None) -> Entries:
        """What stands there in a version (a `zone` object), equal exactly if the records are; nothing for None."""
        if zone_root is None:
            return ()
        found = self._zones.get(zone_root)
        if found is None:
            tree = Zone.decode(self._nodes.source.get(zone_root)).tree
            found = self._zones[zone_root] = self._under(tree)
        return found

    def same(self, one: ObjectId, other: ObjectId | None) -> bool:
        """Whether two versions have the same there."""
        return one == other or self.entries(one) == self.entries(other)

    def records(self, zone_root: ObjectId | None) -> frozenset[Record]:
        """The records there."""
        entries = self.entries(zone_root)
        found = self._records.get(entries)
        if found is None:
            rrsets = [RRset.decode(self._nodes.payload(entry)) for entry in entries]
            found = self._records[entries] = frozenset(
                (rrset.rtype, rrset.ttl_of(rdata), rdata) for rrset in rrsets for rdata in rrset.rdatas
            )
        return found

    def _under(self, oid: ObjectId) -> Entries:
        """The entries of the place below a node: mostly in one leaf."""
        found = self._below.get(oid)
        if found is not None:
            return found
        node = self._nodes(oid)
        first = bisect_left(node.keys, self._start)
        if isinstance(node, Leaf):
            found = tuple(node.payloads[first : bisect_left(node.keys, self._end)])
        else:
            last = min(bisect_left(node.keys, self._end), len(node.children) - 1)
            found = tuple(entry for child in node.children[first : last + 1] for entry in self._under(child))
        self._below[oid] = found
        return found
