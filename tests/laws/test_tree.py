"""The laws of the zone tree: one content has one root, whatever the order of its edits."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treekit import SHAPES, Objects, content, key_of, payload_of
from zonegit.model.ids import Kind, kind_of, object_id
from zonegit.model.node import INLINE_MAX, Inner, check_node, check_rrset, decode_node
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape
from zonegit.tree import walk
from zonegit.tree.build import Built, build
from zonegit.tree.diff import diff
from zonegit.tree.edit import edit
from zonegit.tree.merge import merge

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
@settings(max_examples=200)
def test_edit_equals_building_anew(case: tuple[Content, dict[RRKey, bytes | None]], shape: Shape) -> None:
    before, changes = case
    objects = Objects()
    old = built(objects, shape, before)
    new = objects.take(edit(objects.nodes, old.root, shape, changes.items()))
    fresh = build(shape, sorted(applied(before, changes).items()))
    assert (new.root, new.records) == (fresh.root, fresh.records)


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
@settings(max_examples=200)
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
def test_edit_writes_few_nodes_and_each_is_new_and_canonical(
    case: tuple[Content, dict[RRKey, bytes | None]], shape: Shape
) -> None:
    before, changes = case
    objects = Objects()
    old = built(objects, shape, before)
    known = set(objects.data)
    new = edit(objects.nodes, old.root, shape, changes.items())
    fresh = [data for data in new.objects if object_id(data) not in known]
    height = objects.nodes(old.root).level + 2
    assert len(fresh) <= 8 * height * (len(changes) + 1)
    for data in fresh:
        if kind_of(data) is Kind.NODE:
            check_node(data)
        else:
            check_rrset(data)


@given(contents, shapes)
def test_nodes_keep_their_bounds(entries: Content, shape: Shape) -> None:
    for data in build(shape, sorted(entries.items())).objects:
        if kind_of(data) is not Kind.NODE:
            continue
        node = decode_node(data)
        if isinstance(node, Inner):
            assert len(node.children) >= 2 or len(data) < shape.largest
        assert len(data) <= shape.largest + INLINE_MAX + 2 * 512 + 2 * len(node.keys)


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
    mine = {key: payload_of(key, rng) for key in picked[:20]}
    theirs: dict[RRKey, bytes | None] = dict.fromkeys(picked[15:])
    ours_root = objects.take(edit(objects.nodes, base.root, shape, mine.items())).root
    theirs_root = objects.take(edit(objects.nodes, base.root, shape, theirs.items())).root
    merged = merge(objects.nodes, base.root, [ours_root, theirs_root])
    both = {key for key in mine.keys() & theirs.keys() if mine[key] != entries[key]}
    assert set(merged.conflicts) == both
    alone = {key for key in mine.keys() ^ theirs.keys() if {**mine, **theirs}[key] != entries[key]}
    assert merged.changes.keys() == alone | ((mine.keys() & theirs.keys()) - both)
    swapped = merge(objects.nodes, base.root, [theirs_root, ours_root])
    assert swapped.changes == merged.changes
    assert swapped.conflicts.keys() == merged.conflicts.keys()


@pytest.mark.parametrize("inserts", [40])
def test_names_chosen_against_the_public_rule_dont_amplify(inserts: int) -> None:
    """5,000 names picked so that no salt-free boundary falls among them: the zone's salt makes that worthless."""
    rng = Random(7)
    chosen: Content = {}
    while len(chosen) < 5000:
        key = key_of(rng)
        if int.from_bytes(object_id(key)[:4], "big") > 1 << 31:
            chosen[key] = payload_of(key, rng, small=True)
    shape = Shape(rng.randbytes(32))
    objects = Objects()
    root = built(objects, shape, chosen).root
    written = 0
    for _ in range(inserts):
        key = key_of(rng)
        change = edit(objects.nodes, root, shape, [(key, payload_of(key, rng, small=True))])
        root = objects.take(change).root
        written += len(change.objects)
    assert written / inserts < 20
