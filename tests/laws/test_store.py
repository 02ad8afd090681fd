"""Laws of the store: the ref index is a function of the refs, a view of the commit, and both stores are one."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from storekit import MAIN, SMALL_NODES, SOA, WHO, version
from treekit import key_of, payload_of
from zonegit.errors import ZonegitError
from zonegit.model.ids import Kind, ObjectId, header
from zonegit.model.names import OwnerKey
from zonegit.model.refs import RefName, head, remote, tag
from zonegit.model.rrset import RRset
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.refindex import RefIndex
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersion

NAMES = [kind(f"z{n}.example.", name) for n in range(12) for kind in (head, tag) for name in ("main", "dev")]
TIPS = st.sampled_from([ObjectId(bytes((n,)) * 32) for n in range(1, 4)])
Moves = list[tuple[RefName, ObjectId | None]]
MOVES = st.lists(st.tuples(st.sampled_from(NAMES), st.none() | TIPS), max_size=80)


@given(MOVES, st.randoms(use_true_random=False))
def test_the_index_depends_on_nothing_but_the_refs(moves: Moves, rng: Random) -> None:
    walked: dict[bytes, bytes] = {}
    refs: dict[RefName, ObjectId] = {}
    for name, tip in moves:
        RefIndex(walked).set(name, tip)
        refs.pop(name, None)
        if tip:
            refs[name] = tip
    built: dict[bytes, bytes] = {}
    order = sorted(refs)
    rng.shuffle(order)
    for name in order:
        RefIndex(built).set(name, refs[name])
    assert walked == built
    assert RefIndex(walked).buckets() == RefIndex(built).buckets()


@given(MOVES, MOVES)
def test_moves_at_once_are_moves_one_by_one(before: Moves, moves: Moves) -> None:
    one_by_one: dict[bytes, bytes] = {}
    for name, tip in (*before, *moves):
        RefIndex(one_by_one).set(name, tip)
    at_once: dict[bytes, bytes] = {}
    RefIndex(at_once).update(dict(before).items())
    RefIndex(at_once).update(dict(moves).items())
    assert at_once == one_by_one


@given(MOVES, MOVES)
def test_roots_are_equal_exactly_when_refs_are(one: Moves, two: Moves) -> None:
    roots = []
    kept = []
    for moves in (one, two):
        index = RefIndex({})
        for name, tip in moves:
            index.set(name, tip)
        roots.append(index.root)
        kept.append({name: tip for name, tip in dict(moves).items() if tip})
    assert (roots[0] == roots[1]) == (kept[0] == kept[1])


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_every_view_equals_its_commits_tree(rng: Random, steps: list[int]) -> None:
    store = MemoryStore()
    names = [MAIN, head("example.org.", "dev"), remote("p", "example.org.", "main")]
    generation: dict[ObjectId, int] = {}
    for turn, choice in enumerate(steps):
        name = names[choice % 3]
        keys = {key_of(rng) for _ in range(rng.randrange(30))}
        rrsets = [SOA, *(RRset.decode(payload_of(key, rng)) for key in keys if key != SOA.key)]
        with store.write() as writer:
            old = writer.ref(name)
            new, objects = version(rrsets, {old: generation[old]} if old else None, turn + 1, shape=SMALL_NODES)
            writer.insert(objects)
            generation[new] = generation.get(old, 0) + 1 if old else 1
            writer.move_refs([RefUpdate(name, old, None if choice == 3 and old else new)], WHO, "test")
            if writer.ref(names[1]):
                writer.show(names[1])
    assert fsck(store).problems == []
    with store.read() as reader:
        for name in names[:2]:
            tip, view = reader.ref(name), reader.view(name)
            assert (tip is None) == (view is None)
            if tip and view:
                tree = TreeVersion(Nodes(reader), tip)
                owner: OwnerKey | None = OwnerKey(b"")
                while owner is not None:
                    assert view.at(owner) == tree.at(owner)
                    assert view.before(owner) == tree.before(owner)
                    following = tree.after(owner)
                    assert view.after(owner) == following
                    owner = following


@given(st.binary() | st.builds(lambda kind, rest: header(kind) + rest, st.sampled_from(Kind), st.binary()))
def test_whatever_is_inserted_is_refused_or_kept_as_it_is(data: bytes) -> None:
    store = MemoryStore()
    try:
        with store.write() as writer:
            writer.insert([data])
    except ZonegitError:
        with store.read() as reader:
            assert list(reader.object_ids()) == []
    else:
        with store.read() as reader:
            assert [reader.get(oid) for oid in reader.object_ids()] == [data]
        assert fsck(store).problems == []
