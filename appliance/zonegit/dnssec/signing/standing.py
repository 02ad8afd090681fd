"""Where an owner stands in its zone, and which of its RRsets are signed for that (RFC 4035 §2.2, RFC 6672 §3.4).

Names below a zone cut, and below a DNAME, are occluded: glue, or data that is never served.
"""

from collections.abc import Collection, Iterable, Iterator
from enum import Enum, auto
from itertools import groupby
from typing import Final, NamedTuple

from zonegit.model.names import APEX_KEY, OwnerKey, keys_above
from zonegit.model.rdata import DNAME, DS, NS, NSEC, NSEC3, RRSIG
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree.zone_tree import Tree

_AT_A_CUT: Final = frozenset({DS, NSEC, NSEC3})


class Standing(Enum):
    """What an owner is to the zone."""

    AUTHORITATIVE = auto()
    CUT = auto()
    """Delegated: an owner of NS records that isn't the apex."""
    OCCLUDED = auto()


class StandingOwner(NamedTuple):
    """One owner of a zone."""

    key: OwnerKey
    types: dict[int, bytes]
    """Stored RRsets by type, in ascending order."""
    standing: Standing


def standing(zone: Tree, owner: OwnerKey, types: Collection[int]) -> Standing:
    """The standing of an owner of these types. Looks at the names above it in the zone."""
    if occluder(zone, owner) is not None:
        return Standing.OCCLUDED
    return Standing.CUT if owner and NS in types else Standing.AUTHORITATIVE


def occluder(zone: Tree, owner: OwnerKey) -> OwnerKey | None:
    """The topmost zone cut or owner of a DNAME above an owner; None: nothing occludes it."""
    if owner and _has(zone, APEX_KEY, DNAME):
        return APEX_KEY
    for above in reversed(list(keys_above(owner))):
        if _has(zone, above, NS) or _has(zone, above, DNAME):
            return above
    return None


def standing_owners(entries: Iterable[tuple[RRKey, bytes]]) -> Iterator[StandingOwner]:
    """The owners of a whole zone, whose entries are in canonical order."""
    top: OwnerKey | None = None
    for key, group in groupby(entries, _owner_of):
        owner = OwnerKey(key)
        types = {int.from_bytes(entry_key[-2:], "big"): payload for entry_key, payload in group}
        if top is not None and owner.startswith(top):
            yield StandingOwner(owner, types, Standing.OCCLUDED)
        elif owner and NS in types:
            top = owner
            yield StandingOwner(owner, types, Standing.CUT)
        else:
            top = owner if DNAME in types else None
            yield StandingOwner(owner, types, Standing.AUTHORITATIVE)


def signed_types(standing: Standing, types: Collection[int]) -> list[int]:
    """Those of an owner's types whose RRsets are signed.

    NSEC3 records are signed wherever they are: their owners are hashes, and may be below a DNAME at the apex.
    """
    match standing:
        case Standing.AUTHORITATIVE:
            return [rtype for rtype in types if rtype != RRSIG]
        case Standing.CUT:
            return [rtype for rtype in types if rtype in _AT_A_CUT]
        case Standing.OCCLUDED:
            return [rtype for rtype in types if rtype == NSEC3]


def _owner_of(entry: tuple[RRKey, bytes]) -> bytes:
    return entry[0][:-3]


def _has(zone: Tree, owner: OwnerKey, rtype: int) -> bool:
    return zone.payload(rr_key(owner, rtype)) is not None
