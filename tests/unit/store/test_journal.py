"""The journal of moved refs names what moved between two looks, or says that it doesn't know."""

from collections.abc import Iterator
from random import Random

import pytest

from storekit import SHAPE, WHO, addresses, version
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head, remote, tag
from zonegit.store import journal, layout
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.reindex import reindex
from zonegit.store.tables import Table

ZONES = [f"z{number}.example." for number in range(40)]
Stores = LmdbStore | MemoryStore


@pytest.fixture(params=["lmdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path) -> Iterator[Stores]:
    found = LmdbStore.create(tmp_path / "repo") if request.param == "lmdb" else MemoryStore()
    yield found
    found.close()


def move(store: Stores, names: dict[RefName, ObjectId | None]) -> None:
    with store.write() as writer:
        writer.move_refs([RefUpdate(name, writer.ref(name), tip) for name, tip in names.items()], WHO, "test")


def commits(store: Stores) -> dict[str, list[ObjectId]]:
    """Two versions of each zone."""
    found: dict[str, list[ObjectId]] = {}
    with store.write() as writer:
        for zone in ZONES:
            for count in (2, 3):
                commit, objects = version(addresses(count), zone=zone, shape=SHAPE)
                writer.insert(objects)
                found.setdefault(zone, []).append(commit)
    return found


def end(store: Stores) -> int:
    with store.read() as reader:
        return reader.seq


def since(store: Stores, start: int) -> frozenset[RefName] | None:
    with store.read() as reader:
        return reader.moved_since(start)


def test_every_kind_of_move_is_named(store: Stores) -> None:
    zones = commits(store)
    assert since(store, end(store)) == frozenset(), "objects alone move nothing"
    random = Random(5)
    marks = [(end(store), 0)]
    steps: list[set[RefName]] = []
    refs: dict[RefName, ObjectId | None] = {}
    for _ in range(40):
        step: dict[RefName, ObjectId | None] = {}
        for zone in random.sample(ZONES, random.choice((1, 1, 3, 30))):
            name = random.choice((head(zone, "main"), tag(zone, "v1"), remote("p", zone, "main")))
            tips: list[ObjectId | None] = [tip for tip in (*zones[zone], None) if tip != refs.get(name)]
            step[name] = random.choice(tips)
        move(store, step)
        refs |= step
        steps.append(set(step))
        marks.append((end(store), len(steps)))
    for mark, done in marks:
        assert since(store, mark) == frozenset().union(*steps[done:])


def test_views_that_are_made_and_dropped_count_as_moves(store: Stores) -> None:
    zones = commits(store)
    name = head(ZONES[0], "other")
    move(store, {name: zones[ZONES[0]][0]})
    for change in ("show", "hide"):
        start = end(store)
        with store.write() as writer:
            getattr(writer, change)(name)
        assert since(store, start) == {name}
    start = end(store)
    reindex(store)
    assert since(store, start) is None, "any view may stand elsewhere"


def test_what_was_given_up_is_not_named(store: Stores) -> None:
    zones = commits(store)
    start = end(store)
    with pytest.raises(ZeroDivisionError), store.write() as writer:
        writer.move_refs([RefUpdate(head(ZONES[0], "main"), None, zones[ZONES[0]][0])], WHO, "test")
        raise ZeroDivisionError
    assert since(store, start) == frozenset()


def test_a_writer_that_keeps_no_journal_is_noticed(store: Stores) -> None:
    """An older zonegit, say: whether it is the last that moved refs or not."""
    zones = commits(store)
    start = end(store)
    with store.write() as writer:
        writer.draft.put(Table.META, layout.SEQ, layout.U64.pack(writer.seq + 1))
    assert since(store, start) is None
    move(store, {head(ZONES[0], "main"): zones[ZONES[0]][0]})
    assert since(store, start) is None
    start = end(store)
    move(store, {head(ZONES[1], "main"): zones[ZONES[1]][0]})
    assert since(store, start) == {head(ZONES[1], "main")}


def test_a_damaged_entry_is_noticed(store: Stores) -> None:
    zones = commits(store)
    start = end(store)
    move(store, {head(ZONES[0], "main"): zones[ZONES[0]][0]})
    with store.read() as reader:
        ((key, value),) = reader.tables.scan(Table.META, b"moves/")
    for bit in range(8 * len(value)):
        spoilt = bytearray(value)
        spoilt[bit // 8] ^= 1 << bit % 8
        with store.write() as writer:
            writer.draft.put(Table.META, key, bytes(spoilt))
        assert since(store, start) is None
    for short in range(len(value)):
        with store.write() as writer:
            writer.draft.put(Table.META, key, value[:short])
        assert since(store, start) is None


def test_it_is_bounded(store: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "KEPT", 3)
    monkeypatch.setattr(journal, "_MOST", 20)
    zones = commits(store)
    starts = []
    for at in range(5):
        starts.append(end(store))
        move(store, {head(zone, "main"): zones[zone][at % 2] for zone in ZONES[at : at + 1]})
    assert [since(store, start) is None for start in starts] == [True, True, False, False, False]
    start = end(store)
    move(store, {head(zone, "main"): zones[zone][1] for zone in ZONES[10:30]})
    assert since(store, start) == {head(zone, "main") for zone in ZONES[10:30]}
    start = end(store)
    move(store, {tag(zone, "v1"): zones[zone][1] for zone in ZONES[:21]})
    assert since(store, start) is None, "too many to name"
    with store.read() as reader:
        assert len(list(reader.tables.scan(Table.META, b"moves/"))) == 3
