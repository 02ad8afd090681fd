"""What is on its way to one source is bounded, whatever it doesn't read, and given up when it leaves."""

import asyncio

import pytest

from daemonkit import until
from httpkit import run, running
from rawh2 import RawClient
from synckit import commit, names, refs_of
from zonegit.net.server import replication_app
from zonegit.store.memory import MemoryStore
from zonegit.sync.wire import JSON_TYPE, FetchRequest


def test_objects_that_nobody_reads_are_bounded_and_counted_back(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 3))
    (tip,) = refs_of(store).branches
    path = f"/v0/objects/{tip.oid.hex()}"
    with store.read() as reader:
        size = len(reader.get(tip.oid))
    monkeypatch.setattr(replication_app, "ANSWERS_PER_KEY", 3 * size)

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
            until(lambda: other.ask("GET", path, other.signed("GET", path)).status == 200, "room again")

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
            async with asyncio.timeout(20):
                await server.app._idle.wait()
            assert not server.app._answers

    run(test())


def test_a_disconnect_ends_the_streams_task() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 20_000))
    (tip,) = refs_of(store).branches
    body = FetchRequest((tip.oid,)).encode()

    async def test() -> None:
        async with running(store) as server:

            def leave() -> None:
                with RawClient(server.port, window=0) as client:
                    headers = client.signed("POST", "/v0/fetch", body, JSON_TYPE)
                    stream = client.send("POST", "/v0/fetch", headers, body)
                    while not client.answers[stream].status:
                        client.read()

            await asyncio.to_thread(leave)
            async with asyncio.timeout(20):
                await server.app._idle.wait()
            assert server.samples.values["http_requests_total,code=499,method=POST,route=fetch"] == 1
            assert not server.app._fetching

    run(test())


def test_a_waiting_long_poll_that_leaves_is_forgotten() -> None:
    store = MemoryStore()
    root = refs_of(store).root

    async def test() -> None:
        async with running(store) as server:

            def leave() -> None:
                with RawClient(server.port) as client:
                    headers = client.signed("GET", "/v0/refs")
                    client.send(
                        "GET", "/v0/refs", [*headers, ("if-none-match", f'"{root}"'), ("prefer", "wait=30")]
                    )
                    client.read()

            await asyncio.to_thread(leave)
            async with asyncio.timeout(20):
                await server.app._idle.wait()

    run(test())
