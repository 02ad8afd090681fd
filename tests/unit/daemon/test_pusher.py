"""The loop that pushes to a peer: what it sends and when, what it tells, and what it does about failures."""

import asyncio
import logging
import os
import time
from collections.abc import Callable

import pytest

from arrivalkit import MAIN, carry, change, nodes_with, tip_of
from daemonkit import PATIENCE
from httpkit import Counted, generous_gate, run, running
from keptkit import kept_in, put, review
from peerkit import free_ports
from synckit import ORG, PEER, WHO, commit, move, names, put_tag
from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.daemon.local_moves import LocalMoves
from zonegit.daemon.pauses import Pauses
from zonegit.daemon.puller import Heartbeat
from zonegit.daemon.pusher import Pusher
from zonegit.model.refs import RefKind, remote, tag
from zonegit.ops.config import PeerConfig, PrimaryConfig
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync import push_wire
from zonegit.sync.policy import Direction, Policy
from zonegit.sync.zone_filter import Patterns, ZoneFilter

ALL_ZONES = ZoneFilter()
SOON = Pauses(0.001, 0.01, 0.01)
WRITER = Key.derive("k1", bytes(range(32)), scopes=(parse_scope("read:*"), parse_scope("push:*")))


def pusher_of(
    url: str,
    store: MemoryStore,
    samples: Counted,
    moves: LocalMoves,
    covers: ZoneFilter = ALL_ZONES,
    key: Key = WRITER,
) -> Pusher:
    link = PrimaryConfig(url, PEER, "k1", 1.0)
    peer = PeerConfig(PEER, link, Direction.PUSH, covers=covers)
    return Pusher(store, peer, link, Signer(PEER, key, time.time, os.urandom), samples, moves, SOON)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


class Pushing:
    """A pusher at work, from one store to a server of another."""

    def __init__(self, here: MemoryStore, url: str, **options: object) -> None:
        self.samples, self.moves = Counted(), LocalMoves(here, 0.001)
        self.pusher = pusher_of(url, here, self.samples, self.moves, **options)  # type: ignore[arg-type]

    async def __aenter__(self) -> "Pushing":
        self._tasks = [asyncio.create_task(self.moves.run()), asyncio.create_task(self.pusher.run())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.pusher.close()


def test_it_pushes_what_is_there_and_what_moves(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        here, there = MemoryStore(), MemoryStore()
        commit(here, ORG, names(ORG, 3))
        async with running(there, generous_gate((WRITER,))) as server, Pushing(here, server.url) as pushing:
            await until(lambda: tip_of(there) == tip_of(here))
            change(here, "a", 1)
            await until(lambda: tip_of(there) == tip_of(here))
            await until(lambda: pushing.samples.values[f"sync_objects_total,direction=out,peer={PEER}"] > 3)
            assert pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 0

    caplog.set_level(logging.INFO)
    run(test())
    assert "pushed peer=primary-1 refs=1" in caplog.text


def test_what_the_peer_does_not_take_is_told_once_and_offered_again_when_it_moves(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        here, there, _ = nodes_with()
        change(there, "a", 1)
        change(here, "b", 2)
        async with running(there, generous_gate((WRITER,))) as server, Pushing(here, server.url) as pushing:
            await until(lambda: pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 1)
            before = pushing.samples.values[f"sync_pushes_total,peer={PEER},result=ok"]
            change(here, "b", 3)
            await until(lambda: pushing.samples.values[f"sync_pushes_total,peer={PEER},result=ok"] > before)
            carry(there, here)
            ours, theirs = tip_of(here), tip_of(there)
            assert ours is not None and theirs is not None
            commit(here, ORG, names(ORG, 3), parents=(ours, theirs))
            await until(lambda: tip_of(there) == tip_of(here))
            await until(lambda: pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 0)

    run(test())
    assert caplog.text.count("the peer refuses a branch") == 1


def test_what_was_given_up_here_is_refused_no_longer() -> None:
    async def test() -> None:
        here, there, base = nodes_with()
        theirs = change(there, "a", 1)
        change(here, "b", 2)
        put_tag(there, ORG, "v1", theirs)
        put_tag(here, ORG, "v1", base)
        async with running(there, generous_gate((WRITER,))) as server, Pushing(here, server.url) as pushing:
            await until(lambda: pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 2)
            with here.write() as writer:
                writer.move_refs([RefUpdate(tag(ORG, "v1"), base, None)], WHO, "tag: test")
            await until(lambda: pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 1)
            carry(there, here)
            move(here, ORG, "main", theirs)
            with here.write() as writer:
                writer.move_refs([RefUpdate(remote(PEER, ORG, "main"), None, theirs)], WHO, "fetch: test")
            await until(lambda: pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 0)

    run(test())


def test_the_peer_merges_where_its_policy_says_so() -> None:
    async def test() -> None:
        here, there, _ = nodes_with()
        theirs, ours = change(there, "a", 1), change(here, "b", 2)
        policy = lambda _kid, _zone: Policy.MERGE  # noqa: E731
        async with running(there, generous_gate((WRITER,)), policy_of=policy) as server, Pushing(here, server.url):
            await until(lambda: tip_of(there) != theirs)
        assert tip_of(here) == ours, "it comes with the next pull"

    run(test())


@pytest.mark.parametrize(
    ("scopes", "result"),
    [((parse_scope("read:*"),), "unauthorized"), ((parse_scope("push:net."),), "unauthorized")],
)
def test_a_key_that_may_not_push_moves_nothing(scopes, result: str, caplog: pytest.LogCaptureFixture) -> None:  # type: ignore[no-untyped-def]
    async def test() -> None:
        here, there = MemoryStore(), MemoryStore()
        commit(here, ORG, names(ORG, 3))
        key = Key.derive("k1", bytes(range(32)), scopes=scopes)
        async with running(there, generous_gate((key,))) as server, Pushing(here, server.url, key=key) as pushing:
            await until(lambda: pushing.samples.values[f"sync_pushes_total,peer={PEER},result={result}"] >= 3)
        assert tip_of(there) is None

    run(test())
    assert caplog.text.count("push failed") == 1


def test_it_goes_on_once_the_peer_is_back(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        here, there = MemoryStore(), MemoryStore()
        commit(here, ORG, names(ORG, 3))
        (port,) = free_ports(1)
        async with Pushing(here, f"http://127.0.0.1:{port}") as pushing:
            await until(lambda: pushing.samples.values[f"sync_pushes_total,peer={PEER},result=unreachable"] >= 2)
            async with running(there, generous_gate((WRITER,)), port=port):
                await until(lambda: tip_of(there) == tip_of(here))

    run(test())


def test_zones_that_are_not_covered_stay_here() -> None:
    async def test() -> None:
        here, there = MemoryStore(), MemoryStore()
        commit(here, ORG, names(ORG, 3))
        commit(here, "example.net.", names("example.net.", 3))
        covers = ZoneFilter(exclude=Patterns.parse(["example.net."]))
        async with running(there, generous_gate((WRITER,))) as server, Pushing(here, server.url, covers=covers):
            await until(lambda: tip_of(there, MAIN) is not None)
        with there.read() as reader:
            assert {name for name, _ in reader.refs("refs/heads/")} == {"refs/heads/example.org./main"}

    run(test())


def test_it_beats_once_all_have_had_a_turn() -> None:
    beats: list[int] = []
    turns = Heartbeat(["a", "b"], lambda: beats.append(1))
    turns.note_turn("a")
    turns.note_turn("a")
    assert not beats
    turns.note_turn("b")
    turns.note_turn("b")
    assert len(beats) == 1


def test_reviews_are_pushed_after_all_else_and_an_older_peer_is_told_of_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        here, there, base = nodes_with()
        put(here, review(base))
        async with running(there, generous_gate((WRITER,))) as server, Pushing(here, server.url) as pushing:
            await until(lambda: pushing.samples.values[f"sync_pushes_total,peer={PEER},result=ok"])
            assert kept_in(there) == kept_in(here)
            monkeypatch.setattr(push_wire, "_KINDS", {"heads": RefKind.HEAD, "tags": RefKind.TAG})
            for number in (2, 3):
                put(here, review(base, key=number))
                change(here, "a", number)
                await until(lambda: tip_of(there) == tip_of(here))
            put(here, review(base, key=4))
            await until(lambda: caplog.text.count("reviews and proposals are not pushed"))
            assert len(kept_in(there)) == 1
            assert pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 0

    run(test())
    assert caplog.text.count("reviews and proposals are not pushed") == 1
    assert "push failed" not in caplog.text


def test_a_key_for_one_branch_pushes_it_without_the_reviews(caplog: pytest.LogCaptureFixture) -> None:
    key = Key.derive("k1", bytes(range(32)), scopes=(parse_scope("read:*"), parse_scope(f"push:{ORG}:main")))

    async def test() -> None:
        here, there, base = nodes_with()
        put(here, review(base))
        async with running(there, generous_gate((key,))) as server, Pushing(here, server.url, key=key) as pushing:
            await until(lambda: pushing.samples.values[f"sync_unpushed_refs,peer={PEER}"] == 1)
            change(here, "a", 1)
            await until(lambda: tip_of(there) == tip_of(here))
            assert kept_in(there) == {}

    run(test())
    assert caplog.text.count("may not push reviews of example.org.") == 1
