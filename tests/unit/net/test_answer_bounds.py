"""What is on its way to one source is bounded, whatever it doesn't read."""

import asyncio

import pytest

from httpkit import run, running
from rawh2 import RawClient
from synckit import commit, names, refs_of
from zonegit.net import http_server
from zonegit.store.memory import MemoryStore


def test_objects_that_nobody_reads_are_bounded_and_counted_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 3))
    (tip,) = refs_of(store).branches
    path = f"/v0/objects/{tip.oid.hex()}"
    with store.read() as reader:
        size = len(reader.get(tip.oid))
    monkeypatch.setattr(http_server, "ANSWERS_PER_SOURCE", 3 * size)

    def hold(port: int) -> None:
        with RawClient(port, window=0) as slow, RawClient(port) as other:
            streams = [slow.send("GET", path, slow.signed("GET", path)) for _ in range(5)]
            while not all(slow.answers[stream].status for stream in streams):
                assert slow.read()
            assert sorted(slow.answers[stream].status for stream in streams) == [200] * 3 + [429] * 2
            assert other.ask("GET", path, other.signed("GET", path)).status == 429
            refs = other.ask("GET", "/v0/refs", other.signed("GET", "/v0/refs"))
            assert refs.status == 200
            slow.h2.increment_flow_control_window(size, streams[0])
            slow.flush()
            while not slow.answers[streams[0]].ended:
                assert slow.read()
            assert other.ask("GET", path, other.signed("GET", path)).status == 200

    async def test() -> None:
        async with running(store) as server:
            await asyncio.to_thread(hold, server.port)

    run(test())


def test_an_answer_whose_reader_left_is_given_up() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 3))
    (tip,) = refs_of(store).branches
    path = f"/v0/objects/{tip.oid.hex()}"

    def leave(port: int) -> None:
        with RawClient(port, window=0) as slow:
            stream = slow.send("GET", path, slow.signed("GET", path))
            while not slow.answers[stream].status:
                assert slow.read()

    async def test() -> None:
        async with running(store) as server:
            await asyncio.to_thread(leave, server.port)
            async with asyncio.timeout(5):
                await server.app._idle.wait()
            assert not server.app._answers

    run(test())
