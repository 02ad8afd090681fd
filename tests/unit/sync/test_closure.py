"""The walk over what is missing: complete, in order, resumable anywhere, and no wider than the change."""

from random import Random

import pytest

from synckit import SMALL_NODES, commit, names
from zonegit.errors import Conflict, NotFound
from zonegit.model.commit import Commit
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.node import Inner, Leaf, decode_node, is_stub, stub_target
from zonegit.model.zone import Zone
from zonegit.repo.ancestry import have_list, is_ancestor, missing_commits
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Reader
from zonegit.sync.closure import Closure, Position


def children(data: bytes) -> list[ObjectId]:
    kind = kind_of(data)
    if kind is Kind.COMMIT:
        found = Commit.decode(data)
        return [found.zone_root, *found.parents]
    if kind is Kind.ZONE:
        return [Zone.decode(data).tree]
    if kind is not Kind.NODE:
        return []
    node = decode_node(data)
    if isinstance(node, Inner):
        return list(node.children)
    assert isinstance(node, Leaf)
    return [stub_target(payload)[1] for payload in node.payloads if is_stub(payload)]


def closure_of(reader: Reader, *tops: ObjectId) -> set[ObjectId]:
    """The plain definition: everything that can be reached."""
    found: set[ObjectId] = set()
    pending = list(tops)
    while pending:
        oid = pending.pop()
        if oid not in found:
            found.add(oid)
            pending += children(reader.get(oid))
    return found


class Counted:
    """A reader that counts."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.reads = 0

    def get(self, oid: ObjectId) -> bytes:
        self.reads += 1
        return self._reader.get(oid)

    def has(self, oid: ObjectId) -> bool:
        return self._reader.has(oid)


def prepared(reader: Reader, want: list[ObjectId], have: list[ObjectId]) -> Closure:
    found = Closure(reader, want, have)
    list(found.prepare())
    return found


def history(seed: int) -> tuple[MemoryStore, list[ObjectId]]:
    """A zone whose commits grow, shrink, go back, branch and merge."""
    rng = Random(seed)
    store = MemoryStore()
    versions = [names("example.org.", rng.choice([0, 1, 40, 200]), seed=seed, large=rng.randint(0, 2))]
    tips = [commit(store, "example.org.", versions[0], shape=SMALL_NODES)]
    for number in range(8):
        content = dict(rng.choice(versions))
        for key in rng.sample(sorted(content), min(len(content) - 1, rng.choice([0, 1, 30]))):
            if not key.startswith(b"\0"):
                del content[key]
        content |= names("example.org.", rng.choice([0, 1, 60]), seed=rng.randint(0, 3))
        versions.append(dict(sorted(content.items())))
        parents = tuple(dict.fromkeys(rng.sample(tips, min(len(tips), rng.choice([0, 1, 1, 2])))))
        tips.append(
            commit(
                store,
                "example.org.",
                versions[-1],
                shape=SMALL_NODES,
                parents=parents,
                branch=f"b{number}",
                message=f"version {number}",
            )
        )
    return store, list(dict.fromkeys(tips))


@pytest.mark.parametrize("seed", range(25))
def test_it_gives_out_what_is_missing_children_first(seed: int) -> None:
    store, tips = history(seed)
    rng = Random(seed)
    with store.read() as reader:
        for _ in range(4):
            want = rng.sample(tips, rng.randint(1, 3))
            have = [*rng.sample(tips, rng.randint(0, 2)), ObjectId(rng.randbytes(32))]
            given = [oid for oid, _ in Closure(reader, want, have)]
            known = closure_of(reader, *have[:-1])
            missing = closure_of(reader, *want) - known
            assert missing <= set(given), "nothing may be left out"
            assert set(given) <= closure_of(reader, *want)
            assert len(given) == len(set(given))
            there = set(known)
            for oid in given:
                assert all(child in there for child in children(reader.get(oid)))
                there.add(oid)


@pytest.mark.parametrize("seed", range(4))
def test_it_goes_on_from_any_position(seed: int) -> None:
    store, tips = history(seed)
    with store.read() as reader:
        want, have = tips[-2:], tips[:1]
        known = closure_of(reader, *have)
        whole = Closure(reader, want, have)
        given: list[ObjectId] = []
        cursors: list[bytes] = []
        for oid, _ in whole:
            given.append(oid)
            position = whole.position
            cursors.append(position.encode() if position else b"")
        assert cursors[-1:] in ([b""], [])
        for at, cursor in enumerate(cursors[:-1]):
            again = prepared(reader, want, have)
            again.seek(Position.decode(cursor))
            # What is in no parent's tree, as after a revert, may come again: a walk knows only what it gave itself.
            before = known | set(given[: at + 1])
            rest = [oid for oid in given[at + 1 :] if oid not in known]
            assert [oid for oid, _ in again if oid not in before] == rest


def test_one_change_in_many_names_reads_one_path() -> None:
    store = MemoryStore()
    content = names("example.org.", 20_000)
    old = commit(store, "example.org.", content)
    key = sorted(content)[12_345]
    new = commit(store, "example.org.", content | {key: content[key][:-4] + b"\x0a\0\0\1"})
    with store.read() as reader:
        counted = Counted(reader)
        given = list(Closure(counted, [new], [old]))
    assert len(given) <= 6
    assert counted.reads <= 40


def test_a_zone_that_shrinks_to_nothing_is_not_compared_as_a_whole() -> None:
    store = MemoryStore()
    content = names("example.org.", 20_000)
    old = commit(store, "example.org.", content)
    new = commit(store, "example.org.", names("example.org.", 2))
    with store.read() as reader:
        counted = Counted(reader)
        assert len(list(Closure(counted, [new], [old]))) == 3
    assert counted.reads <= 120


def test_a_wanted_object_that_is_not_here() -> None:
    store, _ = history(1)
    with store.read() as reader, pytest.raises(NotFound):
        prepared(reader, [ObjectId(b"x" * 32)], [])


def test_foreign_positions_are_refused() -> None:
    store, tips = history(1)
    with store.read() as reader:
        for position in (Position(ObjectId(b"x" * 32)), Position(tips[-1], (9,)), Position(tips[-1], (0,) * 20)):
            with pytest.raises(Conflict):
                prepared(reader, [tips[-1]], []).seek(position)


@pytest.mark.parametrize("seed", range(10))
def test_ancestry_is_what_its_definition_says(seed: int) -> None:
    store, tips = history(seed)
    with store.read() as reader:
        above = {tip: _ancestors(reader, tip) for tip in tips}
        for old in tips:
            for new in tips:
                assert is_ancestor(reader, old, new) == (old in above[new])
        want, have = tips[-3:], tips[2:4]
        expected = set().union(*(above[tip] for tip in want)) - set().union(*(above[tip] for tip in have))
        assert set(missing_commits(reader, want, have)) == expected


def _ancestors(reader: Reader, tip: ObjectId) -> set[ObjectId]:
    found: set[ObjectId] = set()
    pending = [tip]
    while pending:
        oid = pending.pop()
        if oid not in found:
            found.add(oid)
            pending += Commit.decode(reader.get(oid)).parents
    return found


def test_the_have_list_reaches_back_in_doubling_steps() -> None:
    store = MemoryStore()
    chain = [commit(store, "example.org.", names("example.org.", 1), message=str(at)) for at in range(40)]
    with store.read() as reader:
        assert have_list(reader, [chain[-1]], 100) == [chain[-1 - step] for step in (0, 1, 2, 4, 8, 16, 32)]
        assert len(have_list(reader, [chain[-1]], 3)) == 3
