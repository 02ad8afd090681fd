"""The loop that follows a primary: results, pauses, and what it tells, without processes."""

import asyncio
import logging
import os
import time
from collections.abc import Callable

import pytest

from daemonkit import PATIENCE
from httpkit import Counted, run, running
from peerkit import free_ports
from synckit import KEY, PEER, commit, local_refs, move, names
from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import Pauses
from zonegit.errors import ConfigError, InvalidData
from zonegit.model.refs import head
from zonegit.ops.config import PrimaryConfig, ZoneConfig
from zonegit.repo.peer_status import FAILING
from zonegit.store.memory import MemoryStore

SOON = Pauses(0.001, 0.01, 0.01)


def mirror_of(
    url: str,
    store: MemoryStore,
    samples: Counted,
    key: Key = KEY,
    name: str = PEER,
    interval: float = 1.0,
    zone: ZoneConfig | None = None,
) -> Mirror:
    primary = PrimaryConfig(url, name, "k1", interval)
    signer = Signer(name, key, time.time, os.urandom)
    return Mirror(store, primary, signer, samples, pauses=SOON, zone=lambda _: zone or ZoneConfig())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


def test_it_follows_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        primary, secondary, samples = MemoryStore(), MemoryStore(), Counted()
        first = commit(primary, "example.org.", names("example.org.", 30))
        async with running(primary) as server:
            mirror = mirror_of(server.url, secondary, samples)
            task = asyncio.create_task(mirror.run())
            await until(lambda: local_refs(secondary) == local_refs(primary))
            commit(primary, "example.org.", names("example.org.", 31))
            await until(lambda: local_refs(secondary) == local_refs(primary))
            move(primary, "example.org.", "main", first)
            await until(lambda: local_refs(secondary) == local_refs(primary))
            await until(lambda: "rewound" in caplog.text)
            await until(lambda: samples.values["sync_sessions_total,peer=primary-1,result=ok"] == 3)
            task.cancel()
            await mirror.close()
        assert samples.values["sync_objects_total,direction=in,peer=primary-1"] > 3
        assert samples.values["sync_last_success_timestamp_seconds,peer=primary-1"] > 0

    caplog.set_level(logging.INFO)
    run(test())


def test_what_is_served_gets_a_view_whatever_its_branch() -> None:
    async def test() -> None:
        primary, secondary, zone = MemoryStore(), MemoryStore(), ZoneConfig(branch="live", canary="next:10")
        for branch in ("main", "live", "next", "other"):
            commit(primary, "example.org.", names("example.org.", 30), branch=branch)
        async with running(primary) as server:
            mirror = mirror_of(server.url, secondary, Counted(), zone=zone)
            await mirror.once()
            await mirror.close()
        with secondary.read() as reader:
            seen = [name for name in ("live", "next", "other") if reader.view(head("example.org.", name))]
        assert seen == ["live", "next"]

    run(test())


def test_another_process_makes_views_where_there_is_one() -> None:
    """A large zone's takes seconds, in which changes of other zones would wait."""

    async def test() -> None:
        primary, secondary, asked = MemoryStore(), MemoryStore(), Counted()
        for branch in ("main", "live"):
            commit(primary, "example.org.", names("example.org.", 30), branch=branch)
        async with running(primary) as server:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            mirror = Mirror(
                secondary,
                PrimaryConfig(server.url, PEER, "k1", 1.0),
                signer,
                Counted(),
                zone=lambda _: ZoneConfig(branch="live"),
                views_lack=lambda: asked.inc("asked"),
            )
            await mirror.once()
            with secondary.read() as reader:
                assert reader.view(head("example.org.", "live")) is None
            assert asked.values["asked"] == 1
            with secondary.write() as writer:
                writer.show(head("example.org.", "live"))
            commit(primary, "example.org.", names("example.org.", 31), branch="live")
            await mirror.once()
            assert asked.values["asked"] == 1, "it follows its head"
            await mirror.close()

    run(test())


@pytest.mark.parametrize(("key", "result"), [(Key.derive("k1", b"w" * 32), "unauthorized"), (KEY, "unreachable")])
def test_a_failure_is_counted_logged_and_tried_again(
    key: Key, result: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        samples, store = Counted(), MemoryStore()
        async with running(MemoryStore()) as server:
            url = server.url if result == "unauthorized" else "http://127.0.0.1:1"
            mirror = mirror_of(url, store, samples, key)
            task = asyncio.create_task(mirror.run())
            await until(lambda: samples.values[f"sync_sessions_total,peer=primary-1,result={result}"] >= 3)
            task.cancel()
            await mirror.close()
        assert f"result={result}" in caplog.text
        with store.read() as reader:
            failing = FAILING.read(reader)[PEER]
        assert failing.reason in caplog.text
        assert 0 <= time.time() - failing.since < 60

    run(test())


def test_a_failure_is_noted_until_an_exchange_ends_well() -> None:
    async def test() -> None:
        store = MemoryStore()

        def noted() -> bool:
            with store.read() as reader:
                return PEER in FAILING.read(reader)

        (port,) = free_ports(1)
        mirror = mirror_of(f"http://127.0.0.1:{port}", store, Counted())
        task = asyncio.create_task(mirror.run())
        await until(noted)
        async with running(MemoryStore(), port=port):
            await until(lambda: not noted())
            task.cancel()
            await mirror.close()

    run(test())


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:9354", "http://", "http://a/b", "http://a:x", "http://a?b"]
)
def test_urls_that_lead_nowhere(url: str) -> None:
    with pytest.raises(ConfigError, match="URL"):
        mirror_of(url, MemoryStore(), Counted())


def test_a_name_that_cannot_stand_in_a_ref() -> None:
    with pytest.raises(InvalidData, match="name can't be used"):
        mirror_of("http://127.0.0.1:1", MemoryStore(), Counted(), name="a..b")


def test_a_primary_that_ends_long_polls_at_once_is_asked_again_before_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that stops, and may be back long before a long interval is over."""
    tries = 0

    async def once(_self: Mirror) -> bool:
        nonlocal tries
        tries += 1
        return False

    async def test() -> None:
        mirror = mirror_of("http://127.0.0.1:9", MemoryStore(), Counted(), interval=3600.0)
        task = asyncio.create_task(mirror.run())
        await until(lambda: tries == 5)
        task.cancel()
        await mirror.close()

    monkeypatch.setattr(Mirror, "once", once)
    run(test())
