"""Expiry while the puller can't see to it: when the supervisor looks in its place, and when no longer."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repokit import ZONE, parsed
from synckit import PEER
from zonegit.daemon.expiry_guard import STUCK, ExpiryGuard
from zonegit.daemon.preflight import too_old
from zonegit.dns import stats
from zonegit.errors import StoreError
from zonegit.model.commit import Stamp
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.ops.loop_slots import LOOP_SLOTS
from zonegit.ops.shared import PULLER, SharedBlock
from zonegit.repo import Repository
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.peers import expired_zones, succeeded

PRIMARY = PrimaryConfig("http://127.0.0.1:9354", PEER, pull_interval=1.0)
ZONES = frozenset({"example.org."})


class Timer:
    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def block(tmp_path: Path) -> Iterator[SharedBlock]:
    made = SharedBlock.create(1, stats.SLOTS + LOOP_SLOTS, Config(repo=tmp_path))
    yield made
    made.close()


def test_it_looks_while_the_puller_does_not_beat(tmp_path: Path, block: SharedBlock) -> None:
    timer, found = Timer(), ZONES
    config = Config(repo=tmp_path, primary=PRIMARY)
    guard = ExpiryGuard(block, lambda *_: found, timer)
    assert guard.turn(config) == frozenset(), "a puller that was just started is given time"
    timer.now += STUCK + 2
    assert guard.turn(config) == ZONES
    expired = Config(repo=tmp_path, primary=PRIMARY, expired=ZONES)
    assert guard.turn(expired) == ZONES, "between two looks"
    found = frozenset()
    timer.now += 2
    assert guard.turn(expired) == frozenset()
    found = ZONES
    timer.now += 2
    assert guard.turn(config) == ZONES
    block.beat(PULLER)
    timer.now = time.monotonic() + STUCK - 1
    guard = ExpiryGuard(block, lambda *_: found, timer)
    assert guard.turn(expired) == frozenset(), "the puller has said so itself"


def test_the_beat_outlives_the_process(block: SharedBlock) -> None:
    block.beat(PULLER)
    before = block.last_beat(PULLER)
    assert before == pytest.approx(time.monotonic(), abs=5)
    block.enter(PULLER, os.getpid())
    assert block.last_beat(PULLER) == before


def test_what_cannot_be_looked_up_stays(tmp_path: Path, block: SharedBlock, caplog) -> None:
    def look(*_: object) -> frozenset[str]:
        raise StoreError("no disk")

    timer = Timer()
    guard = ExpiryGuard(block, look, timer)
    timer.now += STUCK + 2
    assert guard.turn(Config(repo=tmp_path, primary=PRIMARY, expired=ZONES)) == ZONES
    assert "cannot look up" in caplog.text


def test_a_primary_has_nothing_to_look_for(tmp_path: Path, block: SharedBlock) -> None:
    timer = Timer()
    guard = ExpiryGuard(block, lambda *_: ZONES, timer)
    timer.now += STUCK + 2
    assert guard.turn(Config(repo=tmp_path)) == frozenset()
    assert guard.wait(Config(repo=tmp_path)) is None


def test_looking_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "repo"
    with Repository.init(path) as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    store = LmdbStore.open(path)
    with store.write() as writer:
        writer.set_setting(mirror_setting("example.org."), PEER.encode())
        succeeded(writer, PEER, Stamp("x", 1_000_000).time)
    before = store.txn_id()
    config = Config(repo=path, primary=PRIMARY)
    assert too_old(config, lambda: 1_000_000.0 + 1209600) == frozenset()
    assert too_old(config, lambda: 1_000_000.0 + 1209602) == ZONES
    assert too_old(config, lambda: 999_000.0) == frozenset(), "a clock that was set back tells nothing"
    assert store.txn_id() == before
    with store.read() as reader:
        assert expired_zones(reader, PEER) == frozenset()
    store.close()
