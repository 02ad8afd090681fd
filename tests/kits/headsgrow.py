"""Histories that several nodes write, with merges by hand and automatic ones, as a model and as commits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random

import headskit
from headskit import CNAME, DNAME, NS, NS_KEY, SOA, SOA_KEY, TXT, A, Made, Model, RRs, Zone
from treekit import SHAPES, Objects
from zonegit.model.commit import TOMBSTONE, Commit, Stamp
from zonegit.model.ids import Kind, ObjectId, kind_of, object_id
from zonegit.model.zone import Shape
from zonegit.model.zone import Zone as ZoneObject
from zonegit.repo.canonical import MESSAGE, Merged, merge_tips
from zonegit.repo.heads import AUTOMATIC
from zonegit.tree import walk
from zonegit.tree.build import build

OWNERS = ("@", "a", "b", "x.a", "y.a", "z.x.a")
APEX = "example.org."
FIRST_TIME = 1_790_000_000


class Fleet:
    """Some nodes, each with a tip, over the objects of all."""

    def __init__(self, seed: int, nodes: int, most_records: int = 1024) -> None:
        self.rng = Random(seed)
        self.objects = Objects()
        self.model = Model(most_records)
        self._most = most_records
        self._shapes: dict[ObjectId, Shape] = {}
        first = self.rng.choice((1, 1, headskit.ROUND - 4, headskit.ROUND - 12))
        root = self.commit((), self.zone(), seq=first)
        self.tips = [root] * nodes
        self.told: Counter[str] = Counter()
        """How often each rule decided."""

    def zone(self) -> Zone:
        """A small valid zone."""
        rng = self.rng
        soa = rng.choice((60, 300)), frozenset({tuple(rng.randint(1, 2) for _ in range(6))})
        found: Zone = {SOA_KEY: soa, NS_KEY: (300, frozenset({(1,), (2,)}))}
        for _ in range(rng.randint(0, 8)):
            found = self.changed(found)
        return found

    def changed(self, before: Zone) -> Zone:
        """A change that leaves the zone valid, or none."""
        for _ in range(5):
            after = dict(before)
            for _ in range(self.rng.choice((1, 1, 2, 3))):
                self._change(after)
            if headskit.is_valid(after, self._most):
                return after
        return before

    def _change(self, zone: Zone) -> None:
        rng = self.rng
        what = rng.random()
        if what < 0.1:
            ttl, (fields,) = zone[SOA_KEY]
            at = rng.randrange(7)
            zone[SOA_KEY] = (
                rng.choice((60, 300)) if at == 6 else ttl,
                frozenset({(*fields[:at], rng.randint(1, 3), *fields[at + 1 :])[:6]}),
            )
            return
        owner = rng.choice(OWNERS)
        here = [key for key in zone if key[0] == owner and key[1] != SOA]
        if what < 0.2:
            for key in here:
                zone.pop(key)
        elif what < 0.4 and here:
            zone.pop(rng.choice(here))
        elif what < 0.55 and here:
            key = rng.choice(here)
            zone[key] = rng.choice((60, 300, 900)), zone[key][1]
        else:
            self._set(zone, owner)

    def _set(self, zone: Zone, owner: str) -> None:
        rng = self.rng
        rtype = rng.choice((A, A, A, TXT, NS, CNAME, DNAME)) if owner != "@" else rng.choice((NS, NS, TXT, DNAME))
        if rtype == CNAME or rng.random() < 0.1:
            for key in [key for key in zone if key[0] == owner and key[1] != SOA]:
                zone.pop(key)
        old = zone.get((owner, rtype), (rng.choice((60, 300)), frozenset()))
        one = frozenset({(rng.randint(1, 4),)})
        records = one if rtype in headskit.SINGLE else old[1] ^ one
        zone.pop((owner, rtype), None)
        if records:
            zone[owner, rtype] = old[0], records

    def commit(
        self,
        parents: Sequence[ObjectId],
        zone: Zone,
        *,
        seq: int | None = None,
        shape: Shape | None = None,
        dead: bool = False,
    ) -> ObjectId:
        """A user commit; its clock may be wrong."""
        model, rng = self.model, self.rng
        made = [model.made[parent] for parent in parents]
        if seq is None:
            seq = headskit.counted(model.seq(parents) if parents else 0, 1) + (
                rng.randint(1, 50) if rng.random() < 0.05 else 0
            )
        generation = 1 + max((each.generation for each in made), default=0)
        time = FIRST_TIME + rng.randint(0, 5) + (len(model.made) if rng.random() < 0.8 else 0)
        shape = shape or (self._shapes[parents[0]] if parents else rng.choice(SHAPES))
        built = self.objects.take(build(shape, headskit.entries(zone).items()))
        data = ZoneObject(built.root, shape, built.records).encode()
        root = object_id(data)
        stamp = Stamp("Ada", time)
        extra = (TOMBSTONE,) if dead else ()
        commit = Commit(
            root, tuple(parents), APEX, seq, generation, stamp, stamp, f"{rng.random()}", extra
        ).encode()
        oid = object_id(commit)
        self.objects.data[root], self.objects.data[oid] = data, commit
        self._shapes[oid] = shape
        model.add(oid, Made(tuple(parents), zone, seq, generation, time, is_dead=dead))
        return oid

    def take(self, merged: Merged) -> None:
        """Store the objects of a merge, and learn its commits."""
        fresh = {object_id(data): data for data in merged.objects}
        self.objects.data.update(fresh)
        for oid, data in fresh.items():
            if kind_of(data) is Kind.COMMIT and oid not in self.model.made:
                self._learn(oid, Commit.decode(data))

    def _learn(self, oid: ObjectId, commit: Commit) -> None:
        """Take an automatic merge into the model, and hold it against what the model makes of its parents."""
        expected = self.model.merged(commit.parents)
        assert list(commit.parents) == sorted(commit.parents)
        assert self.content(commit) == headskit.entries(expected.zone)
        assert (commit.seq, commit.message, AUTOMATIC in commit.extra) == (expected.seq, MESSAGE, True)
        assert (TOMBSTONE in commit.extra) == expected.is_dead
        made = [self.model.made[parent] for parent in commit.parents]
        generation, time = 1 + max(each.generation for each in made), max(each.time for each in made)
        assert (commit.generation, commit.author.time, commit.committer.time) == (generation, time, time)
        living = [parent for parent, each in zip(commit.parents, made, strict=True) if not each.is_dead]
        self._shapes[oid] = self._shapes[(living or commit.parents)[0]]
        self.model.add(
            oid,
            Made(
                commit.parents,
                expected.zone,
                expected.seq,
                generation,
                time,
                is_user=False,
                is_dead=expected.is_dead,
            ),
        )

    def content(self, commit: Commit) -> dict[bytes, bytes]:
        root = ZoneObject.decode(self.objects.data[commit.zone_root]).tree
        return dict(walk.entries(self.objects.nodes, root))

    def merge(self, tips: Iterable[ObjectId]) -> ObjectId:
        """The canonical merge, which agrees with the model's."""
        tips = list(tips)
        merged = merge_tips(self.objects.nodes, tips)
        self.take(merged)
        heads = self.model.heads(tips)
        if len(heads) == 1:
            assert merged == Merged(heads[0])
        elif len(heads) <= 16:
            expected = self.model.merged(heads)
            assert list(Commit.decode(self.objects.data[merged.tip]).parents) == heads
            assert {key: rule.name for key, rule in merged.rules.items()} == {
                headskit.key_of(key): name for key, name in expected.rules.items()
            }
        self.told.update(rule.name for rule in merged.rules.values())
        return merged.tip

    def step(self) -> None:
        """Something happens at a node."""
        rng, model = self.rng, self.model
        at = rng.randrange(len(self.tips))
        tip = self.tips[at]
        what = rng.random()
        if model.made[tip].is_dead:
            self.tips[at] = (
                self.commit([tip], self.zone()) if what < 0.5 else self.merge([tip, rng.choice(self.tips)])
            )
        elif what < 0.45:
            self.tips[at] = self.commit([tip], self.changed(model.made[tip].zone))
        elif what < 0.85:
            self.tips[at] = self.merge([tip, rng.choice(self.tips)])
        elif what < 0.95:
            self.tips[at] = self.merge_by_hand(at)
        elif what < 0.98:
            self.tips[at] = self.commit([tip], {}, dead=True)
        else:
            self.tips[at] = self.merge([tip, self.commit((), self.zone())])

    def merge_by_hand(self, at: int) -> ObjectId:
        """Somebody merges two or three tips: each RRset of one of them, or something new."""
        rng, model = self.rng, self.model
        others = rng.sample(self.tips, min(len(self.tips), rng.choice((1, 1, 2))))
        parents = list(dict.fromkeys([self.tips[at], *others]))
        parents = [
            oid for oid in parents if not any(oid != other and oid in model.reached[other] for other in parents)
        ]
        zones = [model.made[parent].zone for parent in parents if not model.made[parent].is_dead]
        if not zones:
            return self.commit(parents, self.zone())
        for _ in range(5):
            mixed: Zone = {}
            for key in sorted({key for zone in zones for key in zone}):
                value: RRs | None = rng.choice(zones).get(key)
                if value is not None:
                    mixed[key] = value
            if headskit.is_valid(mixed, self._most):
                break
        else:
            mixed = zones[0]
        return self.commit(parents, self.changed(mixed) if rng.random() < 0.3 else mixed)

    def grow(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
