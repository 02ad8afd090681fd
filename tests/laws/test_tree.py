"""The laws of the zone tree: one content has one root, whatever the order of its edits."""

from functools import cache
from random import Random

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from treekit import SHAPES, Objects, content, key_of, payload_of
from zonegit.model.ids import Kind, ObjectId, kind_of, object_id
from zonegit.model.names import join, owner_key
from zonegit.model.node import INLINE_MAX, check_node, check_rrset, decode_node
from zonegit.model.rrset import RRKey, payload_key, rr_key
from zonegit.model.zone import Shape
from zonegit.tree import walk
from zonegit.tree.build import Built, build
from zonegit.tree.diff import diff
from zonegit.tree.edit import edit
from zonegit.tree.merge import Conflict, merge
from zonegit.tree.merge_rrset import merge_rrset
from zonegit.tree.source import NodeCache, Nodes

Content = dict[RRKey, bytes]

contents = st.builds(content, st.integers(0, 400), st.integers(0, 2**32))
shapes = st.sampled_from(SHAPES)


@st.composite
def edited(draw: st.DrawFn) -> tuple[Content, dict[RRKey, bytes | None]]:
    """A content, and changes to it: replacements, additions and deletions, clustered or spread."""
    before = draw(contents)
    rng = Random(draw(st.integers(0, 2**32)))
    changes: dict[RRKey, bytes | None] = {}
    for key in rng.sample(sorted(before), rng.randint(0, len(before))):
        if rng.random() < draw(st.sampled_from([0.02, 0.3, 1.0])):
            changes[key] = None if rng.random() < 0.6 else payload_of(key, rng)
    for _ in range(rng.choice([0, 1, 5, 60])):
        key = key_of(rng)
        changes[key] = payload_of(key, rng)
    return before, changes


def is_node(data: bytes) -> bool:
    return kind_of(data) is Kind.NODE


def applied(before: Content, changes: dict[RRKey, bytes | None]) -> Content:
    after = {**before, **{key: value for key, value in changes.items() if value is not None}}
    return {key: value for key, value in after.items() if changes.get(key, value) is not None}


def built(objects: Objects, shape: Shape, entries: Content) -> Built:
    return objects.take(build(shape, sorted(entries.items())))


@given(contents, shapes)
def test_scan_gives_back_what_was_built_in_canonical_order(entries: Content, shape: Shape) -> None:
    objects = Objects()
    tree = built(objects, shape, entries)
    assert list(walk.entries(objects.nodes, tree.root)) == sorted(entries.items())
    assert tree.records == sum(records for records, _ in walk.runs(objects.nodes, tree.root))


@given(edited(), shapes)
def test_edit_equals_building_anew(case: tuple[Content, dict[RRKey, bytes | None]], shape: Shape) -> None:
    before, changes = case
    objects = Objects()
    old = built(objects, shape, before)
    new = objects.take(edit(objects.nodes, old.root, shape, changes.items()))
    fresh = build(shape, sorted(applied(before, changes).items()))
    assert (new.root, new.records) == (fresh.root, fresh.records)


@given(edited(), shapes, st.integers(0, 2**32))
def test_edits_one_by_one_make_the_nodes_that_building_anew_makes(
    case: tuple[Content, dict[RRKey, bytes | None]], shape: Shape, seed: int
) -> None:
    before, changes = case
    rng = Random(seed)
    objects, entries = Objects(), before
    root = built(objects, shape, before).root
    for key, payload in sorted(changes.items())[: rng.randint(1, 12)]:
        small = {key: payload, **{near: changes[near] for near in changes if near[:4] == key[:4]}}
        entries = applied(entries, small)
        new, fresh = edit(objects.nodes, root, shape, small.items()), build(shape, sorted(entries.items()))
        assert (new.root, new.records) == (fresh.root, fresh.records)
        there = {data for data in fresh.objects if object_id(data) in objects.data}
        assert set(filter(is_node, new.objects)) == set(filter(is_node, fresh.objects)) - there
        for data in filter(is_node, new.objects):
            assert objects.nodes.decoded(object_id(data)) in (None, decode_node(data)), "what is kept of a new node"
        objects = Objects()
        root = objects.take(fresh).root


@given(contents, shapes)
def test_deleting_all_gives_the_empty_tree(entries: Content, shape: Shape) -> None:
    objects = Objects()
    tree = built(objects, shape, entries)
    gone = objects.take(edit(objects.nodes, tree.root, shape, [(key, None) for key in entries]))
    assert gone.root == build(shape, []).root
    assert gone.records == 0


@given(contents, shapes, st.integers(0, 2**32))
@settings(max_examples=25)
def test_order_of_edits_leaves_no_trace(entries: Content, shape: Shape, seed: int) -> None:
    objects = Objects()
    root = built(objects, shape, {}).root
    order = list(entries.items())
    Random(seed).shuffle(order)
    step = max(1, len(order) // 7)
    for at in range(0, len(order), step):
        root = objects.take(edit(objects.nodes, root, shape, order[at : at + step])).root
    assert root == build(shape, sorted(entries.items())).root


@given(edited(), shapes)
def test_diff_is_exactly_what_changed(case: tuple[Content, dict[RRKey, bytes | None]], shape: Shape) -> None:
    before, changes = case
    after = applied(before, changes)
    objects = Objects()
    old, new = built(objects, shape, before), built(objects, shape, after)
    found = list(diff(objects.nodes, old.root, new.root))
    expected = [
        (key, before.get(key), after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]
    assert found == expected
    again = objects.take(edit(objects.nodes, old.root, shape, [(key, value) for key, _, value in found]))
    assert again.root == new.root


@given(contents, shapes)
@settings(max_examples=20)
def test_diff_of_equals_reads_nothing_more_than_a_node(entries: Content, shape: Shape) -> None:
    objects = Objects()
    tree = built(objects, shape, entries)
    objects.reads = 0
    assert list(diff(objects.nodes, tree.root, tree.root)) == []
    assert objects.reads <= 1


@given(edited(), shapes)
@settings(max_examples=50)
def test_every_object_that_an_edit_makes_is_new_and_canonical(
    case: tuple[Content, dict[RRKey, bytes | None]], shape: Shape
) -> None:
    before, changes = case
    objects = Objects()
    old = built(objects, shape, before)
    held = {key for key, payload in changes.items() if payload == before.get(key)}
    for data in edit(objects.nodes, old.root, shape, changes.items()).objects:
        if kind_of(data) is Kind.NODE:
            check_node(data)
            assert object_id(data) not in objects.data
        else:
            assert object_id(data) not in objects.data or payload_key(check_rrset(data)) in held


@cache
def grown(shape: Shape) -> tuple[Objects, ObjectId, Content]:
    """A tree large enough that paths are few of its nodes."""
    objects, entries = Objects(), content(6000, 1)
    return objects, built(objects, shape, entries).root, entries


@given(shapes, st.integers(1, 3), st.integers(0, 2**32))
@settings(max_examples=60)
def test_an_edit_and_its_diff_cost_paths_and_not_the_tree(shape: Shape, count: int, seed: int) -> None:
    objects, root, entries = grown(shape)
    rng = Random(seed)
    keys = [rng.choice([key_of(rng), *rng.sample(sorted(entries), 2)]) for _ in range(count)]
    changes = {key: rng.choice([None, payload_of(key, rng, small=True)]) for key in keys}
    few = 12 * count * (objects.nodes(root).level + 1)
    assert few < len(objects.data) / 5
    nodes = Nodes(objects, NodeCache())
    objects.reads = 0
    made = edit(nodes, root, shape, changes.items())
    assert len(made.objects) <= few
    assert objects.reads <= few
    objects.reads = 0
    fresh = {object_id(data): data for data in made.objects}
    assert {key for key, _, _ in diff(nodes.over(fresh), root, made.root)} <= changes.keys()
    assert objects.reads <= few


@given(contents, shapes)
def test_nodes_keep_their_bounds(entries: Content, shape: Shape) -> None:
    for data in build(shape, sorted(entries.items())).objects:
        if kind_of(data) is not Kind.NODE:
            continue
        node = decode_node(data)
        largest = 40 + 507 if node.level else 2 + INLINE_MAX  # of an entry; the first of an inner node is no end
        assert len(data) <= 10 + max(shape.largest, largest if node.level else 0) + largest


@given(contents, shapes, st.integers(0, 2**32))
@settings(max_examples=50)
def test_lookups_agree_with_a_sorted_list(entries: Content, shape: Shape, seed: int) -> None:
    objects = Objects()
    tree = built(objects, shape, entries)
    keys = sorted(entries)
    rng = Random(seed)
    for key in [key_of(rng) for _ in range(10)] + rng.sample(keys, min(10, len(keys))):
        assert walk.get(objects.nodes, tree.root, key) == entries.get(key)
        below = [other for other in keys if other < key]
        assert walk.last_before(objects.nodes, tree.root, key) == (below[-1] if below else None)
        from_key = [item for item in sorted(entries.items()) if item[0] >= key]
        assert list(walk.entries(objects.nodes, tree.root, key)) == from_key


@given(contents, st.integers(0, 2**32))
@settings(max_examples=40)
def test_merge_takes_what_one_side_changed_and_tells_what_both_did(entries: Content, seed: int) -> None:
    rng = Random(seed)
    shape = SHAPES[0]
    objects = Objects()
    base = built(objects, shape, entries)
    keys = sorted(entries)
    picked = rng.sample(keys, min(len(keys), 30))
    alike = {key: payload_of(key, rng) for key in picked[:5]}
    mine = {**alike, **{key: payload_of(key, rng) for key in picked[5:20]}}
    theirs: dict[RRKey, bytes | None] = {**alike, **dict.fromkeys(picked[15:])}
    ours_root = objects.take(edit(objects.nodes, base.root, shape, mine.items())).root
    theirs_root = objects.take(edit(objects.nodes, base.root, shape, theirs.items())).root
    merged = merge(objects.nodes, base.root, [ours_root, theirs_root])
    sides = {key: (mine.get(key, entries[key]), theirs.get(key, entries[key])) for key in {**mine, **theirs}}
    changed = {key: both for key, both in sides.items() if both != (entries[key], entries[key])}
    each = {key: merge_rrset(entries[key], both) for key, both in changed.items()}
    assert merged.conflicts == {key: Conflict(entries[key], sides[key]) for key, one in each.items() if one is None}
    assert merged.changes == {key: one.value for key, one in each.items() if one is not None}
    swapped = merge(objects.nodes, base.root, [theirs_root, ours_root])
    assert swapped.changes == merged.changes
    assert swapped.conflicts.keys() == merged.conflicts.keys()


def test_names_chosen_against_the_boundary_rule_rewrite_few_nodes() -> None:
    """5,000 names behind which no node ends but a full one, under a salt that is known: there each insert moves all
    ends behind it. The zone's own salt makes them names like any others."""
    known, own = Shape(b"k" * 32), Shape(b"z" * 32)
    rng = Random(7)
    chosen: Content = {}
    while len(chosen) < 5000:
        key = flat(rng)
        if int.from_bytes(blake3(key, key=blake3(known.salt + b"\0").digest()).digest(4), "big") > 1 << 31:
            chosen[key] = payload_of(key, rng, small=True)
    inserts = [flat(rng) for _ in range(40)]
    assert rewritten(known, chosen, inserts) > 20
    assert rewritten(own, chosen, inserts) < 20


def flat(rng: Random) -> RRKey:
    """An address at a name right below the apex."""
    return rr_key(owner_key(join([b"h%08x" % rng.getrandbits(32)])), 1)


def rewritten(shape: Shape, entries: Content, inserts: list[RRKey]) -> float:
    """The mean number of objects that an insert makes."""
    objects = Objects()
    root = built(objects, shape, entries).root
    made = 0
    for key in inserts:
        change = objects.take(edit(objects.nodes, root, shape, [(key, payload_of(key, Random(1), small=True))]))
        root = change.root
        made += len(change.objects)
    return made / len(inserts)
