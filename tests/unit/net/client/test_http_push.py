"""Pushes over sockets: to a server that is really there, through connections that break."""

import asyncio
import time

import pytest

from httpkit import peer_of, pull_once, run, running, small_store
from proxykit import Proxy
from pushkit import branch, offers
from pushserverkit import WRITER, key_for
from synckit import ORG, PEER, SMALL_NODES, commit, local_refs, names
from zonegit.auth.gate import Gate
from zonegit.auth.key import Key
from zonegit.auth.keyring import Keyring
from zonegit.errors import NotAuthorised, Refused, Unreachable
from zonegit.net.client import push as http_push
from zonegit.net.client.peer import PeerClient
from zonegit.net.server import frame_budget
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync import push_wire, pushing
from zonegit.sync.arrival import Result
from zonegit.sync.pushing import Push


def gate_of(*keys: Key) -> Gate:
    return Gate(PEER, Keyring(keys), time.time)


async def push(peer: PeerClient, store: Store, **more: bool) -> tuple[Push, list[Result]]:
    refs = await peer.refs()
    assert refs is not None
    session = Push(store, PEER, refs, offers(store, [branch(ORG)]), **more)
    await asyncio.to_thread(session.prepare)
    return session, await http_push.push(peer, session)


@pytest.mark.parametrize("compress", [False, True])
def test_a_push_arrives(compress: bool) -> None:
    here, there = small_store(), MemoryStore()

    async def test() -> None:
        async with running(there, gate_of(WRITER)) as server, peer_of(server.url, WRITER) as peer:
            _, (result,) = await push(peer, here, compress=compress)
            assert result.outcome == "updated"

    run(test())
    assert local_refs(there) == local_refs(here)


def test_bytes_that_move_pay_for_their_frames(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A push, and a pull with its window updates, of more frames than a connection's budget has units."""
    monkeypatch.setattr(frame_budget, "UNAUTHENTICATED_BURST", 100)
    monkeypatch.setattr(frame_budget, "BURST", 100)
    monkeypatch.setattr(frame_budget, "PER_SECOND", 0.0)
    here, there, third = MemoryStore(), MemoryStore(), MemoryStore()
    commit(here, ORG, names(ORG, 100_000))
    caplog.set_level("INFO")

    async def test() -> None:
        async with running(there, gate_of(WRITER)) as server, peer_of(server.url, WRITER) as peer:
            session, (result,) = await push(peer, here)
            assert result.outcome == "updated"
            assert session.sent_size > 100 * 16_384
            await pull_once(peer, third)

    run(test())
    assert local_refs(third) == local_refs(here)
    assert "interrupted" not in caplog.text, "over one connection"


def test_a_push_goes_on_over_connections_that_break(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "FIRST_BYTES", 32 << 10)
    monkeypatch.setattr(pushing, "LEAST_BYTES", 16 << 10)
    monkeypatch.setattr(pushing, "PUSH_BYTES", 64 << 10)
    here, there = MemoryStore(), MemoryStore()
    commit(here, ORG, names(ORG, 20_000), shape=SMALL_NODES)
    cut_at = 150_000

    def cut(_: int) -> bool:
        nonlocal cut_at
        due = proxy.asked > cut_at
        cut_at += 150_000 * due
        return due

    async def test() -> None:
        async with running(there, gate_of(WRITER)) as server:
            proxy.target = server.port
            async with peer_of(proxy.url, WRITER) as peer:
                session, (result,) = await push(peer, here)
            assert result.outcome == "updated"
            assert proxy.cuts > 2
            assert session.sent == session.objects
            assert proxy.asked < 3 * session.size

    with Proxy(0, cut) as proxy:
        run(test(), 60)
    assert local_refs(there) == local_refs(here)


def test_a_server_that_is_gone_ends_the_push(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = small_store(), MemoryStore()

    async def test() -> None:
        async with running(there, gate_of(WRITER)) as server, peer_of(server.url, WRITER) as peer:
            refs = await peer.refs()
            assert refs is not None
            session = Push(here, PEER, refs, offers(here, [branch(ORG)]))
            session.prepare()
        with pytest.raises(Unreachable, match="can't be reached"):
            await http_push.push(peer, session)

    run(test())
    assert local_refs(there) == {}


def test_a_key_that_may_not_push_is_told_what_it_needs() -> None:
    here, there = small_store(), MemoryStore()
    reader = key_for("read:*")

    async def test() -> None:
        async with running(there, gate_of(reader)) as server, peer_of(server.url, reader) as peer:
            with pytest.raises(
                NotAuthorised, match=r"takes key laptop, but .* scopes that cover it, like push:ZONE"
            ):
                await push(peer, here)

    run(test())
    assert local_refs(there) == {}


def test_a_server_that_knows_no_pushes_is_told_from_one_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = small_store(), MemoryStore()

    async def test() -> None:
        async with running(there, gate_of(WRITER)) as server, peer_of(server.url, WRITER) as peer:
            monkeypatch.setattr(push_wire, "PATH", "/v0/later")
            with pytest.raises(Refused, match="refuses the push: it takes none"):
                await push(peer, here)

    run(test())


def test_a_dry_run_stores_nothing_there() -> None:
    here, there = small_store(), MemoryStore()
    commit(here, ORG, names(ORG, 30), shape=SMALL_NODES)
    commit(there, ORG, names(ORG, 25, seed=1), shape=SMALL_NODES)
    before = local_refs(there)

    async def test() -> None:
        async with running(there, gate_of(WRITER)) as server, peer_of(server.url, WRITER) as peer:
            refs = await peer.refs()
            assert refs is not None
            session = Push(here, PEER, refs, offers(here, [branch(ORG)]))
            session.prepare()
            assert session.probing
            await http_push.measure(peer, session)
            assert session.objects > 3

    run(test())
    assert local_refs(there) == before
