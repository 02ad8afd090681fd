"""Connections that break in the middle of a sync: the same sync goes on, from where it stopped, within bounds."""

import asyncio
import random
from pathlib import Path

import pytest

from httpkit import peer_of, pull_once, run, running
from liarkit import Asked, lying
from proxykit import Proxy
from synckit import SMALL_NODES, commit, local_refs, names
from zonegit.errors import Unreachable
from zonegit.net.client import pull as http_pull
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.sync.pull_steps import STREAMS
from zonegit.sync.session import MOST_BREAKS, MOST_LOST

GROUP = 8_000
WINDOW = 1 << 16


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pull, "_pause", lambda _: 0.0)
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", GROUP)


def size_of(store: MemoryStore) -> int:
    with store.read() as reader:
        return sum(len(reader.get(oid)) for oid in reader.object_ids())


@pytest.mark.parametrize("split", [1_000, 1_000_000], ids=["subtrees", "one stream"])
def test_a_sync_goes_on_from_where_each_connection_broke(tmp_path: Path, split: int) -> None:
    async def test() -> None:
        primary, secondary = MemoryStore(), LmdbStore.create(tmp_path / "repo")
        commit(primary, "example.org.", names("example.org.", 20_000, large=3), shape=SMALL_NODES)
        rng = random.Random(split)
        bound = {0: 0}

        def cut(passed: int) -> bool:
            if passed < bound[0]:
                return False
            bound[0] = rng.randrange(20_000, 120_000)
            return passed > 0

        cut(0)
        async with running(primary) as server:
            with Proxy(server.port, cut) as proxy:
                async with peer_of(proxy.url) as peer:
                    await pull_once(peer, secondary, split)
                assert proxy.cuts > 5
                again = proxy.sent - size_of(primary)
                assert again <= proxy.cuts * STREAMS * (GROUP + WINDOW), "only what was on its way comes again"
        assert local_refs(secondary) == local_refs(primary)
        secondary.close()

    run(test())


async def cut_off(secondary: MemoryStore) -> int:
    """Pull from a peer that breaks each answer off; how many connections that took."""
    primary = MemoryStore()
    commit(primary, "example.org.", names("example.org.", 3))
    async with running(primary) as server, peer_of(server.url) as peer:
        with Proxy(server.port, lambda passed: passed > 0) as proxy:
            refs = await peer.refs()
            async with peer_of(proxy.url) as cut:
                with pytest.raises(Unreachable, match="can't be reached"):
                    await http_pull.pull(cut, http_pull.Session(secondary, "p1", refs), None)
            return proxy.connections


def test_a_peer_that_always_breaks_off_is_given_up() -> None:
    secondary = MemoryStore()
    assert MOST_LOST < run(cut_off(secondary)) <= 2 * (MOST_LOST + 1)
    assert local_refs(secondary) == {}


@pytest.mark.parametrize(("times", "given_up"), [(2, False), (1_000, True)])
def test_a_peer_that_has_no_stream_to_spare_is_asked_again(times: int, given_up: bool) -> None:
    """It may not have noticed yet that earlier ones broke off."""
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 3))
    left = times

    async def script(asked: Asked) -> None:
        nonlocal left
        if asked.path == "/v0/fetch" and left:
            left -= 1
            await asked.reply(429, b'{"error":"too_many_fetches"}')
        else:
            await asked.honest(primary)

    async def test() -> None:
        async with lying(script) as url, peer_of(url) as peer:
            if given_up:
                with pytest.raises(Unreachable, match="as many fetches"):
                    await pull_once(peer, secondary)
            else:
                await pull_once(peer, secondary)
        assert local_refs(secondary) == ({} if given_up else local_refs(primary))

    run(test())


def test_a_failure_leaves_nothing_cancelled() -> None:
    """Before Python 3.11.3 a timeout in a task that still counts as cancelled ends the task instead."""

    async def test() -> None:
        await cut_off(MemoryStore())
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    run(test())


def test_a_failure_hides_no_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that is told to stop just then would go on, until it is killed."""
    primary = MemoryStore()
    commit(primary, "example.org.", names("example.org.", 3))
    begun = asyncio.Event()

    async def failing(_: object) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ExceptionGroup("two at once", [Unreachable("the peer went away")]) from None

    async def test() -> None:
        monkeypatch.setattr("zonegit.net.client.pull._Pull.run", failing)
        async with running(primary) as server, peer_of(server.url) as peer:
            session = http_pull.Session(MemoryStore(), "p1", await peer.refs())
            pulling = asyncio.create_task(http_pull.pull(peer, session, None))
            await begun.wait()
            pulling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await pulling

    run(test())


def test_a_peer_that_breaks_off_after_each_little_piece_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.session.MOST_BREAKS", 7)

    async def test() -> None:
        primary, secondary = MemoryStore(), MemoryStore()
        commit(primary, "example.org.", names("example.org.", 20_000), shape=SMALL_NODES)
        async with running(primary) as server:
            with Proxy(server.port, lambda passed: passed > 20_000) as proxy:
                async with peer_of(proxy.url) as peer:
                    with pytest.raises(Unreachable, match="can't be reached"):
                        await pull_once(peer, secondary, 1_000_000)
                assert 7 < proxy.connections <= 2 * 8 + 1
        assert local_refs(secondary) == {}

    assert MOST_BREAKS > 7
    run(test())
