"""Single objects by their ids: lists that the peer doesn't know whole, and peers that send something else."""

from collections.abc import Iterator

import pytest

from httpkit import peer_of, run, running
from synckit import commit, names
from zonegit.errors import CorruptStore, InvalidFrame, InvalidObject, Unreachable
from zonegit.model.ids import ObjectId, object_id
from zonegit.net.client.objects import fetch_objects
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Reader
from zonegit.sync import limits, server

ZONE = "example.org."


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    commit(store, ZONE, names(ZONE, 3_000))
    return store


def ids_in(store: MemoryStore) -> list[ObjectId]:
    with store.read() as reader:
        return list(reader.object_ids())


async def fetched(
    store: MemoryStore, ids: list[ObjectId], bounds: limits.ServerLimits = limits.SERVER
) -> dict[ObjectId, bytes]:
    async with running(store, bounds=bounds) as served, peer_of(served.url) as peer:
        return await fetch_objects(peer, ids)


def test_what_the_peer_lacks_does_not_keep_the_rest_away(store: MemoryStore) -> None:
    known = ids_in(store)
    foreign = [object_id(bytes((at,)) * 9) for at in range(3)]
    asked = [foreign[0], *known[:20], foreign[1], *known[20:], foreign[2]]

    async def test() -> None:
        found = await fetched(store, asked)
        assert found.keys() == set(known)
        assert all(object_id(data) == oid for oid, data in found.items())
        assert await fetched(store, foreign) == {}
        assert await fetched(store, []) == {}

    run(test())


def test_answers_in_parts_are_joined(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GROUP_BYTES", 4_000)

    async def test() -> None:
        bounds = limits.ServerLimits(response_bytes=10_000)
        assert (await fetched(store, ids_in(store), bounds)).keys() == set(ids_in(store))

    run(test())


@pytest.mark.parametrize("fault", ["other bytes", "left out", "breaks off"])
def test_only_what_was_asked_for_is_taken(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    read = server._Listed.read

    def spoilt(listed: server._Listed, reader: Reader) -> Iterator[bytes]:
        for at, data in enumerate(read(listed, reader)):
            if fault == "breaks off":
                raise CorruptStore("the disk is gone")
            if fault == "other bytes":
                yield data[:-1] + bytes((data[-1] ^ 1,))
            elif at:
                yield data

    monkeypatch.setattr(server._Listed, "read", spoilt)
    expected = {"other bytes": InvalidObject, "left out": InvalidFrame, "breaks off": Unreachable}[fault]

    async def test() -> None:
        with pytest.raises(expected):
            await fetched(store, ids_in(store)[:5])

    run(test())
