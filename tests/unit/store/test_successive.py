"""Objects read in the order in which they were stored, or in any other: always those that were asked for."""

from random import Random

import pytest

from storekit import SMALL_NODES, addresses, large, publish
from zonegit.errors import CorruptStore, NotFound
from zonegit.model.ids import ObjectId
from zonegit.store.layout import U64
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.successive import Successive
from zonegit.store.tables import Table


class Reads:
    """How often a table is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tables: object) -> None:
        self.of: list[Table] = []
        get = tables.get  # type: ignore[attr-defined]
        monkeypatch.setattr(tables, "get", lambda table, key: self.of.append(table) or get(table, key))


def filled(store: LmdbStore | MemoryStore) -> list[ObjectId]:
    """Put a zone into the store; the ids of its objects as they were stored."""
    with store.write() as writer:
        publish(writer, [*addresses(200), large()], shape=SMALL_NODES)
    with store.read() as reader:
        return list(reader.object_ids())


def test_objects_in_order_are_found_without_the_index(store, monkeypatch):
    stored = filled(store)
    assert len(stored) > 40
    with store.read() as reader:
        expected = [reader.get(oid) for oid in stored]
        reads = Reads(monkeypatch, reader.tables)
        successive = reader.successive()
        assert [successive.get(oid) for oid in stored] == expected
        assert reads.of.count(Table.IDS) == 1
        assert reads.of.count(Table.OBJECTS) == len(stored)
        assert list(map(successive.has, (stored[0], ObjectId(bytes(32))))) == [True, False]


@pytest.mark.parametrize("seed", range(3))
def test_objects_in_any_order_are_those_that_were_asked_for(store, seed):
    draw = Random(seed)
    stored = filled(store)
    absent = ObjectId(bytes(32))
    asked: list[ObjectId] = []
    for _ in range(100):
        start = draw.randrange(len(stored))
        asked += stored[start : start + draw.randrange(8)] or [absent]
    with store.read() as reader:
        successive = Successive(reader)
        for oid in asked:
            if oid is absent:
                with pytest.raises(NotFound):
                    successive.get(oid)
            else:
                assert successive.get(oid) == reader.get(oid)


def test_what_was_changed_on_disk_is_never_returned(store):
    stored = filled(store)
    for at in (0, 1, 2, 10, len(stored) - 1):
        with store.write() as writer:
            sequence = U64.pack(at + 1)
            data = writer.tables.get(Table.OBJECTS, sequence)
            writer.draft.put(Table.OBJECTS, sequence, data[:-1] + bytes((data[-1] ^ 1,)))
        with store.read() as reader:
            successive = Successive(reader)
            for index, oid in enumerate(stored):
                if index == at:
                    with pytest.raises(CorruptStore, match=oid.hex()):
                        successive.get(oid)
                else:
                    assert successive.get(oid) == reader.get(oid)
        with store.write() as writer:
            writer.draft.put(Table.OBJECTS, sequence, data)


def test_damage_to_a_page_hides_no_object_on_another(store, monkeypatch):
    """An object that stands behind the last one may be damaged, but not be the one that is wanted."""
    first, second, third, *_, last = filled(store)
    with store.read() as reader:
        get = reader.tables.get
        damaged = U64.pack(4)

        def read(table: Table, key: bytes) -> bytes | None:
            if key == damaged:
                raise CorruptStore("the page is damaged")
            return get(table, key)

        monkeypatch.setattr(reader.tables, "get", read)
        successive = Successive(reader)
        for oid in (first, second, third, last):
            assert successive.get(oid) == reader.get(oid)
