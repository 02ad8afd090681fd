"""Replication over real HTTP/2 on loopback, both ends in one event loop."""

import asyncio
from pathlib import Path

import pytest

from directkit import Time
from httpkit import generous_gate, peer_of, pull_once, run, running
from synckit import KEY, commit, local_refs, names
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import NotAuthorised, Unreachable
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore


@pytest.mark.parametrize("split", [500, 100_000])
def test_a_pull_into_lmdb(tmp_path: Path, split: int) -> None:
    async def test() -> None:
        primary = MemoryStore()
        secondary = LmdbStore.create(tmp_path / "repo")
        commit(primary, "example.org.", names("example.org.", 3_000, large=3))
        async with running(primary) as server, peer_of(server.url) as peer:
            await pull_once(peer, secondary, split)
            assert local_refs(secondary) == local_refs(primary)
            commit(primary, "example.org.", names("example.org.", 3_001, large=3))
            await pull_once(peer, secondary, split)
            assert local_refs(secondary) == local_refs(primary)
            assert server.samples.values["auth_attempts_total,key_id=k1,result=ok"] > 3
        secondary.close()

    run(test())


def test_a_long_poll_wakes_when_a_ref_moves_and_says_nothing_new_otherwise() -> None:
    async def test() -> None:
        primary = MemoryStore()
        commit(primary, "example.org.", names("example.org.", 3))
        async with running(primary) as server, peer_of(server.url) as peer:
            refs = await peer.refs()
            assert refs is not None
            assert await peer.refs(refs.root, 0) is None
            poll = asyncio.create_task(peer.refs(refs.root, 20))
            done, _ = await asyncio.wait([poll], timeout=0.1)
            assert not done
            commit(primary, "example.org.", names("example.org.", 4))
            news = await poll
            assert news is not None
            assert news.root != refs.root
            assert news.seq == refs.seq + 1

    run(test())


def test_stopping_answers_long_polls(tmp_path: Path) -> None:
    async def test() -> None:
        primary = MemoryStore()
        commit(primary, "example.org.", names("example.org.", 3))
        async with running(primary) as server, peer_of(server.url) as peer:
            refs = await peer.refs()
            assert refs is not None
            poll = asyncio.create_task(peer.refs(refs.root, 20))
            while server.requests < 2:
                await asyncio.sleep(0.005)
            server.stop.set()
            assert await poll is None

    run(test())


def test_a_wrong_secret_is_told_to_the_operator() -> None:
    async def test() -> None:
        primary = MemoryStore()
        wrong = Key.derive("k1", b"w" * 32, scopes=(parse_scope("read:*"),))
        async with running(primary) as server, peer_of(server.url, wrong) as peer:
            with pytest.raises(NotAuthorised, match="refuses key k1"):
                await peer.refs()
            assert server.samples.values["auth_attempts_total,key_id=k1,result=mac"] == 1

    run(test())


def test_a_clock_that_is_off_is_corrected_once() -> None:
    async def test() -> None:
        primary = MemoryStore()
        gate = generous_gate(clock=lambda: 2_000_000_000.0)
        async with running(primary, gate) as server, peer_of(server.url, clock=lambda: 1_999_990_000.0) as peer:
            assert await peer.refs() is not None
            assert peer.signer.offset == pytest.approx(10_000)
            assert await peer.refs() is not None
            assert server.samples.values["auth_attempts_total,key_id=k1,result=clock_skew"] == 1

    run(test())


def test_a_clock_is_corrected_whenever_it_is_off_again() -> None:
    async def test() -> None:
        ours = Time()
        gate = generous_gate(clock=lambda: 2_000_000_000.0)
        async with running(MemoryStore(), gate) as server, peer_of(server.url, clock=ours) as peer:
            for offset in (10_000, 0, -50_000):
                ours.now = 2_000_000_000.0 - offset
                assert await peer.refs() is not None
                assert peer.signer.offset == pytest.approx(offset)

    run(test())


def test_a_correction_ends_with_the_first_answer_that_needs_none() -> None:
    async def test() -> None:
        ours, theirs = Time(), Time()
        async with running(MemoryStore(), clock=theirs) as server, peer_of(server.url, clock=ours) as peer:
            ours.now, theirs.now = 2_000_000_000.0, 2_000_000_400.0
            assert await peer.refs() is not None
            assert peer.signer.offset == 400
            ours.now += 300  # within what the server forgives, either way
            assert await peer.refs() is not None
            assert peer.signer.offset == 0
            assert server.samples.values["auth_attempts_total,key_id=k1,result=clock_skew"] == 1

    run(test())


def test_a_clock_that_is_off_by_days_is_told_to_the_operator() -> None:
    async def test() -> None:
        ours = Time()
        gate = generous_gate(clock=lambda: 2_000_000_000.0)
        async with running(MemoryStore(), gate) as server, peer_of(server.url, clock=ours) as peer:
            ours.now = 2_000_500_000.0
            with pytest.raises(NotAuthorised, match=r"this machine differ by 5\.8 days"):
                await peer.refs()
            ours.now = 2_000_000_000.0
            assert await peer.refs() is not None

    run(test())


def test_nobody_there() -> None:
    async def test() -> None:
        async with running(MemoryStore()) as server:
            url = server.url
        async with peer_of(url) as peer:
            with pytest.raises(Unreachable, match="can't be reached"):
                await peer.refs()

    run(test())


def test_a_server_that_was_restarted_is_found_again() -> None:
    async def test() -> None:
        primary = MemoryStore()
        commit(primary, "example.org.", names("example.org.", 3))
        async with running(primary) as first:
            async with peer_of(first.url, KEY) as peer:
                refs = await peer.refs()
                first.stop.set()
                with pytest.raises(Unreachable):
                    while True:  # it may answer once more
                        await peer.refs()
            assert refs is not None

    run(test())
