"""The fast path answers from served views as the slow path does, which takes everything over TCP."""

from array import array
from itertools import product

import dns.name
import dns.zone
import pytest

from dnskit import make_query
from fastpathkit import with_signatures
from repokit import parsed
from tcpkit import frame
from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.zone_table import ZoneTable
from zonegit.dns import stats
from zonegit.dns.access.acl import Acl
from zonegit.dns.wire.message import Transport
from zonegit.model.rdata import A
from zonegit.ops.config import Config, ZoneConfig
from zonegit.repo import Repository

CLIENT = bytes([127, 0, 0, 1])
TEXT = """
@ IN SOA ns.b h.c 7 7200 3600 1209600 300
@ NS ns
ns A 192.0.2.1
a TXT "text"
cut NS ns.cut
cut NS ns.elsewhere.test.
ns.cut A 192.0.2.2
low.er.ent A 192.0.2.3
www A 192.0.2.4
"""
OWNERS = ("", "ns.", "a.", "cut.", "ns.cut.", "ent.", "er.ent.", "low.er.ent.", "www.")
ABSENT = (
    "!.",
    "0.",
    "aa.",
    "b.",
    "cu.",
    "cutter.",
    "cuu.",
    "en.",
    "enter.",
    "nr.",
    "nt.",
    "ww.",
    "zz.",
    "h.c.",
    "c.",
)


def zone_text(apex: str, signed: bool) -> str:
    zone = dns.zone.from_text(TEXT, origin=dns.name.from_text(apex), relativize=False)
    if signed:
        with_signatures(zone)
    return f"$ORIGIN {apex}\n{zone.to_text(relativize=False)}"


@pytest.mark.parametrize("signed", [False, True])
def test_the_fast_path_reads_served_views_as_the_walk_does(tmp_path, signed):
    """Zones whose views lie next to each other, so that the last gap of one ends in the other."""
    errors: list[str] = []
    apexes = ("example.org.", "example.net.")
    with Repository.init(tmp_path / "repo") as repository:
        for apex in apexes:
            repository.import_zone(parsed(zone_text(apex, signed)), source="test.zone")
        config = Config(repo=repository.path)
        row = array("Q", bytes(8 * stats.SLOTS))
        zones = LiveZones(repository._store, config, row, lambda *error: errors.append(str(error)))
        taken = 0
        for _, apex, name, do, rtype in product(range(3), apexes, OWNERS + ABSENT, (False, True), ("A", "TXT")):
            packet = make_query(name + apex, rtype, do=do).to_wire()
            zones.check()
            zones.begin()
            found = zones.ways.fast_path(packet[2:])
            expected = zones.respond_tcp(packet, CLIENT)
            zones.done()
            assert isinstance(expected, bytes)
            assert found is None or found[0] == expected[2:], (name, rtype, do)
            taken += found is not None and name in ABSENT
        assert taken > 3 * 2 * 2 * 2 * 10, "names that don't exist were hardly answered by the fast path"
    assert errors == []


def test_commits_to_branches_that_are_not_served_leave_a_zone_alone(tmp_path, monkeypatch):
    """Else whoever may push to some branch makes each answer of the zone start with empty caches."""
    packet = make_query("www.example.org.", "A").to_wire()
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(zone_text("example.org.", signed=False)), source="test.zone")
        repository.create_branch("next")
        row = array("Q", bytes(8 * stats.SLOTS))
        zones = LiveZones(repository._store, Config(repo=repository.path), row, lambda *error: None)
        loaded = []
        load = ZoneTable.load
        monkeypatch.setattr(ZoneTable, "load", lambda table, *args: loaded.append(args[0]) or load(table, *args))

        def answer() -> bytes:
            zones.check()
            found = zones.respond_udp(packet, CLIENT)
            zones.done()
            assert found is not None
            return found

        answer()
        before = len(loaded)
        repository.set("www", A, 60, [bytes([10, 0, 0, 7])], branch="next")
        answer()
        assert len(loaded) == before == 1
        repository.set("www", A, 60, [bytes([10, 0, 0, 8])], branch="main")
        assert bytes([10, 0, 0, 8]) in answer()
        assert len(loaded) == 2


def test_connections_get_quick_answers_from_the_next_turn_on(tmp_path):
    """From a commit, and by a list of who may ask."""
    packet = make_query("www.example.org.", "A").to_wire()
    errors: list[str] = []
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(zone_text("example.org.", signed=False)), source="test.zone")
        config = Config(repo=repository.path)
        row = array("Q", bytes(8 * stats.SLOTS))
        zones = LiveZones(repository._store, config, row, lambda *error: errors.append(str(error)), streams=True)

        def quick() -> bytes:
            zones.check()
            found = zones.answer_frames(frame(packet), 0, CLIENT, Transport.TCP, lambda: 0.0, 1.0)
            zones.done()
            return found.responses

        for last in (1, 2):
            repository.set("www", A, 60, [bytes([10, 0, 0, last])])
            assert [bytes([10, 0, 0, last]) in quick() for _ in range(3)] == [True] * 3
        for allowed, there in (("192.0.2.0/24", False), ("127.0.0.0/8", False), (None, True)):
            who = Acl.parse([allowed]) if allowed else None
            zones.configure(Config(repo=repository.path, default_zone=ZoneConfig(allow_query=who)))
            assert [bool(quick()) for _ in range(3)] == [there] * 3
    assert errors == []
