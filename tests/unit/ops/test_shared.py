"""The shared block: rows, series, configuration and listeners, here and in a spawned child."""

import mmap
import multiprocessing
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from shared_block_child import count_in_child
from zonegit.errors import ConfigError
from zonegit.ops import shared
from zonegit.ops.address import Address
from zonegit.ops.config import Config, DnsConfig, ReplicationConfig, ZoneConfig
from zonegit.ops.samples import Samples
from zonegit.ops.shared import FIRST_WORKER, HTTP, PULLER, TCP_ROW, UDP_ROW, SharedBlock


@pytest.fixture
def block():
    block = SharedBlock.create(2, 5, Config(repo=Path("here")))
    yield block
    block.close()


def test_rows_are_apart_and_summed(block):
    block.row(0)[1] += 3
    block.row(1)[1] += 4
    block.row(1, TCP_ROW)[4] += 1
    assert block.totals() == [0, 7, 0, 0, 1]
    assert list(block.row(0, UDP_ROW)) == [0, 3, 0, 0, 0]


def test_states(block):
    assert not block.is_ready(HTTP)
    block.set_ready(HTTP)
    assert block.is_ready(HTTP) and not block.is_ready(PULLER)
    block.enter(PULLER, 4711)
    block.enter(HTTP, 4712)
    assert block.pids() == [4712, 4711] and not block.is_ready(HTTP), "a new process isn't ready"
    block.enter(HTTP, 0)
    assert block.pids() == [4711]
    assert block.totals() == [0] * 5


def test_more_http_processes_stand_behind_the_workers():
    config = Config(repo=Path("here"), replication=ReplicationConfig(Address("127.0.0.1", 0), "p", workers=3))
    block = SharedBlock.create(2, 5, config)
    assert block.http == (HTTP, FIRST_WORKER + 2, FIRST_WORKER + 3)
    last = block.http[-1]
    block.samples(last).inc("sync_rejected_objects_total", reason="r")
    block.enter(last, 4711)
    block.note_connections(last, 3)
    block.row(1, TCP_ROW)[4] += 1
    assert (block.connections(last), block.connections(HTTP), block.pids()) == (3, 0, [4711])
    block.enter(last, 0)
    assert block.connections(last) == 0, "a process that died has none"
    assert block.totals()[4] == 1 and len(list(block.samples(last).read())) == 1
    block.close()


def test_published_configuration_comes_back(block):
    assert block.config() == Config(repo=Path("here"))
    block.publish(Config(repo=Path("there"), dns=DnsConfig(workers=9)))
    assert block.config().dns.workers == 9


def test_a_configuration_of_many_zones_fits_and_one_beyond_the_bound_is_refused(block, monkeypatch):
    zones = {f"zone-{number}.example.": ZoneConfig(branch="next") for number in range(20_000)}
    block.publish(Config(repo=Path("there"), zones=zones))
    assert block.config().zones == zones
    monkeypatch.setattr(shared, "_CONFIG", 100_000)
    with pytest.raises(ConfigError, match="at most 100,000"):
        block.publish(Config(repo=Path("elsewhere"), zones=zones))
    monkeypatch.undo()
    assert block.config().repo == Path("there")


class Watched:
    """Shared memory that tells of each access before and after it."""

    def __init__(self, memory: mmap.mmap, accessed: Callable[[], None]) -> None:
        self._memory = memory
        self._accessed = accessed

    def __getitem__(self, part: slice) -> bytes:
        self._accessed()
        return self._memory[part]

    def __setitem__(self, part: slice, data: bytes) -> None:
        self._memory[part] = data
        self._accessed()


def named(name: str) -> Config:
    return Config(repo=Path(name), zones={f"{name}.": ZoneConfig(branch=name)})


def test_whoever_reads_while_a_configuration_is_published_gets_the_one_before(block, monkeypatch):
    block.publish(named("old"))
    seen: list[Config] = []
    memory = Watched(block._map, lambda: seen.append(block.without_listeners().config()))
    monkeypatch.setattr(block, "_map", memory)
    block.publish(named("new" * 1000))
    assert seen and set(map(str, seen)) == {str(named("old"))}
    assert block.config() == named("new" * 1000)


def test_whoever_is_overtaken_while_reading_gets_the_newest(block, monkeypatch):
    writer = block.without_listeners()
    coming = [named(str(number) * (10 - number)) for number in range(7)]

    def publish() -> None:
        if coming:
            writer.publish(coming.pop())

    monkeypatch.setattr(block, "_map", Watched(block._map, publish))
    assert block.config() == named("0" * 10)


def test_a_configuration_is_read_once(block):
    assert block.config() is block.config()


def test_a_spawned_child_shares_it():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        block = SharedBlock.create(2, 5, Config(repo=Path("here")), {"metrics": listener})
        for _ in range(2):
            child = multiprocessing.get_context("spawn").Process(target=count_in_child, args=(block,))
            child.start()
            child.join(30)
            assert child.exitcode == 0
        assert block.totals()[2] == 10
        assert block.is_ready(PULLER)
        (series,) = block.samples(PULLER).read()
        assert series[1:] == (("p", "ok"), (2.0,))
        block.close()


def test_series_survive_a_new_writer():
    area = memoryview(bytearray(4096))
    Samples(area).inc("sync_sessions_total", peer="a", result="ok")
    again = Samples(area)
    again.inc("sync_sessions_total", 2, peer="a", result="ok")
    again.set("sync_lag_seconds", 1.5, peer="a")
    again.observe("sync_duration_seconds", 0.3, peer="a")
    again.observe("sync_duration_seconds", 1e9, peer="a")
    found = {family.name: (labels, values) for family, labels, values in Samples(area).read()}
    assert found["sync_sessions_total"] == (("a", "ok"), (3.0,))
    assert found["sync_lag_seconds"] == (("a",), (1.5,))
    _, values = found["sync_duration_seconds"]
    assert sum(values[:-1]) == 2 and values[-2] == 1 and values[-1] == pytest.approx(1e9 + 0.3)


def test_a_counter_is_there_at_once_and_continues_with_its_value() -> None:
    area = memoryview(bytearray(256))
    for total in (3.0, 6.0):
        count = Samples(area).counter("route_match_total", zone="example.org.", rule="1")
        for _ in range(3):
            count()
        ((family, labels, values),) = Samples(area).read()
        assert (family.name, labels, values) == ("route_match_total", ("example.org.", "1"), (total,))
    full = Samples(memoryview(bytearray(32)))
    full.counter("route_match_total", zone="example.org.", rule="1")()
    assert (list(full.read()), full.refused) == ([], 1)


def test_a_full_area_refuses_new_series_and_keeps_the_old():
    samples = Samples(memoryview(bytearray(256)))
    for number in range(20):
        samples.inc("sync_rejected_objects_total", reason=f"reason-{number}")
    kept = list(samples.read())
    assert 0 < len(kept) < 20
    assert samples.refused == 20 - len(kept)
    samples.inc("sync_rejected_objects_total", reason="reason-0")
    assert next(iter(samples.read()))[2] == (2.0,)


@pytest.mark.parametrize(
    "call",
    [
        lambda samples: samples.inc("sync_lag_seconds", peer="a"),
        lambda samples: samples.inc("sync_sessions_total", peer="a"),
        lambda samples: samples.set("sync_lag_seconds", 1, peer="a", more="b"),
    ],
)
def test_wrong_kind_or_labels_are_refused(call):
    with pytest.raises(ValueError, match="with the labels"):
        call(Samples(memoryview(bytearray(1024))))


def test_a_configuration_is_in_force_once_every_running_worker_uses_it(tmp_path: Path) -> None:
    block = SharedBlock.create(2, 4, Config(tmp_path))
    try:
        assert block.is_config_in_force, "a worker that isn't ready yet reads it when it is"
        for worker in (FIRST_WORKER, FIRST_WORKER + 1):
            block.enter(worker, 1000 + worker)
            block.set_ready(worker)
        assert not block.is_config_in_force
        block.config()
        block.note_config(FIRST_WORKER)
        assert not block.is_config_in_force
        block.note_config(FIRST_WORKER + 1)
        assert block.is_config_in_force
        block.publish(Config(tmp_path / "other"))
        assert block.has_newer_config
        assert not block.is_config_in_force
        block.config()
        assert not block.has_newer_config
        block.note_config(FIRST_WORKER)
        block.enter(FIRST_WORKER + 1, 0)
        assert block.is_config_in_force, "one that died doesn't answer"
    finally:
        block.close()
