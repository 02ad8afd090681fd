"""A primary with a valid key that would fill its secondary's disk, sync after sync: it is stopped and told of."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from httpkit import Counted, peer_of, run, running
from liarkit import Asked, lying, once
from synckit import KEY, PEER, SHAPE, SMALL_NODES, WHO, commit, local_refs, names
from zonegit.auth.gate import Signer
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import Pauses
from zonegit.errors import SyncCut
from zonegit.model.commit import Commit
from zonegit.model.ids import object_id
from zonegit.model.refs import head
from zonegit.model.zone import Zone
from zonegit.net.client.pull import pull
from zonegit.ops.config import PrimaryConfig
from zonegit.repo import Repository
from zonegit.repo.peer_status import DAY
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate, Store
from zonegit.sync.limits import ClientLimits
from zonegit.sync.quota import VIEW_BYTES
from zonegit.sync.session import Session
from zonegit.tree.build import build

DAY_BYTES = 200_000
ONE_SYNC = 60_000
"""Bytes that one sync of this primary's takes, at most."""
ZONES, RECORDS, VIEWED = 30, 100, 1_000
NOON = 1_790_000_000 // DAY * DAY + DAY / 2
"""The time of the day that a quota is for: the next one would begin another."""


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def size_of(store: Store) -> int:
    with store.read() as reader:
        return sum(len(reader.get(oid)) for oid in reader.object_ids())


def test_sync_after_sync(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    LmdbStore.create(tmp_path / "repo").close()
    primary, secondary, samples = MemoryStore(), LmdbStore.open(tmp_path / "repo"), Counted()
    again = 0

    async def growing(asked: Asked) -> None:
        """A new version of everything whenever somebody asks."""
        nonlocal again
        if asked.path == "/v0/refs":
            again += 1
            commit(primary, "example.org.", names("example.org.", 600, seed=again), shape=SMALL_NODES)
        await asked.honest(primary)

    async def test() -> None:
        async with lying(growing) as url:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            config = PrimaryConfig(url, PEER, "k1", 1.0, limits=ClientLimits(day_bytes=DAY_BYTES))
            mirror = Mirror(
                secondary, config, signer, samples, pauses=Pauses(0.001, 0.01, 0.01), clock=lambda: NOON
            )
            task = asyncio.create_task(mirror.run())
            await until(lambda: samples.values[f"sync_sessions_total,peer={PEER},result=quota"] >= 5)
            before = local_refs(secondary)
            await until(lambda: samples.values[f"sync_sessions_total,peer={PEER},result=quota"] >= 8)
            assert local_refs(secondary) == before
            task.cancel()
            await mirror.close()

    run(test(), 60)
    assert before_quota(caplog) == 1, "one line, however often it tries"
    assert samples.values[f"sync_stored_today_bytes,peer={PEER}"] >= DAY_BYTES
    assert size_of(secondary) <= DAY_BYTES + ONE_SYNC
    assert list(Repository(tmp_path / "repo", secondary, lambda: NOON).used_up()) == [PEER]
    secondary.close()


def before_quota(caplog: pytest.LogCaptureFixture) -> int:
    return sum("result=quota" in record.getMessage() for record in caplog.records)


def test_zones_that_share_one_tree_get_so_many_views_in_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of 150 bytes each, and a view of the whole zone."""
    monkeypatch.setattr("zonegit.store.writer.VIEWS_AT_ONCE", VIEWED)
    store = MemoryStore()
    built = build(SHAPE, sorted(names("example.org.", RECORDS - 1).items()))
    zone = Zone(built.root, SHAPE, built.records).encode()
    apexes = [f"z{at}.example." for at in range(ZONES)]
    commits = [Commit(object_id(zone), (), apex, 1, 1, WHO, WHO, "x").encode() for apex in apexes]
    with store.write() as writer:
        writer.insert([*built.objects, zone, *commits])
        updates = [
            RefUpdate(head(apex, "main"), None, object_id(data)) for apex, data in zip(apexes, commits, strict=True)
        ]
        writer.move_refs(updates, WHO, "pull: p1")
    with store.read() as reader:
        viewed = [apex for apex in apexes if reader.view(head(apex, "main")) is not None]
    assert len(viewed) == VIEWED // RECORDS


def test_a_zone_that_is_larger_than_one_sync_comes_in_several() -> None:
    """And holds up nothing for good: each goes on from where the last one was cut."""
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 6_000), shape=SMALL_NODES)
    commit(primary, "other.example.", names("other.example.", 3))

    async def test() -> int:
        bounds = ClientLimits(bytes=size_of(primary) // 4)
        cut = 0
        async with running(primary) as server, peer_of(server.url) as peer:
            peer.bounds = bounds
            while local_refs(secondary) != local_refs(primary):
                before = size_of(secondary)
                try:
                    await once(peer, secondary)
                except SyncCut:
                    cut += 1
                    assert size_of(secondary) > before
        return cut

    assert 2 <= run(test()) <= 4


def test_views_of_zones_that_share_one_tree_count_for_the_day() -> None:
    """A new zone costs its primary 150 bytes, and here a view of all its records."""
    primary, secondary = MemoryStore(), MemoryStore()
    built = build(SHAPE, sorted(names("example.org.", RECORDS - 1).items()))
    zone = Zone(built.root, SHAPE, built.records).encode()
    apexes = [f"z{at}.example." for at in range(ZONES)]
    commits = [Commit(object_id(zone), (), apex, 1, 1, WHO, WHO, "x").encode() for apex in apexes]
    with primary.write() as writer:
        writer.insert([*built.objects, zone, *commits])
        writer.move_refs(
            [
                RefUpdate(head(apex, "main"), None, object_id(data))
                for apex, data in zip(apexes, commits, strict=True)
            ],
            WHO,
            "import",
        )

    async def test() -> int:
        async with running(primary) as server, peer_of(server.url) as peer:
            refs = await peer.refs()
            assert refs is not None
            session = Session(secondary, PEER, refs, day=1)
            await pull(peer, session, WHO)
            return session.quota.size

    assert run(test()) >= ZONES * RECORDS * VIEW_BYTES
