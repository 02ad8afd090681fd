"""What several heads of a zone come to under one key: the rules of the canonical merge (docs/sync.md).

A *cell* is one record of an RRset, its TTL, one field of the SOA, or all of an RRset of a type that has one record
(CNAME, DNAME) or whose records are computed. A head drops out of a cell where another head's history has all the
commits that touched the cell in its own, and more. Where those that are left agree, no rule is needed.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRset
from zonegit.tree.merge_rrset import DERIVED, SINGLE, soa_fields

_WHOLE: Final = SINGLE | DERIVED
"""Types whose RRsets are one cell."""


class Touch(NamedTuple):
    """A commit that changed an RRset."""

    heads: int
    """Those that have it in their history, as bits."""
    when: tuple[int, ObjectId]
    """Unix seconds of the commit, and its id: the larger one is newer."""
    before: tuple[bytes | None, ...]
    """The stored RRset in each parent, None where it didn't stand; of a commit without parents one None."""
    after: bytes | None


class Outcome(NamedTuple):
    """What heads come to under one key."""

    value: bytes | None
    contested: bool = False
    """Whether heads contradict each other, so that a rule decided."""


def decide(rtype: int, touches: Sequence[Touch], values: Mapping[int, bytes | None]) -> Outcome:
    """What heads come to under a key: `values` has the stored RRset of each that takes part."""
    among = sum(1 << head for head in values)
    remaining = _remaining(frozenset(touch.heads for touch in touches), among)
    found = {values[head] for head in remaining}
    if len(found) == 1:
        return Outcome(found.pop())
    among = sum(1 << head for head in remaining)
    mine = [each._replace(heads=bits) for each in touches if (bits := each.heads & among) not in (0, among)]
    if rtype in _WHOLE:
        holding = [head for head in remaining if values[head] is not None]
        return Outcome(values[newest(holding, [(touch.heads, touch.when) for touch in mine])], contested=True)
    rrsets = {head: RRset.decode(value) if (value := values[head]) else None for head in remaining}
    return _merged_soa(rrsets, mine) if rtype == SOA else _merged_records(rrsets, mine)


def newest(heads: Iterable[int], touches: Iterable[tuple[int, tuple[int, ObjectId]]]) -> int:
    """The head with the newest touch; where several have that one, by the next newest, and so on."""
    ranked = sorted(touches, key=lambda touch: touch[1], reverse=True)
    return max(heads, key=lambda head: ([when for bits, when in ranked if bits >> head & 1], -head))


def bits_of(mask: int) -> Iterator[int]:
    """The numbers of the bits that are set, the lowest first."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


@lru_cache(maxsize=4096)
def _remaining(touches: frozenset[int], among: int) -> tuple[int, ...]:
    """The heads that no other one overrides: none has seen all that touched a cell there, and more.

    `touches` are the sets of heads that have a commit which touched it, as bits.
    """
    heads = list(bits_of(among))
    known = list(touches)
    seen = {head: sum(1 << at for at, bits in enumerate(known) if bits >> head & 1) for head in heads}
    return tuple(
        head
        for head in heads
        if not any(seen[head] != seen[other] and not seen[head] & ~seen[other] for other in heads)
    )


def _merged_records(rrsets: Mapping[int, RRset | None], touches: Sequence[Touch]) -> Outcome:
    """Record by record: one that some removed and others put there stays. The TTL is the smallest.

    Where no record would be left, though a head gave the RRset another TTL, it stays as that head has it.
    """
    among = sum(1 << head for head in rrsets)
    of_ttl: set[int] = set()
    of_records: dict[bytes, set[int]] = {}
    for touch in touches:
        sides = [RRset.decode(side) if side else None for side in (*touch.before, touch.after)]
        if len({side and side.ttl for side in sides}) > 1:
            of_ttl.add(touch.heads)
        for rdata, count in Counter(rdata for side in sides if side for rdata in side.rdatas).items():
            if count < len(sides):
                of_records.setdefault(rdata, set()).add(touch.heads)
    holding = {head: frozenset(rrset.rdatas if rrset else ()) for head, rrset in rrsets.items()}
    kept, contested = set[bytes](), _replaced_apart(holding, of_records)
    for rdata in frozenset[bytes]().union(*holding.values()):
        found = {rdata in holding[head] for head in _remaining(frozenset(of_records.get(rdata, ())), among)}
        contested |= len(found) > 1
        if True in found:
            kept.add(rdata)
    remaining = [rrsets[head] for head in _remaining(frozenset(of_ttl), among)]
    timed = [rrset for rrset in remaining if rrset]
    if not kept and of_ttl:
        kept = {rdata for rrset in timed for rdata in rrset.rdatas}
    if not kept:
        return Outcome(None, contested)
    there = [rrset for rrset in rrsets.values() if rrset]
    ttls = {rrset.ttl for rrset in timed}
    contested |= len(ttls) > 1 or (bool(of_ttl) and None in remaining)
    ttl = min(ttls or {rrset.ttl for rrset in there})
    return Outcome(RRset(there[0].owner, there[0].rtype, ttl, tuple(sorted(kept))).encode(), contested)


def _replaced_apart(holding: Mapping[int, frozenset[bytes]], touches: Mapping[bytes, set[int]]) -> bool:
    """Whether two heads removed the same record, and each put others in its place than the other one."""
    alike: dict[frozenset[int], set[bytes]] = {}
    for rdata, bits in touches.items():
        alike.setdefault(frozenset(bits), set()).add(rdata)
    return any(_are_apart(one, other, holding, alike) for one, other in combinations(holding, 2))


def _are_apart(
    one: int, other: int, holding: Mapping[int, frozenset[bytes]], alike: Mapping[frozenset[int], set[bytes]]
) -> bool:
    mine = _touched_alone(one, other, alike)
    theirs = _touched_alone(other, one, alike)
    return bool(
        (mine - holding[one]) & (theirs - holding[other])
        and mine & holding[one] - holding[other]
        and theirs & holding[other] - holding[one]
    )


def _touched_alone(head: int, other: int, alike: Mapping[frozenset[int], set[bytes]]) -> set[bytes]:
    """The records that commits touched which one head has and the other hasn't."""
    found = (
        rdatas for masks, rdatas in alike.items() if any(bits >> head & 1 > bits >> other & 1 for bits in masks)
    )
    return set[bytes]().union(*found)


def _merged_soa(rrsets: Mapping[int, RRset | None], touches: Sequence[Touch]) -> Outcome:
    """Field by field, each the newest one's; the TTL is the smallest."""
    parts = {head: _soa_parts(rrset) for head, rrset in rrsets.items() if rrset}
    among = sum(1 << head for head in parts)
    sides = [
        [_soa_parts(RRset.decode(side)) if side else None for side in (*each.before, each.after)]
        for each in touches
    ]
    merged, contested = [], len(parts) < len(rrsets)
    for at in range(len(next(iter(parts.values())))):
        changed = [
            (bits, touch.when)
            for touch, each in zip(touches, sides, strict=True)
            if (bits := touch.heads & among) not in (0, among) and len({side and side[at] for side in each}) > 1
        ]
        remaining = _remaining(frozenset(bits for bits, _ in changed), among)
        found = {parts[head][at] for head in remaining}
        contested |= len(found) > 1
        merged.append(parts[newest(remaining, changed)][at] if at else min(found))
    owner = next(rrset.owner for rrset in rrsets.values() if rrset)
    ttl = int.from_bytes(merged[0], "big")
    return Outcome(RRset(owner, SOA, ttl, (b"".join(merged[1:]),)).encode(), contested)


def _soa_parts(rrset: RRset) -> list[bytes]:
    """The TTL, and the fields of the RDATA."""
    return [rrset.ttl.to_bytes(4, "big"), *soa_fields(rrset.rdatas[0])]
