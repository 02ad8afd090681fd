"""What NSEC and NSEC3 chains have in common: the TTL of their records, and how a new chain replaces another one."""

from collections.abc import Iterable, Iterator, Sized
from itertools import chain
from typing import Final

from zonegit.dnssec.signing.standing import Standing, StandingOwner, standing, standing_owners
from zonegit.errors import DnssecError
from zonegit.model.names import Owner, OwnerKey
from zonegit.model.rdata import CLASS_IN, NSEC, NSEC3, NSEC3PARAM
from zonegit.model.rrset import APEX_POINTER, FIXED, SOA_KEY, RRKey, owner_size
from zonegit.tree.walk import entries, leaves
from zonegit.tree.zone_tree import Tree

_FEW: Final = 1000
"""A chain is always mended for so many owners: that takes a quarter of a second at most."""
_COSTLIER: Final = 20
"""An owner costs more in mending than so many records in making anew (5 to 30 owners, measured)."""
_TYPES: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (NSEC, NSEC3, NSEC3PARAM))


def denial_ttl(zone: Tree) -> int:
    """The TTL of a zone's NSEC and NSEC3 records: the lesser of the SOA's TTL and MINIMUM (RFC 9077 §3)."""
    soa = zone.payload(SOA_KEY)
    if soa is None:
        raise DnssecError("the zone can't be signed: it has no SOA record at its apex")
    return min(record_ttl(soa), int.from_bytes(soa[-4:], "big"))


def record_ttl(rrset: bytes) -> int:
    """The TTL of a stored RRset."""
    return int(FIXED.unpack_from(rrset, owner_size(rrset) + len(APEX_POINTER))[2])


def denied_names(zone: Tree) -> Iterator[StandingOwner]:
    """The owners that the zone answers for, in canonical order. Large RRsets are left as stubs."""
    stored = chain.from_iterable(
        zip(leaf.keys, leaf.payloads, strict=True) for leaf in leaves(zone.nodes, zone.root)
    )
    return (each for each in standing_owners(stored) if each.standing is not Standing.OCCLUDED)


def denied_name(zone: Tree, owner: OwnerKey) -> StandingOwner | None:
    """One owner; None if it has no records or the zone doesn't answer for it."""
    types = zone.at(owner)
    found = standing(zone, owner, types) if types else Standing.OCCLUDED
    return None if found is Standing.OCCLUDED else StandingOwner(owner, types, found)


def stored_record(owner: Owner, rtype: int, ttl: int, rdata: bytes) -> bytes:
    """The stored RRset of one record."""
    return owner + APEX_POINTER + FIXED.pack(rtype, CLASS_IN, ttl, len(rdata)) + rdata


def is_large(zone: Tree, touched: Sized) -> bool:
    """Whether so many owners differ that making the chain anew costs less than mending it."""
    return len(touched) > max(_FEW, zone.nodes(zone.root).records // _COSTLIER)


def replaced(signed: Tree, whole: Iterable[tuple[RRKey, bytes]]) -> dict[RRKey, bytes | None]:
    """What changes in a signed zone if this is its chain instead of any that it has."""
    old = {key: payload for key, payload in entries(signed.nodes, signed.root) if key[-2:] in _TYPES}
    new = dict(whole)
    return {key: new.get(key) for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)}


def changed(signed: Tree, wanted: dict[RRKey, bytes | None]) -> dict[RRKey, bytes | None]:
    """Those of the wanted RRsets (None: none) that a signed zone doesn't have so."""
    return {key: payload for key, payload in sorted(wanted.items()) if signed.payload(key) != payload}
