"""What a narrow key may have by its id is what its refs reach, in any slices."""

from random import Random

import pytest

from synckit import SMALL_NODES, WHO, commit, names
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import tag
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.closure import Closure
from zonegit.sync.reach import reaches
from zonegit.sync.work import finish, never

MINE, THEIRS = "example.org.", "example.net."


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for zone, seed in ((MINE, 0), (THEIRS, 50)):
        for at in range(4):
            commit(store, zone, names(zone, 60, seed + at, large=2), shape=SMALL_NODES)
    return store


def below(store: MemoryStore, *tips: ObjectId) -> set[ObjectId]:
    with store.read() as reader:
        return {oid for oid, _ in Closure(reader, tips, ())}


def tips(store: MemoryStore, zone: str) -> set[ObjectId]:
    with store.read() as reader:
        return {oid for prefix in ("heads", "tags") for _, oid in reader.refs(f"refs/{prefix}/{zone}/")}


def test_all_versions_are_reached_and_nothing_else(store: MemoryStore) -> None:
    mine, theirs = below(store, *tips(store, MINE)), below(store, *tips(store, THEIRS))
    for oid in mine | theirs:
        found = finish(reaches(store, tips(store, MINE), [oid], never))
        assert found == (oid in mine)
    assert finish(reaches(store, tips(store, MINE), mine, never))
    assert not finish(reaches(store, tips(store, MINE), [*mine, next(iter(theirs - mine))], never))
    assert finish(reaches(store, (), (), never))
    assert not finish(reaches(store, (), mine, never))


def test_it_answers_the_same_in_slices(store: MemoryStore) -> None:
    mine = sorted(below(store, *tips(store, MINE)))
    for oid in Random(1).sample(mine, 20):
        assert finish(reaches(store, tips(store, MINE), [oid], lambda: True))
    assert not finish(reaches(store, tips(store, MINE), [ObjectId(bytes(32))], lambda: True))


def test_tags_reach_what_they_name(store: MemoryStore) -> None:
    (target,) = tips(store, MINE)
    made = Tag(target, MINE, "v1", WHO, "signed").encode()
    with store.write() as writer:
        writer.insert([made])
        writer.move_refs([RefUpdate(tag(MINE, "v1"), None, object_id(made))], WHO, "tag")
        for name, oid in list(writer.refs("refs/heads/")):
            writer.move_refs([RefUpdate(name, oid, None)], WHO, "gone")
    assert finish(reaches(store, tips(store, MINE), below(store, target), never))
