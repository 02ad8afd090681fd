"""The owners at which two versions of a zone differ or have to, and their neighbours in the chain of denial."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from zonegit.dnssec.nodes import Node, Place, nodes
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, key_owner, keys_above, to_text
from zonegit.model.rdata import DNAME, NS, NSEC3, RRSIG, SOA
from zonegit.model.rrset import FIXED, SOA_KEY, RRKey, owner_size, rr_key, served_soa
from zonegit.tree.diff import diff
from zonegit.tree.walk import LOWEST, entries, keys_before, last_before
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.types import type_text

_NSEC3: Final = NSEC3.to_bytes(2, "big")
_HASHED: Final = frozenset({NSEC3, RRSIG})
_HIGHEST: Final = RRKey(b"\xff" * 256)


class Change(NamedTuple):
    """An owner in the new version, and what stood there in the old one."""

    node: Node
    """Without types if the owner is gone."""
    before: Mapping[int, bytes]
    """Stored RRsets by type; empty if all that is there now has to be proven."""


class Served(NamedTuple):
    """A version of a zone as it is served."""

    tree: Tree
    apex: WireName
    serial: int

    def name(self, owner: OwnerKey, rtype: int | None = None) -> str:
        """An owner, and perhaps a type there, for people."""
        name = to_text(key_owner(owner) + self.apex)
        return name if rtype is None else f"{name} {type_text(rtype)}"

    def at(self, owner: OwnerKey) -> dict[int, bytes]:
        """RRsets by type; the SOA has its serial."""
        types = self.tree.at(owner)
        if not owner and SOA in types:
            types[SOA] = served_soa(types[SOA], self.serial)
        return types

    def entries(self) -> Iterator[tuple[RRKey, bytes]]:
        """The whole zone in canonical order."""
        found = entries(self.tree.nodes, self.tree.root)
        for key, payload in found:
            if key == SOA_KEY:
                yield key, served_soa(payload, self.serial)
                break
            yield key, payload
        yield from found

    def node(self, owner: OwnerKey) -> Node:
        """An owner, which may have no types; then it doesn't exist, or is empty."""
        types = self.at(owner)
        if NSEC3 in types and types.keys() <= _HASHED:
            return Node(owner, types, Place.HASHED)
        if self.occluder(owner) is not None:
            return Node(owner, types, Place.OCCLUDED)
        return Node(owner, types, Place.CUT if owner and NS in types else Place.AUTHORITATIVE)

    def occluder(self, owner: OwnerKey) -> OwnerKey | None:
        """The highest delegation or DNAME above an owner."""
        if owner and self._has(APEX_KEY, DNAME):
            return APEX_KEY
        found = None
        for above in keys_above(owner):
            if self._has(above, NS) or self._has(above, DNAME):
                found = above
        return found

    def before(self, owner: OwnerKey) -> OwnerKey:
        """The owner before this one in the chain of NSEC records; that of the apex is the last one."""
        key = last_before(self.tree.nodes, self.tree.root, RRKey(owner + b"\0") if owner else _HIGHEST)
        found = OwnerKey(key[:-3]) if key else APEX_KEY
        above = self.occluder(found)
        return found if above is None else above

    def after(self, owner: OwnerKey) -> OwnerKey:
        """The owner after this one in the chain of NSEC records, in which both are; the apex after the last."""
        types = self.tree.at(owner)
        occluding = (owner and NS in types) or DNAME in types
        if occluding and not owner:
            return APEX_KEY
        start = owner[:-1] + b"\1" if occluding else owner + b"\1"
        for key, _ in entries(self.tree.nodes, self.tree.root, RRKey(start)):
            return OwnerKey(key[:-3])
        return APEX_KEY

    def hashed_before(self, owner: OwnerKey) -> OwnerKey | None:
        """The owner of an NSEC3 record before this one; before the first one comes the last."""
        for bound in (RRKey(owner + b"\0"), _HIGHEST):
            for key in keys_before(self.tree.nodes, self.tree.root, bound):
                if key[-2:] == _NSEC3:
                    return OwnerKey(key[:-3])
        return None

    def hashed_after(self, owner: OwnerKey) -> OwnerKey | None:
        """The owner of an NSEC3 record after this one; after the last one comes the first."""
        for bound in (RRKey(owner + b"\1"), LOWEST):
            for key, _ in entries(self.tree.nodes, self.tree.root, bound):
                if key[-2:] == _NSEC3:
                    return OwnerKey(key[:-3])
        return None

    def has_below(self, owner: OwnerKey) -> bool:
        """Whether any name stands below an owner."""
        return next(self.tree.below(owner), None) is not None

    def _has(self, owner: OwnerKey, rtype: int) -> bool:
        return self.tree.payload(rr_key(owner, rtype)) is not None


def everything(new: Served) -> Iterator[Change]:
    """All owners of a version, with nothing before."""
    return (Change(node, {}) for node in nodes(new.entries()))


def changes(old: Tree, new: Served) -> Iterator[Change]:
    """The owners that differ, and those above which a delegation or DNAME came or went, in canonical order.

    The apex is always among them: the serial is signed there.
    """
    for owner in sorted(_touched(old, new.tree)):
        before = old.at(owner)
        if not owner:
            before.pop(SOA, None)
        yield Change(new.node(owner), before)


def others(new: Served, but: set[OwnerKey]) -> Iterator[Change]:
    """All other owners than these, which are as they were."""
    return (Change(node, node.types) for node in nodes(new.entries()) if node.key not in but)


def _touched(old: Tree, new: Tree) -> set[OwnerKey]:
    found = {APEX_KEY}
    for owner, differences in groupby(diff(new.nodes, old.root, new.root), lambda each: each[0][:-3]):
        key = OwnerKey(owner)
        found.add(key)
        if any(int.from_bytes(each[0][-2:], "big") in (NS, DNAME) and None in each for each in differences):
            found.update(new.below(key))
    return found


def ttl_of(payload: bytes) -> int:
    """The TTL of a stored RRset."""
    return int(FIXED.unpack_from(payload, owner_size(payload) + 2)[2])
