"""How old a mirror is, and what is past its expire, by a clock that the tests move."""

import logging
import os
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from countkit import counted
from daemonkit import query, rcode
from httpkit import Counted, generous_gate, run, running
from peerkit import free_ports
from repokit import Clock
from synckit import KEY, PEER, WHO, Content, Wire, commit, names
from zonegit.auth.gate import Signer
from zonegit.daemon.freshness import SAVE_EVERY, SETTLED, Freshness
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import Pauses
from zonegit.daemon.preflight import note_expired
from zonegit.dns import stats
from zonegit.errors import StoreFull, Unreachable
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync.adoption import adoption, carry_out
from zonegit.sync.peers import expired_zones, last_success

EXPIRE = 600
ORG, NET = "example.org.", "example.net."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mirrored() -> MemoryStore:
    """Mirrors two zones, as of the clock's beginning, and holds one of its own."""
    primary, secondary = MemoryStore(), MemoryStore()
    for zone in (ORG, NET):
        commit(primary, zone, names(zone, 3))
    commit(secondary, "own.example.", names("own.example.", 3))
    Wire(primary).pull(secondary)
    return secondary


def freshness(store: Store, clock: Clock, interval: float = 1.0) -> Freshness:
    return Freshness(store, PEER, lambda _: "main", interval, clock)


def sooner(zone: str) -> Content:
    """A zone that expires after 300 seconds."""
    later, earlier = EXPIRE.to_bytes(4, "big"), (300).to_bytes(4, "big")
    return {key: rrs.replace(later, earlier) for key, rrs in names(zone, 3).items()}


def test_only_what_is_mirrored_expires_and_only_after_its_time(mirrored: MemoryStore, clock: Clock) -> None:
    fresh = freshness(mirrored, clock)
    clock.now += EXPIRE
    assert fresh.overdue() == frozenset()
    assert fresh.age == EXPIRE
    clock.now += 1
    assert fresh.overdue() == {ORG, NET}
    assert fresh.overdue() == frozenset(), "told once"
    with mirrored.read() as reader:
        assert expired_zones(reader, PEER) == {ORG, NET}


def test_one_success_takes_all_back(mirrored: MemoryStore, clock: Clock) -> None:
    fresh = freshness(mirrored, clock)
    clock.now += EXPIRE + 1
    fresh.overdue()
    assert fresh.succeeded() == {ORG, NET}
    assert (fresh.age, fresh.expired, fresh.overdue()) == (0, frozenset(), frozenset())
    with mirrored.read() as reader:
        assert expired_zones(reader, PEER) == frozenset()


def test_it_survives_a_restart(mirrored: MemoryStore, clock: Clock) -> None:
    clock.now += EXPIRE + 1
    assert freshness(mirrored, clock).overdue() == {ORG, NET}
    again = freshness(mirrored, clock)
    assert again.expired == {ORG, NET}
    assert again.overdue() == frozenset()
    assert again.succeeded() == {ORG, NET}


def test_the_time_is_written_seldom_and_never_far_behind(mirrored: MemoryStore, clock: Clock) -> None:
    fresh = freshness(mirrored, clock)
    before = mirrored.txn_id()
    for _ in range(600):
        clock.now += 1
        fresh.succeeded()
        with mirrored.read() as reader:
            assert clock.now - (last_success(reader, PEER) or 0) < SAVE_EVERY
    assert mirrored.txn_id() - before == 10


def test_a_clock_that_is_set_back_makes_nothing_fresh_for_long(mirrored: MemoryStore, clock: Clock) -> None:
    clock.now -= 10 * EXPIRE
    fresh = freshness(mirrored, clock)
    assert fresh.age == 0
    fresh.succeeded()
    clock.now += EXPIRE + 1
    assert freshness(mirrored, clock).overdue() == {ORG, NET}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_set_back_while_the_primary_is_away_begins_anew(
    mirrored: MemoryStore, clock: Clock, restarted: bool
) -> None:
    fresh = freshness(mirrored, clock)
    clock.now -= 10 * EXPIRE
    assert fresh.overdue() == frozenset()
    clock.now += SETTLED
    assert fresh.overdue() == frozenset()
    clock.now += EXPIRE + 1
    if restarted:
        fresh = freshness(mirrored, clock)
    assert fresh.overdue() == {ORG, NET}
    clock.now -= 10 * (SETTLED + EXPIRE)
    for _ in range(2):
        assert fresh.overdue() == frozenset()
        clock.now += SETTLED
    with mirrored.read() as reader:
        assert expired_zones(reader, PEER) == {ORG, NET}, "no clock brings them back"


def test_a_clock_that_is_set_right_after_a_start_makes_nothing_old(mirrored: MemoryStore, clock: Clock) -> None:
    """Without a battery it begins in the past, and the primary may be away just then."""
    right, clock.now = clock.now, 0.0
    fresh = freshness(mirrored, clock)
    assert fresh.overdue() == frozenset()
    clock.now = 60.0
    assert fresh.overdue() == frozenset()
    clock.now = right + EXPIRE - 1
    assert fresh.overdue() == frozenset()
    clock.now += 2
    assert fresh.overdue() == {ORG, NET}


def test_a_mirror_from_before_times_were_kept_begins_with_the_first_look(
    mirrored: MemoryStore, clock: Clock
) -> None:
    with mirrored.write() as writer:
        writer.set_setting(f"peer/{PEER}/success", None)
    clock.now += 100 * EXPIRE
    fresh = freshness(mirrored, clock)
    assert fresh.overdue() == frozenset()
    clock.now += EXPIRE + 1
    assert fresh.overdue() == {ORG, NET}
    assert freshness(MemoryStore(), clock).overdue() == frozenset()


def test_an_expire_below_the_interval_is_no_reason_to_fall_silent(mirrored: MemoryStore, clock: Clock) -> None:
    fresh = freshness(mirrored, clock, interval=EXPIRE)
    clock.now += 2 * EXPIRE
    assert fresh.overdue() == frozenset()
    clock.now += 1
    assert fresh.overdue() == {ORG, NET}


def test_a_mirror_tells_and_comes_back_with_a_pull_that_brings_nothing(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        primary, secondary, samples = MemoryStore(), MemoryStore(), Counted()
        commit(primary, ORG, names(ORG, 3))
        (port,) = free_ports(1)
        where = PrimaryConfig(f"http://127.0.0.1:{port}", PEER, "k1", 1.0)
        signer = Signer(PEER, KEY, clock, os.urandom)
        mirror = Mirror(secondary, where, signer, samples, pauses=Pauses(0.001, 0.01, 0.01), clock=clock)
        async with running(primary, generous_gate(clock=clock), port=port):
            assert await mirror.once()
            clock.now += 7
            await mirror.look()
            assert samples.values[f"sync_lag_seconds,peer={PEER}"] == 7
        await mirror.close()
        clock.now += EXPIRE
        with pytest.raises(Unreachable):
            await mirror.once()
        await mirror.look()
        with secondary.read() as reader:
            assert expired_zones(reader, PEER) == {ORG}
        assert samples.values[f"sync_lag_seconds,peer={PEER}"] == EXPIRE + 7
        assert samples.values[f"sync_last_success_timestamp_seconds,peer={PEER}"] == clock.now - EXPIRE - 7
        assert "past their SOA expire" in caplog.text
        async with running(primary, generous_gate(clock=clock), port=port):
            await mirror.once()
            await mirror.close()
        with secondary.read() as reader:
            assert expired_zones(reader, PEER) == frozenset()
        assert samples.values[f"sync_lag_seconds,peer={PEER}"] == 0
        assert "answering from expired zones again" in caplog.text

    caplog.set_level(logging.INFO)
    run(test())


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[LmdbStore]:
    primary, secondary = MemoryStore(), LmdbStore.create(tmp_path / "mirror")
    commit(primary, ORG, names(ORG, 3))
    Wire(primary).pull(secondary)
    yield secondary
    secondary.close()


def test_workers_see_it_at_once(on_disk: LmdbStore, clock: Clock) -> None:
    config = Config(repo=on_disk.path, primary=PrimaryConfig("http://127.0.0.1:1", PEER, "k1", 1.0))
    zones = LiveZones(on_disk, config, array("Q", bytes(8 * stats.SLOTS)), lambda *error: pytest.fail(str(error)))

    def answer() -> int:
        zones.check()
        found = zones.respond_udp(query("h000001.example.org"), bytes(4))
        zones.done()
        assert found is not None
        return rcode(found)

    fresh = freshness(on_disk, clock)
    assert [answer() for _ in range(4)] == [0] * 4
    clock.now += EXPIRE + 1
    fresh.overdue()
    assert [answer() for _ in range(4)] == [2] * 4
    fresh.succeeded()
    assert answer() == 0


def test_what_expired_while_nothing_ran_is_noted_before_anything_starts(on_disk: LmdbStore, clock: Clock) -> None:
    config = Config(repo=on_disk.path, primary=PrimaryConfig("http://127.0.0.1:1", PEER, "k1", 1.0))
    note_expired(config, clock)
    with on_disk.read() as reader:
        assert expired_zones(reader, PEER) == frozenset()
    clock.now += EXPIRE + 1
    note_expired(config, clock)
    with on_disk.read() as reader:
        assert expired_zones(reader, PEER) == {ORG}


def test_a_full_disk_keeps_no_daemon_from_its_start(tmp_path: Path, monkeypatch, caplog) -> None:
    def overdue(_: Freshness) -> frozenset[str]:
        raise StoreFull("no space is left")

    monkeypatch.setattr(Freshness, "overdue", overdue)
    LmdbStore.create(tmp_path / "repo").close()
    config = Config(repo=tmp_path / "repo", primary=PrimaryConfig("http://127.0.0.1:1", "p1", "k"))
    note_expired(config, lambda: 0.0)
    assert "no space is left" in caplog.text


def test_no_zone_is_read_before_the_first_can_be_too_old(tmp_path: Path, clock: Clock) -> None:
    primary = MemoryStore()
    for number in range(30):
        commit(primary, f"z{number}.example.", names(f"z{number}.example.", 3))
    for known in (True, False):
        with closing(LmdbStore.create(tmp_path / str(known))) as store:
            Wire(primary).pull(store)
            if not known:  # as an older zonegit leaves it
                with store.write() as writer:
                    writer.set_setting(f"peer/{PEER}/least-expire", None)
            reads = []
            for age in (EXPIRE // 2, EXPIRE, EXPIRE // 2):
                later = Clock()
                later.now += age
                fresh = freshness(store, later)
                with counted() as count:
                    assert fresh.overdue() == frozenset()
                reads.append(count.reads)
            assert (reads[0] < 10) == known, reads
            assert max(reads[1:]) < 10, "once all were read the bound is noted"
            later.now = clock.now + EXPIRE + 1
            assert len(freshness(store, later).overdue()) == 30


def test_the_bound_follows_a_zone_that_expires_sooner(tmp_path: Path, clock: Clock) -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, ORG, names(ORG, 3))
    Wire(primary).pull(secondary)
    commit(primary, NET, sooner(NET))
    Wire(primary).pull(secondary)
    clock.now += 301
    assert freshness(secondary, clock).overdue() == {NET}


def test_the_bound_follows_a_zone_that_is_adopted(clock: Clock) -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, ORG, names(ORG, 3))
    commit(primary, NET, sooner(NET))
    commit(secondary, NET, names(NET, 3))
    Wire(primary).pull(secondary)
    with secondary.write() as writer:
        carry_out(writer, adoption(writer, PEER, NET), WHO)
    clock.now += 301
    assert freshness(secondary, clock).overdue() == {NET}
