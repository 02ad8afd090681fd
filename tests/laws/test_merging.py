"""The laws of merging trees, and that it agrees with a model of the rules.

`ZONEGIT_MERGES=10000` has the model compared on as many cases.
"""

import os
from random import Random

from hypothesis import given
from hypothesis import strategies as st

import mergekit
from mergekit import Zone
from treekit import SHAPES, Objects
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rrset import RRKey
from zonegit.repo.bases import merge_bases
from zonegit.tree import walk
from zonegit.tree.build import build
from zonegit.tree.edit import edit
from zonegit.tree.merge import Merged, merge

MERGES = int(os.environ.get("ZONEGIT_MERGES", "1000"))
SHAPE = SHAPES[0]


@st.composite
def grown(draw: st.DrawFn, sides: int) -> list[Zone]:
    """A zone, and what some people made of it."""
    rng = Random(draw(st.integers(0, 2**32)))
    base = mergekit.zone(rng)
    return [base, *(mergekit.changed(base, rng) for _ in range(sides))]


class Trees:
    """Trees of small zones, and their merges."""

    def __init__(self) -> None:
        self.objects = Objects()

    def root(self, zone: Zone) -> ObjectId:
        return self.objects.take(build(SHAPE, sorted(mergekit.entries(zone).items()))).root

    def merged(self, base: ObjectId, *sides: ObjectId) -> Merged:
        return merge(self.objects.nodes, base, sides)

    def edited(self, base: ObjectId, merged: Merged) -> ObjectId:
        return self.objects.take(edit(self.objects.nodes, base, SHAPE, merged.changes.items())).root

    def content(self, root: ObjectId) -> dict[RRKey, bytes]:
        return dict(walk.entries(self.objects.nodes, root))


def test_it_agrees_with_the_model() -> None:
    conflicts = 0
    for seed in range(MERGES):
        rng = Random(seed)
        base = mergekit.zone(rng)
        ours, theirs = mergekit.changed(base, rng), mergekit.changed(base, rng)
        trees = Trees()
        root = trees.root(base)
        merged = trees.merged(root, trees.root(ours), trees.root(theirs))
        expected, clashes = mergekit.combined(base, ours, theirs)
        assert (seed, set(merged.conflicts)) == (seed, {mergekit.key_of(key) for key in clashes})
        content = trees.content(trees.edited(root, merged))
        assert (seed, {key: value for key, value in content.items() if key not in merged.conflicts}) == (
            seed,
            mergekit.entries(expected),
        )
        conflicts += bool(clashes)
    assert MERGES // 10 < conflicts < MERGES


@given(grown(1))
def test_what_one_side_alone_changed_is_the_merge(zones: list[Zone]) -> None:
    trees = Trees()
    base, changed = map(trees.root, zones)
    for sides in ([changed, base], [base, changed], [changed, changed]):
        merged = trees.merged(base, *sides)
        assert not merged.conflicts
        assert trees.edited(base, merged) == changed
    assert trees.merged(base, base, base) == Merged({}, {}, {})


@given(grown(2))
def test_sides_may_be_swapped(zones: list[Zone]) -> None:
    trees = Trees()
    base, ours, theirs = map(trees.root, zones)
    one, other = trees.merged(base, ours, theirs), trees.merged(base, theirs, ours)
    assert one.changes == other.changes
    assert {key: (each.base, each.sides) for key, each in one.conflicts.items()} == {
        key: (each.base, each.sides[::-1]) for key, each in other.conflicts.items()
    }


@given(grown(2))
def test_one_sided_changes_and_removals_survive_whatever_conflicts(zones: list[Zone]) -> None:
    trees = Trees()
    base, ours, theirs = map(trees.root, zones)
    merged = trees.merged(base, ours, theirs)
    content = trees.content(trees.edited(base, merged))
    before, mine, other = (trees.content(root) for root in (base, ours, theirs))
    for key in (before.keys() | mine.keys() | other.keys()) - merged.conflicts.keys():
        if mine.get(key) == before.get(key):
            assert content.get(key) == other.get(key)
        if other.get(key) == before.get(key):
            assert content.get(key) == mine.get(key)


@given(grown(3))
def test_three_sides_merge_in_any_order_where_nothing_conflicts(zones: list[Zone]) -> None:
    trees = Trees()
    base, *sides = map(trees.root, zones)
    found = set()
    for first, second, third in ([0, 1, 2], [1, 2, 0], [2, 0, 1]):
        two = trees.merged(base, sides[first], sides[second])
        if two.conflicts:
            return
        last = trees.merged(base, trees.edited(base, two), sides[third])
        if last.conflicts:
            return
        found.add(trees.edited(base, last))
    assert len(found) == 1


class Histories:
    """Commits without content, in a dict."""

    def __init__(self, seed: int, number: int) -> None:
        rng = Random(seed)
        self.data: dict[ObjectId, bytes] = {}
        self.parents: dict[ObjectId, tuple[ObjectId, ...]] = {}
        generations: dict[ObjectId, int] = {}
        for at in range(number):
            known = list(self.parents)
            near = known[-6:] if rng.random() < 0.8 else known
            parents = tuple(rng.sample(near, min(len(near), rng.choice((0, 1, 1, 1, 2, 2, 3)))))
            generation = 1 + max((generations[parent] for parent in parents), default=0)
            stamp = Stamp("Ada", at)
            data = Commit(ObjectId(bytes(32)), parents, "example.org.", at, generation, stamp, stamp, "x").encode()
            oid = object_id(data)
            self.data[oid], self.parents[oid], generations[oid] = data, parents, generation

    def get(self, oid: ObjectId) -> bytes:
        return self.data[oid]

    def reached(self, oid: ObjectId) -> set[ObjectId]:
        return {oid}.union(*map(self.reached, self.parents[oid]))


@given(st.integers(0, 2**32), st.integers(2, 14))
def test_merge_bases_are_the_common_ancestors_that_no_other_one_descends_from(seed: int, number: int) -> None:
    histories = Histories(seed, number)
    reached = {oid: histories.reached(oid) for oid in histories.parents}
    rng = Random(seed)
    sides = [rng.sample(list(reached), rng.choice((1, 1, 2))) for _ in range(2)]
    ours, theirs = (set().union(*(reached[oid] for oid in side)) for side in sides)
    common = ours & theirs
    best = {oid for oid in common if not any(oid in reached[other] for other in common - {oid})}
    assert merge_bases(histories, *sides) == sorted(best)
