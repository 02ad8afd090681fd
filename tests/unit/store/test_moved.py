"""What moved, by the ref index, is what moved by reading all refs."""

from collections.abc import Iterator
from random import Random

import pytest

from storekit import SHAPE, WHO, addresses, version
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head, remote, tag
from zonegit.store.lmdb import LmdbStore
from zonegit.store.moved import MovedRefs
from zonegit.store.port import RefUpdate
from zonegit.store.tables import Table

ZONES = 300


@pytest.fixture
def store(tmp_path) -> Iterator[LmdbStore]:
    found = LmdbStore.create(tmp_path / "repo")
    yield found
    found.close()


def move(store: LmdbStore, names: dict[RefName, ObjectId | None]) -> None:
    with store.write() as writer:
        writer.move_refs([RefUpdate(name, writer.ref(name), tip) for name, tip in names.items()], WHO, "test")


def commits(store: LmdbStore, *zones: str) -> dict[str, list[ObjectId]]:
    """Two versions of each zone."""
    found: dict[str, list[ObjectId]] = {}
    with store.write() as writer:
        for zone in zones:
            for count in (2, 3):
                commit, objects = version(addresses(count), zone=zone, shape=SHAPE)
                writer.insert(objects)
                found.setdefault(zone, []).append(commit)
    return found


def test_moves_are_told_and_new_names_ask_for_a_full_look(store: LmdbStore) -> None:
    zones = commits(store, *(f"z{number}.example." for number in range(ZONES)))
    refs = {head(zone, "main"): tips[0] for zone, tips in zones.items()}
    move(store, refs)
    moved = MovedRefs()
    random = Random(5)
    with store.read() as reader:
        assert moved.look(reader) is None, "nothing is known yet"
        moved.take(reader)
        assert moved.look(reader) == {}
    for round_ in range(30):
        step: dict[RefName, ObjectId | None] = {}
        for zone in random.sample(sorted(zones), random.choice((1, 1, 3, 40))):
            name = head(zone, "main")
            if name in refs:
                old = refs[name]
                step[name] = random.choice([tip for tip in (*zones[zone], None) if tip != old])
        move(store, step)
        refs = {name: tip for name, tip in (refs | step).items() if tip is not None}
        with store.read() as reader:
            assert moved.look(reader) == step, round_
            assert moved.look(reader) == {}
    zone = next(zone for zone in zones if head(zone, "main") in refs)
    move(store, {remote("p", zone, "main"): zones[zone][0]})
    with store.read() as reader:
        assert moved.look(reader) == {}, "what a peer has isn't told"
    move(store, {tag(zone, "v1"): zones[zone][0]})
    with store.read() as reader:
        assert moved.look(reader) is None, "a name that wasn't there"
        moved.take(reader)
        assert moved.look(reader) == {}


def test_a_damaged_index_asks_for_a_full_look_each_time(store: LmdbStore) -> None:
    zone = "z.example."
    first, second = commits(store, zone)[zone]
    move(store, {head(zone, "main"): first})
    moved = MovedRefs()
    with store.read() as reader:
        moved.take(reader)
    move(store, {head(zone, "main"): second})
    with store.write() as writer:
        writer.draft.put(Table.REFINDEX, b"\0", b"\1\1" + bytes(3))
    with store.read() as reader:
        assert moved.look(reader) is None
        moved.take(reader)
        assert moved.look(reader) is None
