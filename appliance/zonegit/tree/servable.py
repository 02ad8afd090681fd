"""Checks that a version, wherever it comes from, is *servable*: it can be answered from and transferred.

It must have one SOA, at the apex; owners of at most 255 bytes including the apex, which leaves don't store
(RFC 1035 §2.3.4); RDATA that fits its type, as a `Misfit` says; and no more records at an owner than a query is
answered from (`version.excess`).
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final

from zonegit.errors import InvalidZone
from zonegit.model.ids import ObjectId
from zonegit.model.names import MAX_NAME, Owner, OwnerKey, WireName, owner_text
from zonegit.model.node import is_stub, leaf_longest, node_level, node_parts
from zonegit.model.rdata import SOA, is_checked
from zonegit.model.rrset import APEX_POINTER, SOA_KEY, RRKey, owner_size, rdatas, record_count
from zonegit.tree import walk
from zonegit.tree.diff import Difference, diff
from zonegit.tree.oversized import Edges, crowd_below, crowd_in, edges, grows
from zonegit.tree.source import Nodes

_SOA: Final = APEX_POINTER + SOA.to_bytes(2, "big")
_EASY: Final = frozenset(rtype for rtype in range(256) if is_checked(rtype) and rtype != SOA)
"""Types of which only the owner can be wrong once an object's own checks have passed."""
_EASY_TYPES: Final = frozenset(rtype.to_bytes(2, "big") for rtype in _EASY)
_JUDGED: Final = re.compile(
    rb"\xc0\x0c(?!\x00[" + re.escape(bytes(_EASY)) + rb"])..(?:\x00\x01|\xff\x00)", re.DOTALL
)
"""Matches where there may be an RR or a stub of a type that isn't easy."""
_TYPE: Final = 3
"""Bytes of a key after its owner's."""
_FIXED: Final = 12
"""Bytes of a stored RR between its owner's labels and its RDATA, including the pointer to the apex."""
_FEW: Final = 100
"""The most owners that are looked at one by one; if there are more, looking at all new nodes is faster."""
_NO_SOA: Final = "no SOA record at the apex"

Plain = tuple[int, bool]
"""What is known of a node below which only the length of owners can still be wrong: an upper bound of the longest
one's bytes, and whether the zone's SOA is there."""
Misfit = Callable[[int, bytes], str | None]
"""Why RDATA in canonical form doesn't fit its type (`zonefile.rdata.fitting.misfit`); None if it does."""


def fault(apex: WireName, rrset: bytes, misfit: Misfit) -> str | None:
    """Why no version of the zone at `apex` may have this stored RRset; None if it may."""
    size = owner_size(rrset)
    if size + len(apex) > MAX_NAME:
        return f"an owner of {size + len(apex)} bytes; a name has at most {MAX_NAME} (RFC 1035 §2.3.4)"
    if rrset.startswith(_SOA, size):
        if size:
            return f"a SOA record at {owner_text(Owner(rrset[:size]))}; a zone has one, at its apex"
        if record_count(rrset) > 1:
            return "more than one SOA record; a zone has one"
    why = _unreadable(rrset, size, misfit)
    return f"unreadable data at {owner_text(Owner(rrset[:size]))}: {why}" if why else None


def _unreadable(rrset: bytes, size: int, misfit: Misfit) -> str | None:
    """Why a record of a stored RRset doesn't fit its type; its owner has `size` bytes."""
    rtype = int.from_bytes(rrset[size + 2 : size + 4], "big")
    if rtype in _EASY:
        return None
    skip = size + _FIXED
    if int.from_bytes(rrset[skip - 2 : skip], "big") == len(rrset) - skip:
        return misfit(rtype, rrset[skip:])  # most have one record
    return next(filter(None, (misfit(rtype, each) for each in rdatas(rrset))), None)


def checked_plain(longest: int) -> Plain:
    """The `Plain` of a leaf with no SOA and types of which only the owner can still be wrong (`rdata.is_checked`),
    and whose longest key has so many bytes.
    """
    return longest - _TYPE, False


def leaf_plain(leaf: bytes, longest: int, misfit: Misfit) -> Plain | None:
    """The `Plain` of a leaf whose longest key has so many bytes; None if anything else may be wrong."""
    has_soa = False
    if _JUDGED.search(leaf):
        for entry in node_parts(leaf)[1]:
            size = owner_size(entry)
            rtype = entry[size + 2 : size + 4]
            if rtype in _EASY_TYPES:
                continue
            if is_stub(entry) or _unreadable(entry, size, misfit):
                return None
            if rtype == _SOA[2:]:
                if size or record_count(entry) > 1:
                    return None
                has_soa = True
    return longest - _TYPE, has_soa


def is_sound(apex: WireName, plain: Plain | None) -> bool:
    """Whether `plain` shows that a tree is servable as a version of the zone; if not, it has to be inspected."""
    return plain is not None and plain[1] and plain[0] + len(apex) <= MAX_NAME


def edit_fault(apex: WireName, edit: Iterable[tuple[RRKey, bytes | None]], misfit: Misfit) -> str | None:
    """What is wrong with RRsets that a servable version gets under these keys (None: loses); None if nothing is."""
    room = MAX_NAME - len(apex) + _TYPE
    judged = ((key, rrset) for key, rrset in edit if key[-2:] not in _EASY_TYPES or len(key) > room)
    faults = (fault(apex, rrset, misfit) if rrset else _NO_SOA if key == SOA_KEY else None for key, rrset in judged)
    return next(filter(None, faults), None)


def change_fault(apex: WireName, nodes: Nodes, old: ObjectId, new: ObjectId, misfit: Misfit) -> str | None:
    """What is wrong with a tree whose predecessor is servable; None if nothing is. Reads only what differs."""
    grown: set[OwnerKey] = set()
    found = edit_fault(apex, _watched(diff(nodes, old, new), grown), misfit)
    if found or len(grown) <= _FEW:
        return found or next(filter(None, (crowd_below(nodes, new, owner) for owner in grown)), None)
    inspection = Inspection(apex, nodes, misfit)
    inspection.trust(old)
    return inspection.fault(new)


def _watched(changes: Iterable[Difference], grown: set[OwnerKey]) -> Iterator[tuple[RRKey, bytes | None]]:
    """Changes as an edit. Adds the first `_FEW` + 1 owners that may get more records or bytes to `grown`."""
    for change in changes:
        if len(grown) <= _FEW and grows(change):
            grown.add(OwnerKey(change[0][:-3]))
        yield change[0], change[2]


class Inspection:
    """Checks many trees of one zone. They share most of their nodes, and each node is looked at once."""

    def __init__(
        self,
        apex: WireName,
        nodes: Nodes,
        misfit: Misfit,
        plain: Callable[[ObjectId], Plain | None] = lambda oid: None,
    ) -> None:
        """`plain`: what is known of a node without reading it, or None."""
        self._apex = apex
        self._nodes = nodes
        self._misfit = misfit
        self._plain = plain
        self._room = MAX_NAME - len(apex)
        """Bytes that an owner may have."""
        self._fine: dict[ObjectId, bool] = {}
        """Node below which nothing is wrong -> whether the zone's SOA is there."""
        self._beside: set[tuple[ObjectId, ObjectId]] = set()
        """Pairs of neighbouring nodes: no owner that spans both has too much."""
        self._edges: dict[ObjectId, Edges] = {}

    def trust(self, root: ObjectId) -> None:
        """Assume that a tree is servable. Reads its inner nodes."""
        todo = [root]
        while todo:
            oid = todo.pop()
            level, parts = node_parts(self._nodes.source.get(oid))
            self._fine[oid] = False
            children = list(map(ObjectId, parts)) if level else []
            self._beside.update(pairwise(children))
            if level > 1:
                todo += children
            else:
                self._fine.update(dict.fromkeys(children, False))
        self._fine.update(dict.fromkeys(walk.path(self._nodes, root, SOA_KEY), True))

    def fault(self, root: ObjectId) -> str | None:
        """What is wrong with a tree; None if nothing is."""
        try:
            return None if self._has_soa(root) else _NO_SOA
        except InvalidZone as error:
            return str(error)

    def _has_soa(self, oid: ObjectId) -> bool:
        """Whether the zone's SOA is below a node. `InvalidZone` if anything below it is wrong."""
        known = self._fine.get(oid)
        if known is None:
            plain = self._plain(oid)
            if plain is not None and plain[0] <= self._room:
                return plain[1]
            data = self._nodes.source.get(oid)
            if node_level(data):
                known = self._look_below(oid, list(map(ObjectId, node_parts(data)[1])))
            else:
                known = self._look(oid, data)
            self._fine[oid] = known
        return known

    def _look_below(self, oid: ObjectId, children: list[ObjectId]) -> bool:
        fine = self._fine
        for child in [child for child in children if child not in fine]:
            fine[child] = self._has_soa(child)
        self._look_across(oid, children)
        return any(map(fine.__getitem__, children))

    def _look(self, oid: ObjectId, leaf: bytes) -> bool:
        self._edges[oid] = edges(leaf)
        if self._edges[oid] != (None, None) and (crowd := crowd_in(self._nodes, leaf)):
            raise InvalidZone(crowd)
        if not _JUDGED.search(leaf) and leaf_longest(leaf) <= self._room + _FIXED:
            return False
        has_soa = False
        for entry in node_parts(leaf)[1]:
            has_soa = has_soa or entry.startswith(_SOA)
            suspect = _JUDGED.search(entry) or len(entry) > self._room + _FIXED
            if suspect and (found := fault(self._apex, self._nodes.payload(entry), self._misfit)):
                raise InvalidZone(found)
        return has_soa

    def _look_across(self, oid: ObjectId, children: list[ObjectId]) -> None:
        """Look at owners whose records may be spread over several children of a node."""
        asked: set[OwnerKey | None] = set()
        for pair in [pair for pair in pairwise(children) if pair not in self._beside]:
            met = self._edge(pair[0])[1], self._edge(pair[1])[0]
            if met == (None, None):
                self._beside.add(pair)
            asked.update(met)
        for owner in asked:
            if owner is not None and (crowd := crowd_below(self._nodes, oid, owner)):
                raise InvalidZone(crowd)
        self._edges[oid] = self._edge(children[0])[0], self._edge(children[-1])[1]

    def _edge(self, oid: ObjectId) -> Edges:
        known = self._edges.get(oid)
        if known is None:
            known = (None, None) if self._plain(oid) is not None else self._read_edge(self._nodes.source.get(oid))
            self._edges[oid] = known
        return known

    def _read_edge(self, node: bytes) -> Edges:
        if not node_level(node):
            return edges(node)
        children = node_parts(node)[1]
        return self._edge(ObjectId(children[0]))[0], self._edge(ObjectId(children[-1]))[1]
