"""Answers follow the repository: heads, views, pins, canaries, configuration, damage."""

import shutil
from array import array
from collections import Counter
from pathlib import Path

import pytest

from daemonkit import query, rcode
from repokit import ZONE, parsed
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.preflight import prepare
from zonegit.daemon.views import missing
from zonegit.daemon.views import run as make_views
from zonegit.daemon.zone_table import NOT_COUNTED, Routing, ZoneTable
from zonegit.dns import stats
from zonegit.dns.access.acl import Acl
from zonegit.errors import ConfigError, CorruptStore, StoreError
from zonegit.model.names import OwnerKey, key_owner
from zonegit.model.rdata import A
from zonegit.ops.config import Config, PrimaryConfig, ZoneConfig
from zonegit.ops.routes import routes
from zonegit.ops.shared import SharedBlock
from zonegit.repo import Repository
from zonegit.store.environment import acquire, release
from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table

CLIENT = bytes([127, 0, 0, 1])
OTHER = ZONE.replace("example.net", "example.com").replace("example.org", "example.net")
SOA = 6
WWW = query("www.example.org")


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.init(tmp_path / "writer") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        yield repository


@pytest.fixture
def live(repository: Repository):
    """`live(Config)`; shares the repository's open store, since a process opens one only once."""
    errors: list[str] = []

    def live(routing: Routing = NOT_COUNTED, **settings) -> LiveZones:
        config = Config(repo=repository.path, **settings)
        return LiveZones(
            repository._store,
            config,
            array("Q", bytes(8 * stats.SLOTS)),
            lambda *error: errors.append(str(error)),
            routing=routing,
        )

    yield live
    assert errors == []


def answer(zones: LiveZones, packet: bytes = WWW) -> bytes:
    zones.check()
    found = zones.respond_udp(packet, CLIENT)
    zones.done()
    assert found is not None
    return found


def set_www(repository: Repository, last: int, branch: str = "main") -> None:
    repository.set("www", A, 60, [bytes([10, 0, 0, last])], branch=branch)


def test_the_next_batch_sees_a_commit(repository, live):
    zones = live()
    for last in range(1, 5):
        set_www(repository, last)
        assert answer(zones)[-1] == last
        assert answer(zones)[-1] == last


def test_a_commit_between_the_check_and_the_first_miss_is_seen_whole(repository, live):
    zones = live()
    zones.check()
    repository.remove_zone("example.org.")
    found = zones.respond_udp(WWW, CLIENT)
    zones.done()
    assert found is not None and rcode(found) == 5


def test_a_zone_that_left_a_tombstone_is_gone_until_it_begins_again(repository, live):
    zones = live()
    answer(zones)
    repository.remove_zone("example.org.", tombstone=True)
    assert rcode(answer(zones)) == 5 and zones.zones == 0
    assert rcode(answer(live())) == 5
    with repository._store.read() as reader:
        assert missing(Config(repo=repository.path), reader) == []
    repository.import_zone(parsed(ZONE), source="z")
    assert rcode(answer(zones)) == 0


def test_zones_come_and_go(repository, live):
    zones = live()
    other = query("example.net", SOA)
    assert rcode(answer(zones, other)) == 5
    repository.import_zone(parsed(OTHER), source="z")
    assert rcode(answer(zones, other)) == 0
    repository.remove_zone("example.net.")
    assert rcode(answer(zones, other)) == 5
    assert rcode(answer(zones)) == 0


def test_branch_without_a_view_is_answered_from_the_tree(repository, live):
    repository.create_branch("next")
    set_www(repository, 9, "next")
    zones = live(default_zone=ZoneConfig(branch="next"))
    assert answer(zones)[-1] == 9
    set_www(repository, 10, "next")
    assert answer(zones)[-1] == 10
    with repository._store.write() as writer:
        writer.show("refs/heads/example.org./next")
    assert answer(zones)[-1] == 10
    set_www(repository, 11, "next")
    assert answer(zones)[-1] == 11


def test_a_pin_stands_still(repository, live):
    set_www(repository, 1)
    set_www(repository, 2)
    zones = live(default_zone=ZoneConfig(at="HEAD~1"))
    assert answer(zones)[-1] == 1
    set_www(repository, 3)
    assert answer(zones)[-1] == 1


def test_canary(repository, live):
    repository.create_branch("next")
    set_www(repository, 7, "next")
    set_www(repository, 8)
    assert answer(live(default_zone=ZoneConfig(canary="next:100")))[-1] == 7
    assert answer(live(default_zone=ZoneConfig(canary="next:0")))[-1] == 8
    assert answer(live(default_zone=ZoneConfig(canary="gone:100")))[-1] == 8


def test_routes(repository, live):
    for number, branch in enumerate(("internal", "night"), 1):
        repository.create_branch(branch)
        set_www(repository, number, branch)
    set_www(repository, 9)
    matches: Counter[tuple[str, str]] = Counter()
    hour = [12]

    def serve(*rules: dict[str, str]) -> LiveZones:
        routing = Routing(lambda: hour[0] * 3600.0, counter=lambda *which: lambda: matches.update([which]))
        return live(routing=routing, zones={"example.org.": ZoneConfig(routes=routes(list(rules)))})

    zones = serve(
        {"when": 'client.subnet in ["192.0.2.0/24"]', "branch": "gone"},
        {"when": 'client.subnet in ["127.0.0.0/8"] and time.hour < 22', "branch": "internal"},
        {"when": "time.hour >= 22", "branch": "night"},
    )
    assert answer(zones)[-1] == 1
    hour[0] = 23
    assert answer(zones)[-1] == 2
    set_www(repository, 3, "night")
    assert answer(zones)[-1] == 3
    set_www(repository, 4)
    repository.delete_branch("night", force=True)
    assert answer(zones)[-1] == 4
    assert matches == {("example.org.", "2"): 1, ("example.org.", "3"): 2}


def test_a_branch_of_a_route_that_cannot_be_read_is_an_error_and_no_other_version(repository, live, monkeypatch):
    repository.create_branch("internal")
    rules = routes([{"when": 'client.subnet in ["127.0.0.0/8"]', "branch": "internal"}])
    zones = live(zones={"example.org.": ZoneConfig(routes=rules)})
    assert rcode(answer(zones)) == 0
    internal = ZoneTable._branch

    def unreadable(self, apex, zone, branch, shown):
        if branch == "internal":
            raise CorruptStore("damaged")
        return internal(self, apex, zone, branch, shown)

    monkeypatch.setattr(ZoneTable, "_branch", unreadable)
    set_www(repository, 5)
    logged = []
    monkeypatch.setattr(zones, "_log", lambda *_: None)
    zones._table._log = lambda message, _error: logged.append(message)
    zones.responder.options = zones.responder.options._replace(log=lambda *_: None)
    assert rcode(answer(zones)) == 2
    assert "cannot load a branch that a route of a zone names: example.org." in logged


def test_configure_takes_effect_with_the_next_batch(repository, live):
    repository.create_branch("next")
    set_www(repository, 7, "next")
    zones = live()
    assert answer(zones)[-1] in (10, 11)
    zones.configure(Config(repo=repository.path, default_zone=ZoneConfig(branch="next")))
    assert answer(zones)[-1] == 7


def test_a_list_of_who_may_ask_takes_effect_with_the_next_batch(repository, live):
    """By whatever way an answer came before: kept, by the fast path, or over TCP."""
    zones = live()

    def over_tcp() -> bytes:
        found = zones.respond_tcp(WWW, CLIENT)
        zones.done()
        assert isinstance(found, bytes)
        return found

    for allowed, code in ((None, 0), ("192.0.2.0/24", 5), ("127.0.0.0/8", 0), ("192.0.2.0/24", 5), (None, 0)):
        who = Acl.parse([allowed]) if allowed else None
        zones.configure(Config(repo=repository.path, default_zone=ZoneConfig(allow_query=who)))
        for _ in range(3):
            assert rcode(answer(zones)) == code
            assert rcode(over_tcp()) == code
            assert code == 0 or (WWW[2:] not in zones.cache and zones.ways.fast_path(WWW[2:]) is None)


def test_transfers_page_through_short_transactions(repository, live):
    zones = live()
    zones.check()
    messages = zones.respond_tcp(query("example.org", 252), CLIENT)
    assert messages is not None and not isinstance(messages, bytes)
    zones.done()
    set_www(repository, 1)
    records = 0
    for message in messages:
        zones.done()
        zones.check()
        records += int.from_bytes(message[6:8], "big")
    assert records == 9
    assert int.from_bytes(message[-20:-16], "big") == 2026112001


def test_refused_transfers_are_logged_a_few_a_minute(repository, live, caplog):
    zones = live()
    for last in range(30):
        for _ in range(2):
            zones.check()
            list(zones.respond_tcp(query("example.org", 252), bytes([192, 0, 2, last])) or ())
            zones.done()
    told = [each.getMessage() for each in caplog.records]
    assert len(told) == 10
    assert told[0] == (
        "refused a transfer or a signature client=192.0.2.0 zone=example.org. key=- "
        'why="transfer_acl names neither this address nor this key for the zone"'
    )


def test_pins_become_commits_before_anything_starts(repository):
    config = Config(repo=repository.path, default_zone=ZoneConfig(at="HEAD"))
    repository.close()
    prepared = prepare(config)
    assert len(prepared.config.zone("example.org.").at or "") == 64
    assert not prepared.lacks_views
    with pytest.raises(ConfigError, match=r"zone example\.org\. can't be served at 'gone'"):
        prepare(Config(repo=repository.path, default_zone=ZoneConfig(at="gone")))


def test_only_a_secondary_makes_its_repository_and_only_at_its_start(tmp_path):
    secondary = Config(repo=tmp_path / "new", primary=PrimaryConfig("http://127.0.0.1:1", "up", "k"))
    with pytest.raises(StoreError, match="zonegit init"):
        prepare(Config(repo=tmp_path / "none"), create=True)
    with pytest.raises(StoreError, match="zonegit init"):
        prepare(secondary)
    assert not (tmp_path / "new").exists()
    prepare(secondary, create=True)
    LmdbStore.open(tmp_path / "new", readonly=True).close()


def test_a_repository_whose_making_was_cut_short_is_made_by_a_secondary_only(tmp_path):
    for name, begun in (("empty", False), ("begun", True)):
        path = tmp_path / name
        path.mkdir()
        (path / "data.mdb").touch()
        if begun:
            release(acquire(path, 1 << 30, readonly=False, create=True))
        with pytest.raises(StoreError):
            prepare(Config(repo=path), create=True)
        prepare(Config(repo=path, primary=PrimaryConfig("http://127.0.0.1:1", "up", "k")), create=True)
        LmdbStore.open(path, readonly=True).close()


@pytest.mark.parametrize(
    "settings",
    [ZoneConfig(canary="next:10"), ZoneConfig(routes=routes([{"when": "time.hour == 1", "branch": "next"}]))],
    ids=["canary", "route"],
)
def test_missing_views_are_made(repository, settings):
    repository.create_branch("next")
    config = Config(repo=repository.path, default_zone=settings)
    repository.close()
    assert prepare(config).lacks_views
    block = SharedBlock.create(1, 1, config)
    make_views(config, block, 0)
    block.close()
    store = LmdbStore.open(repository.path, readonly=True)
    with store.read() as reader:
        assert missing(config, reader) == []
    store.close()


def test_a_damaged_view_is_answered_from_the_tree(repository, tmp_path):
    path = tmp_path / "damaged"
    shutil.copytree(repository.path, path)
    block = (
        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x0a\xc0\x0c"  # a leaf has \3www before it
    )
    data = bytearray((path / "data.mdb").read_bytes())
    at = data.find(block)
    assert at > 0
    while at > 0:
        data[at + 15] ^= 1
        at = data.find(block)
    (path / "data.mdb").write_bytes(data)
    store = LmdbStore.open(path, readonly=True)
    row = array("Q", bytes(8 * stats.SLOTS))
    zones = LiveZones(store, Config(repo=path), row, lambda *_: None)
    found = answer(zones)
    assert rcode(found) == 0
    assert bytes([192, 0, 2, 10]) in found and bytes([192, 0, 2, 11]) in found
    assert row[stats.CORRUPT] == 1
    store.close()


GLUE = """\
sub IN NS a.ns
a.ns IN A 192.0.2.53
"""


@pytest.mark.parametrize(
    ("owner", "asked"), [("www", "www"), ("mail", "mail"), ("a.ns", "a.ns"), ("a.ns", "host.sub")]
)
def test_a_bit_flipped_in_an_owners_key_denies_nothing(repository, tmp_path, owner, asked):
    repository.import_zone(parsed(ZONE + GLUE), source="test.zone", replace=True)
    wanted = query(f"{asked}.example.org")
    with repository._store.read() as reader:
        key, value = next(
            item
            for item in reader.tables.scan(Table.VIEWS)
            if key_owner(OwnerKey(item[0][4:])) == b"".join(bytes((len(x),)) + x.encode() for x in owner.split("."))
        )
    path = tmp_path / "damaged"
    shutil.copytree(repository.path, path)
    whole = (path / "data.mdb").read_bytes()
    expected = None
    for bit in (None, *range(8 * len(key))):
        data = bytearray(whole)
        if bit is not None:
            data[whole.index(key + value) + bit // 8] ^= 1 << bit % 8
        (path / "data.mdb").write_bytes(data)
        store = LmdbStore.open(path, readonly=True)
        zones = LiveZones(store, Config(repo=path), array("Q", bytes(8 * stats.SLOTS)), lambda *_: None)
        zones.begin()
        found = zones.ways.fast_path(wanted[2:])
        body = answer(zones, wanted)[2:] if found is None else found[0]
        zones.done()
        store.close()
        expected = expected or body
        assert body == expected, bit
    assert expected is not None and not expected[1] & 15


def test_a_version_that_readers_get_a_moment_late_is_still_taken_up(repository: Repository, live, monkeypatch):
    set_www(repository, 1)
    zones = live()
    moved = repository._store.txn_id() + 1
    monkeypatch.setattr(repository._store, "txn_id", lambda: moved)  # LMDB says so before readers see it
    assert answer(zones)[-4:] == bytes([10, 0, 0, 1])
    set_www(repository, 2)
    assert answer(zones)[-4:] == bytes([10, 0, 0, 2])


def test_a_fault_keeps_what_was_served(repository: Repository, monkeypatch):
    logged: list[str] = []
    row = array("Q", bytes(8 * stats.SLOTS))
    zones = LiveZones(repository._store, Config(repo=repository.path), row, lambda text, _: logged.append(text))
    set_www(repository, 1)
    assert answer(zones)[-1] == 1
    with monkeypatch.context() as broken:
        broken.setattr(ZoneTable, "refresh", lambda _: 1 / 0)
        repository.import_zone(parsed(OTHER), source="z")
        assert answer(zones)[-1] == 1
        assert rcode(answer(zones, query("example.net", SOA))) == 5
    assert logged
    assert rcode(answer(zones, query("example.net", SOA))) == 0
