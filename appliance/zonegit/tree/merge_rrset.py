"""Merges what several sides made of one RRset, record by record.

Two people who each add an address to one name have not contradicted each other. A record that one side removed and
the others kept is gone. The sides conflict (`None` comes back) where

- two of them removed the same record and put different ones in its place;
- one removed all records and another changed some;
- two changed the TTL, a CNAME or DNAME, or the same field of the SOA to different values;
- two changed records that are computed from others (those of DNSSEC) in different ways.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple, TypeVar

from zonegit.errors import InvalidRecord
from zonegit.model.rdata import CNAME, DNAME, NSEC, NSEC3, NSEC3PARAM, RRSIG, SOA, SOA_FIXED, ZONEMD, name_end
from zonegit.model.rrset import RRset

SINGLE: Final = frozenset({CNAME, DNAME})
"""Types of which an owner has one record."""
DERIVED: Final = frozenset({RRSIG, NSEC, NSEC3, NSEC3PARAM, ZONEMD})
"""Types whose records are computed from others, all of them at once."""
_SOA_NUMBERS: Final = range(0, SOA_FIXED, 4)

T = TypeVar("T")


class Merged(NamedTuple):
    """What the sides come to."""

    value: bytes | None
    """A stored RRset; None where none is left."""


def merge_rrset(base: bytes | None, sides: Sequence[bytes | None]) -> Merged | None:
    """Merge stored RRsets of one key that came from `base`; None where they contradict each other.

    The order of the sides doesn't count. None among the arguments: no such RRset.
    """
    changed = list({side: None for side in sides if side != base})
    if len(changed) < 2:
        return Merged(changed[0] if changed else base)
    old = RRset.decode(base) if base else None
    new = [RRset.decode(side) for side in changed if side]
    rtype = new[0].rtype
    if rtype in DERIVED or (old and len(new) < len(changed)):
        return None
    ttl = _pick(old.ttl if old else None, [rrset.ttl for rrset in new])
    rdatas = _records(rtype, old.rdatas if old else (), [rrset.rdatas for rrset in new])
    if ttl is None or rdatas is None:
        return None
    return Merged(RRset(new[0].owner, rtype, ttl, rdatas).encode() if rdatas else None)


def _records(rtype: int, base: tuple[bytes, ...], sides: Sequence[tuple[bytes, ...]]) -> tuple[bytes, ...] | None:
    """The records that are left, in canonical order; None for a contradiction."""
    if rtype == SOA:
        soa = _soa(base, sides)
        return None if soa is None else (soa,)
    if rtype in SINGLE:
        return _pick(base or None, sides)
    old = frozenset(base)
    added = [frozenset(side) - old for side in sides]
    removed = [old - frozenset(side) for side in sides]
    for one, other in combinations(range(len(sides)), 2):
        replaced = removed[one] & removed[other]
        if replaced and added[one] - added[other] and added[other] - added[one]:
            return None
    return tuple(sorted(old.union(*added).difference(*removed)))


def _soa(base: tuple[bytes, ...], sides: Sequence[tuple[bytes, ...]]) -> bytes | None:
    """The SOA of the merged fields; None where two sides changed one of them apart."""
    before = soa_fields(base[0]) if base else None
    fields = [soa_fields(side[0]) for side in sides]
    merged = [_pick(before[at] if before else None, each) for at, each in enumerate(zip(*fields, strict=True))]
    found = [field for field in merged if field is not None]
    return b"".join(found) if len(found) == len(merged) else None


def soa_fields(rdata: bytes) -> list[bytes]:
    """mname, rname, serial, refresh, retry, expire, minimum."""
    names, numbers = rdata[:-SOA_FIXED], rdata[-SOA_FIXED:]
    end = name_end(names, 0)
    return [names[:end], names[end:], *(numbers[at : at + 4] for at in _SOA_NUMBERS)]


def _pick(base: T | None, sides: Sequence[T]) -> T | None:
    """The one value that differs from the base, or the base; None for several."""
    changed = {side for side in sides if side != base}
    if len(changed) > 1:
        return None
    return changed.pop() if changed else base


def union(ours: bytes | None, theirs: bytes | None) -> bytes | None:
    """All records of both, with the TTL of ours. `InvalidRecord` for types of which an owner has one record."""
    if not (ours and theirs):
        return ours or theirs
    one, other = RRset.decode(ours), RRset.decode(theirs)
    if one.rtype in SINGLE or one.rtype == SOA or one.rtype in DERIVED:
        raise InvalidRecord("there can't be both: choose ours, theirs or base")
    return RRset(one.owner, one.rtype, one.ttl, tuple(sorted({*one.rdatas, *other.rdatas}))).encode()
