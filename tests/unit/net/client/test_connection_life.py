"""A connection is kept for long, changed before it is cut, and asked again when it was lost."""

import asyncio
from contextlib import aclosing

import pytest

from httpkit import Running, peer_of, run, running
from synckit import commit, names
from zonegit.net.client import connection as http_connection
from zonegit.net.client.peer import OpenStream, PeerClient
from zonegit.net.server import h2_server
from zonegit.store.memory import MemoryStore
from zonegit.sync import limits, wire
from zonegit.sync.session import Ask


def store() -> MemoryStore:
    made = MemoryStore()
    commit(made, "example.org.", names("example.org.", 3))
    return made


def abort_connections(server: Running) -> None:
    """As a firewall does, or a server that is killed: without a word of HTTP/2."""
    for task in list(server.server._tasks):
        task.cancel()


def test_a_connection_is_changed_before_the_server_cuts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    shipped = h2_server._config

    def config():  # type: ignore[no-untyped-def]
        found = shipped()
        found.keep_alive_max_requests = 20
        return found

    class Counted(h2_server.Connection):
        def __init__(self, *arguments) -> None:  # type: ignore[no-untyped-def]
            made.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr(h2_server, "_config", config)
    monkeypatch.setattr(h2_server, "Connection", Counted)
    monkeypatch.setattr(http_connection, "RECYCLE", 10)

    async def test() -> None:
        async with running(store()) as server, peer_of(server.url) as peer:
            for _ in range(45):
                assert await peer.refs() is not None
            assert len(made) == 5

    run(test())


def test_all_streams_of_a_lost_connection_are_asked_again() -> None:
    async def test() -> None:
        async with running(store()) as server, peer_of(server.url) as peer:
            for _ in range(5):
                assert await peer.refs() is not None
                abort_connections(server)
                assert all(await asyncio.gather(*(peer.refs() for _ in range(4))))

    run(test())


def test_a_connection_outlives_every_long_poll_and_the_client_leaves_it_first() -> None:
    assert h2_server._config().keep_alive_timeout == 300 > limits.MAX_WAIT
    assert h2_server._config().keep_alive_max_requests >= 1 << 31

    async def test() -> None:
        async with running(store()) as server, peer_of(server.url) as peer:
            assert await peer.refs() is not None
            connection = peer._connection
            await asyncio.sleep(0)
            assert await peer.refs() is not None
            assert peer._connection is connection
            assert connection is not None
            assert connection._transport._pool._keepalive_expiry < 300  # type: ignore[operator]

    run(test())


def test_a_server_sends_large_frames_once_it_knows_that_it_may() -> None:
    made = MemoryStore()
    tip = commit(made, "example.org.", names("example.org.", 3_000))
    ask = Ask(1, "/v0/fetch", wire.JSON_TYPE, wire.FetchRequest((tip,), ()).encode(), 0)

    async def largest(peer: PeerClient) -> int:
        async with peer.stream(ask) as answer:
            assert isinstance(answer, OpenStream)
            async with aclosing(answer.chunks) as chunks:
                return max([len(chunk) async for chunk in chunks])

    async def test() -> None:
        async with running(made) as server, peer_of(server.url) as peer:
            assert await largest(peer) == 16 << 10
            assert await largest(peer) > 16 << 10

    run(test())
