"""An independent model of merging, over plain dicts of sets, written from the rules and not from the code.

- Of most types: what the base has and what either side added, without what either removed. Sides that removed the
  same record and put different ones there conflict; so do a removal of all and a change.
- TTL, a CNAME's target, each field of the SOA: a change wins over none, two different changes conflict.
- A CNAME beside other data conflicts, and so does all that a side changed at that name.
"""

from random import Random
from typing import TypeVar

from zonegit.model.names import join, owner_key
from zonegit.model.rrset import RRKey, RRset, rr_key

A, CNAME, SOA, MX, TXT = 1, 5, 6, 15, 16
Key = tuple[str, int]
Records = frozenset[tuple[int, ...]]
RRs = tuple[int, Records]
"""A TTL, and records as tuples of small numbers: six of a SOA (no tree holds its serial), one of all others."""
Zone = dict[Key, RRs]

_OWNERS = ("a", "b", "c")
_TYPES = (A, MX, TXT)


T = TypeVar("T")


class Clash(Exception):
    """Two sides contradict each other."""


def combined(base: Zone, ours: Zone, theirs: Zone) -> tuple[Zone, set[Key]]:
    """The merge without the keys that conflict, and those."""
    result: Zone = {}
    clashes: set[Key] = set()
    for key in {*base, *ours, *theirs}:
        try:
            value = _of_key(key[1], base.get(key), ours.get(key), theirs.get(key))
        except Clash:
            clashes.add(key)
        else:
            if value is not None:
                result[key] = value
    for owner in _OWNERS:
        alias = (owner, CNAME)
        data = {key for key in {*base, *result, *clashes} if key[0] == owner and key[1] in _TYPES}
        standing = {key for key in data if key in result or (key in clashes and key in base)}
        if standing and (alias in result or alias in clashes):
            clashes |= {alias, *((owner, rtype) for rtype in _TYPES)} & _touched(base, ours, theirs)
    return {key: value for key, value in result.items() if key not in clashes}, clashes


def _touched(base: Zone, ours: Zone, theirs: Zone) -> set[Key]:
    keys = {*base, *ours, *theirs}
    return {key for key in keys if not base.get(key) == ours.get(key) == theirs.get(key)}


def _of_key(rtype: int, base: RRs | None, ours: RRs | None, theirs: RRs | None) -> RRs | None:
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    if ours is None or theirs is None:
        raise Clash
    ttl = _chosen(base[0] if base else None, ours[0], theirs[0])
    before = base[1] if base else frozenset()
    if rtype == CNAME:
        return ttl, _chosen(before, ours[1], theirs[1])
    if rtype == SOA:
        (old,), (mine,), (other,) = before, ours[1], theirs[1]
        return ttl, frozenset({tuple(_chosen(*fields) for fields in zip(old, mine, other, strict=True))})
    added, removed = (ours[1] - before, theirs[1] - before), (before - ours[1], before - theirs[1])
    both_removed = removed[0] & removed[1]
    if both_removed and added[0] - added[1] and added[1] - added[0]:
        raise Clash
    left = {each for each in before | added[0] | added[1] if each not in removed[0] | removed[1]}
    return (ttl, frozenset(left)) if left else None


def _chosen(base: T | None, ours: T, theirs: T) -> T:
    if ours == theirs or theirs == base:
        return ours
    if ours == base:
        return theirs
    raise Clash


def zone(rng: Random) -> Zone:
    """A small zone."""
    found: Zone = {("@", SOA): (rng.choice((60, 300)), frozenset({tuple(rng.randint(1, 2) for _ in range(6))}))}
    for owner in _OWNERS:
        _fill(found, owner, rng)
    return found


def changed(before: Zone, rng: Random) -> Zone:
    """What somebody makes of it: a few changes, valid by themselves."""
    after = dict(before)
    for _ in range(rng.randint(0, 4)):
        owner = rng.choice(_OWNERS)
        mine = [key for key in after if key[0] == owner]
        what = rng.random()
        if what < 0.15:
            ttl, (fields,) = after["@", SOA]
            at = rng.randrange(6)
            after["@", SOA] = ttl, frozenset({(*fields[:at], rng.randint(1, 3), *fields[at + 1 :])})
        elif what < 0.35 or not mine:
            for key in mine:
                del after[key]
            _fill(after, owner, rng)
        else:
            key = rng.choice(mine)
            ttl, records = after.pop(key)
            if what < 0.45:
                continue
            if what < 0.6:
                ttl = rng.choice((60, 300, 900))
            elif key[1] == CNAME:
                records = frozenset({(rng.randint(1, 3),)})
            else:
                records = records ^ {(rng.randint(1, 4),) for _ in range(rng.randint(1, 2))}
            if records:
                after[key] = ttl, records
    return after


def _fill(found: Zone, owner: str, rng: Random) -> None:
    if rng.random() < 0.3:
        found[owner, CNAME] = rng.choice((60, 300)), frozenset({(rng.randint(1, 3),)})
        return
    for rtype in _TYPES:
        if rng.random() < 0.5:
            records = frozenset((rng.randint(1, 4),) for _ in range(rng.randint(1, 3)))
            found[owner, rtype] = rng.choice((60, 300)), records


def key_of(key: Key) -> RRKey:
    """The key that it has in a tree."""
    return rr_key(owner_key(join([] if key[0] == "@" else [key[0].encode()])), key[1])


def entries(zone: Zone) -> dict[RRKey, bytes]:
    """The zone as stored RRsets."""
    return {key_of(key): _rrset(key, *value).encode() for key, value in zone.items()}


def _rrset(key: Key, ttl: int, records: Records) -> RRset:
    owner = join([] if key[0] == "@" else [key[0].encode()])
    return RRset.of(owner, key[1], ttl, [_rdata(key[1], record) for record in records])


def _rdata(rtype: int, record: tuple[int, ...]) -> bytes:
    names = [b"\2n%d\0" % number for number in record[:2]]
    if rtype == SOA:
        return b"".join([*names, *(number.to_bytes(4, "big") for number in (0, *record[2:]))])
    number = record[0]
    forms = {A: bytes([192, 0, 2, number]), CNAME: names[0], MX: b"\0\n" + names[0], TXT: b"\1%d" % number}
    return forms[rtype]
