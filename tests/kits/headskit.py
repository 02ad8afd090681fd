"""A model of the canonical merge, by brute force over sets, written from docs/sync.md and not from the code.

A history is a dict of `Made`; a version of a zone is a dict of RRsets as a TTL and a set of small numbers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.names import join, owner_key
from zonegit.model.rrset import RRKey, RRset, rr_key

A, NS, CNAME, SOA, TXT, DNAME = 1, 2, 5, 6, 16, 39
SINGLE = (CNAME, DNAME)
ROUND = 1 << 32
Key = tuple[str, int]
Records = frozenset[tuple[int, ...]]
RRs = tuple[int, Records]
"""A TTL, and records as tuples of small numbers: six of a SOA (no tree holds its serial), one of all others."""
Zone = dict[Key, RRs]
Cell = tuple[Key, object]
NS_KEY, SOA_KEY = ("@", NS), ("@", SOA)


class Made(NamedTuple):
    """A commit of the model."""

    parents: tuple[ObjectId, ...]
    zone: Zone
    seq: int
    generation: int
    time: int
    is_user: bool = True
    is_dead: bool = False


class Expected(NamedTuple):
    """What heads come to."""

    heads: list[ObjectId]
    zone: Zone
    seq: int
    rules: dict[Key, str]
    is_dead: bool


class Model:
    """Commits, and what any of them come to."""

    def __init__(self, most_records: int = 1024) -> None:
        self.made: dict[ObjectId, Made] = {}
        self._most = most_records
        self.reached: dict[ObjectId, frozenset[ObjectId]] = {}
        self._touched: dict[ObjectId, frozenset[Cell]] = {}

    def add(self, oid: ObjectId, made: Made) -> None:
        self.made[oid] = made
        self.reached[oid] = frozenset({oid}).union(*(self.reached[parent] for parent in made.parents))

    def users(self, *tips: ObjectId) -> frozenset[ObjectId]:
        """The user commits in histories."""
        return frozenset(oid for tip in tips for oid in self.reached[tip] if self.made[oid].is_user)

    def heads(self, tips: Iterable[ObjectId]) -> list[ObjectId]:
        """maximal(flatten)"""
        flat: set[ObjectId] = set()
        todo = list(tips)
        while todo:
            oid = todo.pop()
            if self.made[oid].is_user:
                flat.add(oid)
            else:
                todo += self.made[oid].parents
        return sorted(oid for oid in flat if not any(oid in self.reached[other] for other in flat - {oid}))

    def seq(self, tips: Sequence[ObjectId]) -> int:
        every = self.users(*tips)
        return max(counted(self.made[tip].seq, len(every - self.users(tip))) for tip in tips)

    def merged(self, heads: Sequence[ObjectId]) -> Expected:
        """Of at most 16 commits."""
        living = [head for head in heads if not self.made[head].is_dead] or list(heads)
        merging = _Merging(self, living, self._most)
        merging.run()
        if len(living) < len(heads):
            merging.rules.setdefault(SOA_KEY, "removed")
        dead = self.made[living[0]].is_dead
        return Expected(list(heads), merging.zone, self.seq(heads), merging.rules, dead)

    def touched(self, oid: ObjectId) -> frozenset[Cell]:
        """The cells on which a commit and its parents are not all alike, and the keys of those: (key, `any`).

        A tombstone touches nothing, and as a parent it stands for what it removed.
        """
        if self.made[oid].is_dead:
            return frozenset()
        if oid not in self._touched:
            made = self.made[oid]
            before = [each for parent in made.parents for each in self._before(parent)]
            versions = [cells(made.zone), *(cells(self.made[each].zone) for each in before)]
            versions += [] if made.parents else [{}]
            names = {cell for version in versions for cell in version}
            found = {cell for cell in names if len({version.get(cell) for version in versions}) > 1}
            self._touched[oid] = frozenset(found | {(key, "any") for key, _ in found})
        return self._touched[oid]

    def _before(self, parent: ObjectId) -> list[ObjectId]:
        """A parent, or what a tombstone removed."""
        made = self.made[parent]
        if not made.is_dead or not made.parents:
            return [parent]
        return [each for above in made.parents for each in self._before(above)]


def cells(zone: Zone) -> dict[Cell, object]:
    """What a merge decides about, one by one."""
    found: dict[Cell, object] = {}
    for key, (ttl, records) in zone.items():
        if key[1] in SINGLE:
            found[key, "whole"] = (ttl, records)
            continue
        found[key, "ttl"] = ttl
        for record in records:
            fields = enumerate(record) if key[1] == SOA else [(record, True)]
            found.update(((key, name), value) for name, value in fields)
    return found


def counted(seq: int, steps: int) -> int:
    """So many steps up, without numbers whose serial is 0."""
    for _ in range(steps):
        seq += 1
        seq += seq % ROUND == 0
    return seq


class _Merging:
    def __init__(self, model: Model, living: list[ObjectId], most: int) -> None:
        self._model = model
        self._living = living
        self._most = most
        self._zones = {head: model.made[head].zone for head in living}
        keys = {key for zone in self._zones.values() for key in zone}
        self._apart = {key for key in keys if len({zone.get(key) for zone in self._zones.values()}) > 1}
        self.zone: Zone = dict(self._zones[living[0]])
        self.rules: dict[Key, str] = {}

    def run(self) -> None:
        for key in self._apart:
            value, contested = self._decided(key, self._living)
            self._put(key, value)
            if contested:
                self.rules[key] = "both-changed"
        among = self._living
        while NS_KEY in self._apart and NS_KEY not in self.zone and len(among) > 1:
            among = self._again({NS_KEY}, among, "no-ns")
        for owner in {key[0] for key in self._apart}:
            self._yield_alias(owner)
            keys = {key for key in self._apart if key[0] == owner}
            among = self._living
            while len(among) > 1 and self._is_bad(owner):
                among = self._again(keys, among, "too-large")
                self._yield_alias(owner)
        for owner in sorted({key[0] for key in self.zone if key[1] == DNAME}, key=lambda name: name.count(".")):
            if not is_cut(self.zone, owner) and has_below(self.zone, owner):
                del self.zone[owner, DNAME]
                self.rules[owner, DNAME] = "dname"

    def _put(self, key: Key, value: RRs | None) -> None:
        self.zone.pop(key, None)
        if value is not None:
            self.zone[key] = value

    def _is_bad(self, owner: str) -> bool:
        many = sum(len(records) for key, (_, records) in self.zone.items() if key[0] == owner) > self._most
        return many or (owner == "@" and NS_KEY in self._apart and NS_KEY not in self.zone)

    def _yield_alias(self, owner: str) -> None:
        types = {key[1] for key in self.zone if key[0] == owner}
        if CNAME in types and len(types) > 1:
            del self.zone[owner, CNAME]
            self.rules[owner, CNAME] = "cname"

    def _again(self, keys: set[Key], among: list[ObjectId], rule: str) -> list[ObjectId]:
        last = self._newest(among, [(key, "any") for key in keys], self._living)
        left = [head for head in among if head != last]
        for key in keys:
            self._put(key, self._decided(key, left)[0])
            self.rules[key] = rule
        return left

    def _seen(self, head: ObjectId, wanted: Collection[Cell], among: Iterable[ObjectId]) -> frozenset[ObjectId]:
        """The commits of a head that touched one of these cells, but for those that all of them have."""
        shared = frozenset.intersection(*(self._model.users(each) for each in among))
        mine = self._model.users(head) - shared
        return frozenset(oid for oid in mine if not self._model.touched(oid).isdisjoint(wanted))

    def _standing(self, cell: Cell, among: Sequence[ObjectId]) -> list[ObjectId]:
        seen = {head: self._seen(head, {cell}, among) for head in among}
        return [head for head in among if not any(seen[head] < other for other in seen.values())]

    def _newest(self, heads: Iterable[ObjectId], wanted: Collection[Cell], among: Sequence[ObjectId]) -> ObjectId:
        def rank(head: ObjectId) -> list[tuple[int, ObjectId]]:
            seen = self._seen(head, wanted, among)
            return sorted(((self._model.made[oid].time, oid) for oid in seen), reverse=True)

        best = max(map(rank, heads))
        return min(head for head in heads if rank(head) == best)

    def _decided(self, key: Key, among: list[ObjectId]) -> tuple[RRs | None, bool]:
        among = self._standing((key, "any"), among)
        values = {head: self._zones[head].get(key) for head in among}
        if len(set(values.values())) == 1:
            return values[among[0]], False
        having = [head for head in among if values[head] is not None]
        if key[1] in SINGLE:
            return values[self._newest(having, [(key, "whole")], among)], True
        if key[1] == SOA:
            return self._soa(key, having, len(having) < len(among))
        return self._records(key, among, having)

    def _soa(self, key: Key, having: list[ObjectId], contested: bool) -> tuple[RRs, bool]:
        versions = {head: cells({key: self._zones[head][key]}) for head in having}
        chosen: dict[object, object] = {}
        for name in ["ttl", *range(6)]:
            cell = (key, name)
            standing = self._standing(cell, having)
            found = {head: versions[head][cell] for head in standing}
            contested |= len(set(found.values())) > 1
            if name == "ttl":
                chosen[name] = min(value for value in found.values() if isinstance(value, int))
            else:
                chosen[name] = found[self._newest(standing, [cell], having)]
        ttl, *fields = (number for name in ["ttl", *range(6)] if isinstance(number := chosen[name], int))
        return (ttl, frozenset({tuple(fields)})), contested

    def _records(self, key: Key, among: list[ObjectId], having: list[ObjectId]) -> tuple[RRs | None, bool]:
        holding = {head: self._zones[head].get(key, (0, frozenset()))[1] for head in among}
        contested = any(self._replaced_apart(key, one, other) for one, other in combinations(among, 2))
        kept = set()
        for record in frozenset[tuple[int, ...]]().union(*holding.values()):
            found = {record in holding[head] for head in self._standing((key, record), among)}
            contested |= len(found) > 1
            if True in found:
                kept.add(record)
        standing = self._standing((key, "ttl"), among)
        moved = any(self._seen(head, {(key, "ttl")}, among) for head in among)
        timed = [head for head in standing if head in having]
        if not kept and moved:
            kept = {record for head in timed for record in holding[head]}
        if not kept:
            return None, contested
        ttls = {self._zones[head][key][0] for head in timed}
        contested |= len(ttls) > 1 or (moved and len(timed) < len(standing))
        return (min(ttls or {self._zones[head][key][0] for head in having}), frozenset(kept)), contested

    def _replaced_apart(self, key: Key, one: ObjectId, other: ObjectId) -> bool:
        gone, new = [], []
        for head, against in ((one, other), (other, one)):
            alone = self._model.users(head) - self._model.users(against)
            touched = {cell[1] for oid in alone for cell in self._model.touched(oid) if cell[0] == key}
            mine = {record for record in touched if isinstance(record, tuple)}
            here, there = (self._zones[each].get(key, (0, frozenset()))[1] for each in (head, against))
            gone.append(mine - here)
            new.append(mine & here - there)
        return bool(gone[0] & gone[1] and new[0] and new[1])


def is_cut(zone: Mapping[Key, RRs], owner: str) -> bool:
    """Whether an owner is at or below a delegation."""
    return any((name, NS) in zone for name in _line(owner) if name != "@")


def has_below(zone: Iterable[Key], owner: str) -> bool:
    return any(_is_below(name, owner) for name, _ in zone)


def _is_below(name: str, owner: str) -> bool:
    return name != owner and (owner == "@" or name.endswith("." + owner))


def _line(owner: str) -> list[str]:
    labels = owner.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))]


def is_valid(zone: Mapping[Key, RRs], most_records: int = 1024) -> bool:
    """By the checks that refuse a zone."""
    owners = {owner for owner, _ in zone}
    if SOA_KEY not in zone or NS_KEY not in zone:
        return False
    for owner in owners:
        types = {key[1] for key in zone if key[0] == owner}
        if CNAME in types and len(types) > 1:
            return False
        if DNAME in types and not is_cut(zone, owner) and has_below(zone, owner):
            return False
        if sum(len(zone[key][1]) for key in zone if key[0] == owner) > most_records:
            return False
    return True


def key_of(key: Key) -> RRKey:
    """The key that it has in a tree."""
    return rr_key(owner_key(_owner(key[0])), key[1])


def _owner(name: str) -> bytes:
    return join([] if name == "@" else [label.encode() for label in name.split(".")])


def entries(zone: Mapping[Key, RRs]) -> dict[RRKey, bytes]:
    """The zone as stored RRsets, in canonical order."""
    found = {key_of(key): _rrset(key, *value).encode() for key, value in zone.items()}
    return dict(sorted(found.items()))


def _rrset(key: Key, ttl: int, records: Records) -> RRset:
    return RRset.of(
        join([]) if key[0] == "@" else join([each.encode() for each in key[0].split(".")]),
        key[1],
        ttl,
        [_rdata(key[1], record) for record in records],
    )


def _rdata(rtype: int, record: tuple[int, ...]) -> bytes:
    names = [b"\2n%d\0" % number for number in record[:2]]
    if rtype == SOA:
        return b"".join([*names, *(number.to_bytes(4, "big") for number in (0, *record[2:]))])
    number = record[0]
    return {A: bytes([192, 0, 2, number]), TXT: b"\1%d" % number}.get(rtype, names[0])
