"""Damage on disk that a daemon meets as it starts: it harms the zone that it is in, and no other."""

import re
import shutil
from array import array
from contextlib import closing
from pathlib import Path

import pytest

from daemonkit import query, rcode
from repokit import ZONE, parsed
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.preflight import note_expired, prepare
from zonegit.daemon.status import Status
from zonegit.daemon.views import missing
from zonegit.daemon.views import run as make_views
from zonegit.dns import stats
from zonegit.model.ids import object_id
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.ops.config import Config, PrimaryConfig
from zonegit.ops.loop_slots import LOOP_SLOTS
from zonegit.ops.shared import FIRST_WORKER, SharedBlock
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore
from zonegit.store.repair import replace

OTHER = ZONE.replace("example.net", "example.com").replace("example.org", "example.net")
CLIENT = bytes([127, 0, 0, 1])
OPT = bytes((0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0))
WWW, WWW_NET = (
    asked[:11] + b"\1" + asked[12:] + OPT for asked in (query("www.example.org"), query("www.example.net"))
)
SERVFAIL = 2
INVALID_DATA = bytes((0, 15, 0, 2, 0, 24))
"""The option EDE with info code 24 (RFC 8914 §4.25)."""


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.init(tmp_path / "writer") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        repository.import_zone(parsed(OTHER), source="other.zone")
        yield repository


def damaged(repository: Repository, found: bytes, instead: bytes) -> Path:
    """A copy of a repository in which some bytes are others, wherever they stand."""
    path = repository.path.with_name("damaged")
    shutil.copytree(repository.path, path)
    data = (path / "data.mdb").read_bytes()
    assert found in data
    (path / "data.mdb").write_bytes(data.replace(found, instead))
    return path


def live(store: LmdbStore, path: Path, told: list[str]) -> LiveZones:
    row = array("Q", bytes(8 * stats.SLOTS))
    return LiveZones(store, Config(repo=path), row, lambda message, error: told.append(f"{message}: {error}"))


def answer(zones: LiveZones, packet: bytes) -> bytes:
    zones.check()
    found = zones.respond_udp(packet, CLIENT)
    zones.done()
    assert found is not None
    return found


def tip(repository: Repository, zone: str = "example.org.") -> bytes:
    """Its bytes."""
    with repository._store.read() as reader:
        oid = reader.ref(head(zone, "main"))
        assert oid is not None
        return reader.get(oid)


@pytest.mark.parametrize("last", [b"\xee", b"N", b"/", b"o"], ids=["no text", "capital", "no ref", "another name"])
def test_a_damaged_name_of_one_ref_costs_no_other_zone(repository: Repository, last: bytes) -> None:
    name, oid = b"refs/heads/example.org./main", object_id(tip(repository))
    path = damaged(repository, name + oid, name[:-1] + last + oid)
    config = Config(repo=path, primary=PrimaryConfig(url="http://127.0.0.1:1", name="primary-1"))
    note_expired(config, lambda: 0.0)
    assert prepare(config).config == config
    told: list[str] = []
    with Repository.open(path) as changed:
        zones = live(changed._store, path, told)
        assert rcode(answer(zones, WWW_NET)) == 0
        assert rcode(answer(zones, WWW)) == 0, "by its view"
        assert bool(told) == (last not in (b"N", b"o")), "another name is as good as any"
        changed.set("www", A, 60, [bytes((10, 0, 0, 1))], zone="example.net.")
        assert bytes((10, 0, 0, 1)) in answer(zones, WWW_NET)


@pytest.mark.parametrize("viewed", [False, True])
def test_a_zone_whose_tip_is_damaged_is_not_denied(repository: Repository, viewed: bool) -> None:
    """It is here: it is answered from its view, and SERVFAIL where that can't be."""
    data = tip(repository)
    if not viewed:
        with repository._store.write() as writer:
            writer.hide(head("example.org.", "main"))
    path = damaged(repository, data, data[:-1] + bytes((data[-1] ^ 1,)))
    told: list[str] = []
    with closing(LmdbStore.open(path)) as store:
        zones = live(store, path, told)
        found = answer(zones, WWW)
        assert rcode(found) == (0 if viewed else SERVFAIL)
        assert (INVALID_DATA in found) is not viewed
        assert rcode(answer(zones, WWW_NET)) == 0
        assert any("cannot read a zone from its tree: example.org." in line for line in told) is not viewed
        replace(store, [data])
        assert rcode(answer(zones, WWW)) == 0, "once it is repaired"


def test_a_damaged_zone_keeps_no_other_from_its_view(
    repository: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    data = tip(repository, "example.net.")
    with repository._store.write() as writer:
        for zone in ("example.net.", "example.org."):
            writer.hide(head(zone, "main"))
    path = damaged(repository, data, data[:-1] + bytes((data[-1] ^ 1,)))
    config = Config(repo=path)
    block = SharedBlock.create(1, 1, config)
    make_views(config, block, 0)
    block.close()
    assert [record.event[1]["ref"] for record in caplog.records] == [head("example.net.", "main")]
    with closing(LmdbStore.open(path)) as store, store.read() as reader:
        assert missing(config, reader) == [head("example.net.", "main")]


def test_a_damaged_zone_takes_no_other_from_the_metrics(repository: Repository) -> None:
    data = tip(repository)
    path = damaged(repository, data, data[:-1] + bytes((data[-1] ^ 1,)))
    block = SharedBlock.create(1, stats.SLOTS + LOOP_SLOTS, Config(repo=path))
    block.set_ready(FIRST_WORKER)
    with closing(LmdbStore.open(path)) as store, closing(Status(block, store)) as status:
        page, _ = status.page("")
        assert status.unready() is None
    block.close()
    assert re.findall(rb'zonegit_zone_serial{zone="(.*)"}', page) == [b"example.net."]


def test_an_older_version_goes_on_being_served_until_the_damage_is_repaired(repository: Repository) -> None:
    told: list[str] = []
    zones = live(repository._store, repository.path, told)
    before = answer(zones, WWW)
    repository.set("www", A, 60, [bytes((10, 0, 0, 1))])
    with repository._store.write() as writer:
        writer.hide(head("example.org.", "main"))
    data = tip(repository)
    file = repository.path / "data.mdb"
    with file.open("r+b") as written:
        written.seek(file.read_bytes().index(data))
        written.write(bytes((data[0] ^ 1,)))
    assert answer(zones, WWW) == before
    assert any("cannot read a zone from its tree: example.org." in line for line in told)
    replace(repository._store, [data])
    assert bytes((10, 0, 0, 1)) in answer(zones, WWW)
