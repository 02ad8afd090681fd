"""What starting and a change cost those who answer doesn't grow with the number of zones."""

import re
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from countkit import Counted, counted
from daemonkit import query, rcode, until
from manykit import apex_of, many_zones
from synckit import commit, move, names
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.preflight import prepare
from zonegit.daemon.status import Status
from zonegit.dns import stats
from zonegit.dns.zone import served_zones
from zonegit.errors import StoreError
from zonegit.model.ids import ObjectId
from zonegit.ops.address import Address
from zonegit.ops.config import Config, MetricsConfig
from zonegit.ops.loop_slots import LOOP_SLOTS
from zonegit.ops.shared import FIRST_WORKER, SharedBlock
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reader import StoreReader

CLIENT = bytes([127, 0, 0, 1])
SERVFAIL, REFUSED = 2, 5


def live(store: LmdbStore) -> LiveZones:
    row = array("Q", bytes(8 * stats.SLOTS))

    def never(message: str, error: BaseException) -> None:
        raise AssertionError(message) from error

    return LiveZones(store, Config(repo=store.path), row, never)


def asked(number: int) -> bytes:
    return query("h000001." + apex_of(number).rstrip("."))


def answer(zones: LiveZones, packet: bytes) -> bytes:
    zones.check()
    zones.begin()
    found = zones.ways.fast_path(packet[2:])
    body = zones.respond_udp(packet, CLIENT) if found is None else packet[:2] + found[0]
    zones.done()
    assert body is not None
    return body


def start_costs(path: Path, zones: int) -> Counted:
    many_zones(path, zones).close()
    with counted() as count:
        assert not prepare(Config(repo=path)).lacks_views
        with closing(LmdbStore.open(path, readonly=True)) as store:
            assert rcode(answer(live(store), asked(1))) == 0
    return count


def test_a_start_reads_the_names_of_zones_and_no_zone(tmp_path: Path) -> None:
    few, many = start_costs(tmp_path / "few", 20), start_costs(tmp_path / "many", 2000)
    assert few.reads == many.reads


def change_costs(path: Path, zones: int) -> tuple[Counted, Counted]:
    """Of a commit to one zone that was asked for, and of answering all the others that were."""
    with closing(many_zones(path, zones)) as store:
        serving = live(store)
        for number in range(zones):
            assert rcode(answer(serving, asked(number))) == 0
        commit(store, apex_of(1), names(apex_of(1), 3, seed=7))
        with counted() as change:
            changed = answer(serving, asked(1))
        with counted() as others:
            for number in range(2, 20):
                assert answer(serving, asked(number))[-4:] != changed[-4:]
    return change, others


def test_a_change_costs_as_much_with_many_zones_and_others_nothing(tmp_path: Path) -> None:
    few, many = change_costs(tmp_path / "few", 20), change_costs(tmp_path / "many", 2000)
    assert many[0].reads == few[0].reads
    assert many[1].reads == few[1].reads == 0, "what was prepared for other zones stays"


def scrape_costs(path: Path, zones: int) -> tuple[bytes, Counted]:
    """A page after one commit, and what it took to make it."""
    config = Config(repo=path, metrics=MetricsConfig(Address("127.0.0.1", 0), 10, frozenset({apex_of(1), "none."})))
    block = SharedBlock.create(1, stats.SLOTS + LOOP_SLOTS, config)
    with closing(block), closing(many_zones(path, zones)) as store, closing(Status(block, store)) as status:
        status.page("")
        until(lambda: not status._signatures._due, "the signatures' ends")
        commit(store, apex_of(1), names(apex_of(1), 3, seed=7))
        with counted() as count:
            page, _ = status.page("")
            until(lambda: not status._signatures._due, "what a page waits for only so long")
        block.set_ready(FIRST_WORKER)
        assert status.unready() is None
    return page, count


def test_a_page_of_metrics_is_bounded_and_costs_what_moved(tmp_path: Path) -> None:
    (few, few_cost), (many, many_cost) = scrape_costs(tmp_path / "f", 20), scrape_costs(tmp_path / "m", 2000)
    assert abs(len(few) - len(many)) < 20
    assert many_cost.reads <= few_cost.reads
    assert re.findall(rb"^zonegit_zone_serial.*", many, re.M) == [b'zonegit_zone_serial{zone="z1.example."} 2.0']
    assert re.findall(rb"^zonegit_zones.*", many, re.M) == [
        b"zonegit_zones 2000.0",
        b"zonegit_zones_with_series 1.0",
        b"zonegit_zones_diverged 0.0",
    ]


def test_below_the_bound_each_zone_has_series(tmp_path: Path) -> None:
    block = SharedBlock.create(1, stats.SLOTS + LOOP_SLOTS, Config(repo=tmp_path))
    with (
        closing(block),
        closing(many_zones(tmp_path / "r", 30)) as store,
        closing(Status(block, store)) as status,
    ):
        page, _ = status.page("")
        assert page.count(b"\nzonegit_zone_serial{") == 30
        move(store, apex_of(3), "main", None)
        commit(store, "new.example.", names("new.example.", 3))
        page, _ = status.page("")
        assert page.count(b"\nzonegit_zone_serial{") == 30
        assert b'zonegit_zone_serial{zone="new.example."}' in page
        assert b'zone="z3.example."' not in page


def status_costs(path: Path, zones: int) -> Counted:
    many_zones(path, zones).close()
    with counted() as count, Repository.open(path, readonly=True) as repository:
        assert repository.count_zones() == zones
    return count


def test_counting_zones_reads_none(tmp_path: Path) -> None:
    assert status_costs(tmp_path / "few", 20).reads == status_costs(tmp_path / "many", 2000).reads


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LmdbStore]:
    found = many_zones(tmp_path / "repo", 40)
    yield found
    found.close()


def test_unloaded_zones_are_loaded_again(store: LmdbStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served_zones, "LIMIT", 5)
    serving = live(store)
    loaded = serving.responder.zones.by_apex.loaded
    before = {}
    for turn in range(4):
        for number in range(12):
            found = answer(serving, asked(number))
            assert rcode(found) == 0
            if turn == 3:
                before[number] = found
            assert len(loaded) <= 5
    assert len(serving.cache) > 5, "packets stay when their zone is let go of"
    move(store, apex_of(3), "main", None)
    commit(store, apex_of(2), names(apex_of(2), 3, seed=7))
    after = {number: answer(serving, asked(number)) for number in range(12)}
    assert {number for number in before if before[number] != after[number]} == {2, 3}
    assert rcode(after[3]) == REFUSED
    assert len(loaded) <= 5
    for number in (0, 1, 2):
        commit(store, apex_of(number), names(apex_of(number), 3, seed=8))
    again = {number: answer(serving, asked(number)) for number in range(12)}
    assert {number for number in after if after[number] != again[number]} == {0, 1, 2}


def test_an_error_of_the_store_is_not_taken_for_the_zones(
    store: LmdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = array("Q", bytes(8 * stats.SLOTS))
    serving = LiveZones(store, Config(repo=store.path), row, lambda *_: None)

    def fail(_reader: StoreReader, name: str) -> ObjectId | None:
        raise StoreError("too many processes read the repository at once")

    with monkeypatch.context() as busy:
        busy.setattr(StoreReader, "ref", fail)
        assert rcode(answer(serving, asked(1))) == SERVFAIL
    assert rcode(answer(serving, asked(1))) == 0, "the next query tries again"
