"""IXFR from history (RFC 1995), read back by dnspython's own client."""

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.xfr
import dns.zone
import pytest

from repokit import ZONE, parsed
from wirekit import decode
from zonegit.daemon.live_zones import LiveZones
from zonegit.dns import stats
from zonegit.dns.access.tsig import TsigKey
from zonegit.dns.transfer import ixfr
from zonegit.dns.wire.name_table import MOST_POINTERS
from zonegit.errors import CorruptStore
from zonegit.model.names import from_text
from zonegit.model.rdata import TXT, A
from zonegit.ops.config import Config, ZoneConfig
from zonegit.repo import Repository

CLIENT = bytes([127, 0, 0, 1])
_IXFR_OK, _IXFR_FAILED = (
    each.slot
    for result in ("ok", "failed")
    for each in stats.SERIES
    if {("type", "ixfr"), ("result", result)} <= set(each.labels)
)
MANY = ZONE + "".join(f"host{i} A 192.0.2.{i % 250}\n" for i in range(300))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(MANY), source="test.zone")
        yield repository


@pytest.fixture
def live(repository: Repository) -> Iterator[Callable[..., LiveZones]]:
    errors: list[str] = []

    def live(**settings: object) -> LiveZones:
        config = Config(repo=repository.path, **settings)
        return LiveZones(
            repository._store, config, array("Q", bytes(8 * stats.SLOTS)), lambda *error: errors.append(str(error))
        )

    yield live
    assert errors == []


def messages(zones: LiveZones, query: dns.message.Message) -> list[bytes]:
    zones.check()
    found = zones.respond_tcp(query.to_wire(), CLIENT)
    assert found is not None
    sent = []
    for message in [found] if isinstance(found, bytes) else found:
        if message:
            assert decode(message).pointers <= MOST_POINTERS
            sent.append(message)
        zones.done()  # as the TCP loop does between two turns
    return sent


def test_across_a_tombstone_that_nobody_was_served(repository: Repository, live: Callable[..., LiveZones]) -> None:
    before = copy(live())
    repository.remove_zone("example.org.", tombstone=True)
    repository.import_zone(parsed(ZONE), source="test.zone")
    assert follow(live(), before) == copy(live())


def copy(zones: LiveZones) -> dns.zone.Zone:
    """The zone as a new secondary gets it."""
    return follow(zones, dns.zone.Zone("example.org.", relativize=False))


def follow(zones: LiveZones, zone: dns.zone.Zone) -> dns.zone.Zone:
    """Bring a secondary's zone up to date."""
    query, serial = dns.xfr.make_query(zone)
    with dns.xfr.Inbound(zone, query.question[0].rdtype, serial) as inbound:
        for data in messages(zones, query):
            done = inbound.process_message(dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True))
    assert done
    return zone


def ixfr_query(serial: int, zone: str = "example.org.") -> dns.message.Message:
    query = dns.message.make_query(zone, "IXFR", use_edns=0, payload=1232)
    query.authority.append(dns.rrset.from_text(zone, 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    return query


def asked(zones: LiveZones, serial: int, *, udp: bool = False) -> list[dns.message.Message]:
    query = ixfr_query(serial)
    if udp:
        zones.check()
        data = zones.respond_udp(query.to_wire(), CLIENT)
        zones.done()
        assert data is not None
        return [dns.message.from_wire(data, one_rr_per_rrset=True)]
    return [dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True) for data in messages(zones, query)]


def serials(response: list[dns.message.Message]) -> list[int]:
    """Of the SOA records, in their order."""
    return [
        rrset[0].serial for message in response for rrset in message.answer if rrset.rdtype == dns.rdatatype.SOA
    ]


def set_www(repository: Repository, last: int) -> int:
    repository.set("www", A, 60, [bytes([10, 0, 0, last])])
    return repository.resolve("main").commit.serial


def test_one_sequence_for_each_commit(repository, live) -> None:
    zones = live()
    zone = copy(zones)
    first = serial_of(zone)
    latest = [set_www(repository, last) for last in (1, 2, 3)]
    repository.delete("host7", None)
    repository.add("new", TXT, 60, [b"\x03abc", b"\x01d"])
    latest += [latest[-1] + 1, latest[-1] + 2]
    found = serials(asked(zones, first))
    steps = [first, *latest]
    assert found == [
        latest[-1],
        *(serial for pair in zip(steps, latest, strict=False) for serial in pair),
        latest[-1],
    ]
    assert follow(zones, zone) == copy(zones)
    assert serial_of(zone) == latest[-1]


def serial_of(zone: dns.zone.Zone) -> int:
    return zone.get_rdataset(zone.origin, "SOA")[0].serial


def test_serials_that_begin_anew(repository, live) -> None:
    """1 comes after 4294967295 (RFC 1982). In one message no serial is a lower number than one before it."""
    text = MANY.replace("example.org.", "late.example.").replace("2026112001", str(2**32 - 2))
    repository.import_zone(parsed(text), source="test.zone")
    zones = live()
    zone = follow(zones, dns.zone.Zone("late.example.", relativize=False))
    latest = [serial_of(zone)]
    for serial in (2**32 - 1, 1, 2):
        latest.append(serial)
        repository.set("www", A, 60, [bytes([10, 0, 0, serial % 5])], zone="late.example.")
        for before in latest[:-1]:
            query = ixfr_query(before, "late.example.")
            found = [
                dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True) for data in messages(zones, query)
            ]
            assert serials(found) == [serial, before, serial, serial]
    assert serial_of(follow(zones, zone)) == 2
    assert zone == follow(zones, dns.zone.Zone("late.example.", relativize=False))


def test_only_records_that_differ_are_sent(repository, live) -> None:
    zones = live()
    first = serials(asked(zones, 0))[0]
    repository.add("host1", A, 3600, [bytes([10, 0, 0, 1])])
    (response,) = asked(zones, first)
    assert [rrset.rdtype for rrset in response.answer] == [6, 6, 6, 1, 6]
    repository.set("host1", A, 60, [bytes([10, 0, 0, 1]), bytes([192, 0, 2, 1])])
    (response,) = asked(zones, first + 1)
    assert [rrset.rdtype for rrset in response.answer] == [6, 6, 1, 1, 6, 1, 1, 6]


@pytest.mark.parametrize("ahead", [0, 1, 1000])
def test_who_is_up_to_date_gets_the_soa(repository, live, ahead: int) -> None:
    zones = live()
    newest = set_www(repository, 1)
    for udp in (False, True):
        (response,) = asked(zones, newest + ahead, udp=udp)
        assert serials([response]) == [newest]
        assert len(response.answer) == 1


def test_an_unknown_serial_gets_the_whole_zone(repository, live) -> None:
    zones = live()
    newest = set_www(repository, 1)
    response = asked(zones, newest - 1000)
    assert serials(response) == [newest, newest]
    assert sum(len(message.answer) for message in response) > 300
    assert serials(asked(zones, newest - 1000, udp=True)) == [newest]


def test_many_changes_of_one_name_are_condensed(repository, live) -> None:
    """One sequence per commit would hold more records than the zone."""
    zones = live()
    zone = copy(zones)
    first = serial_of(zone)
    for last in range(120):
        newest = set_www(repository, last)
    (response,) = asked(zones, first)
    assert serials([response]) == [newest, first, newest, newest]
    assert len(response.answer) == 7
    assert follow(zones, zone) == copy(zones)


def test_more_changes_than_the_zone_has_records(repository, live) -> None:
    zones = live()
    zone = copy(zones)
    text = "".join(f"host{i} A 10.0.0.{i % 250}\n" for i in range(300))
    repository.import_zone(parsed(ZONE + text), source="test.zone", replace=True)
    response = asked(zones, serial_of(zone))
    assert len(serials(response)) == 2
    assert follow(zones, zone) == copy(zones)


def test_a_large_difference_is_not_gathered(repository, live, monkeypatch) -> None:
    """It is read as it is sent; the whole zone is sent only when that is shorter."""
    monkeypatch.setattr(ixfr, "GATHERED", 1000)
    zones = live()
    zone = copy(zones)
    first = serial_of(zone)
    text = MANY + "".join(f"more{i} TXT {'x' * 50}\n" for i in range(100))
    repository.import_zone(parsed(text.replace("192.0.2.77", "10.7.7.7")), source="test.zone", replace=True)
    response = asked(zones, first)
    newest = serials(response)[0]
    assert serials(response) == [newest, first, newest, newest]
    assert follow(zones, zone) == copy(zones)
    assert serials(asked(zones, first, udp=True)) == [newest]


def test_after_a_reset(repository, live) -> None:
    """The serial rises, and the client has a version that the branch no longer leads to."""
    zones = live()
    base = repository.resolve("main").id.hex()
    zone = copy(zones)
    start = serial_of(zone)
    for last in (1, 2, 3):
        set_www(repository, last)
    follow(zones, zone)
    repository.delete("www", None)
    lost = serial_of(zone)
    repository.reset(base)
    newest = repository.resolve("main").commit.serial
    assert newest == lost + 2
    assert serials(asked(zones, lost)) == [newest, lost, lost + 1, lost + 1, newest, newest]
    assert serials(asked(zones, start))[:2] == [newest, start]
    assert follow(zones, zone) == copy(zones)
    set_www(repository, 9)
    assert follow(zones, zone) == copy(zones)


def test_over_udp_when_it_fits(repository, live) -> None:
    zones = live()
    first = serials(asked(zones, 0))[0]
    newest = set_www(repository, 1)
    (response,) = asked(zones, first, udp=True)
    assert serials([response]) == [newest, first, newest, newest]
    for last in range(60):
        newest = set_www(repository, last)
    assert serials(asked(zones, first, udp=True)) == [newest]
    assert zones.responder.stats[_IXFR_OK] == 2


@pytest.mark.parametrize("signed", [False, True])
def test_over_udp_exactly_when_it_fits(repository, live, signed) -> None:
    """With its OPT and its signature. Where it doesn't, the SOA alone fits."""
    zones = live()
    key = TsigKey(from_text("k1."), "hmac-sha256", bytes(32))
    zones.dispatcher.keys = {key.name: key}
    first = serials(asked(zones, 0))[0]
    for last in range(5):
        set_www(repository, last)

    def answered(size: int) -> bytes:
        query = ixfr_query(first)
        query.use_edns(0, payload=size)
        if signed:
            query.use_tsig(dns.tsig.Key("k1.", key.secret, key.algorithm))
        zones.check()
        data = zones.respond_udp(query.to_wire(), CLIENT)
        zones.done()
        assert data is not None
        assert not data[2] & 2, "TC"
        return data

    whole = len(answered(1232))
    assert whole > 600
    for size in (512, whole - 1, whole):
        data = answered(size)
        assert len(data) <= size
        assert (int.from_bytes(data[6:8], "big") > 1) == (size == whole)


def test_what_can_not_be_read_over_udp_is_a_servfail(repository, monkeypatch) -> None:
    told: list[str] = []
    row = array("Q", bytes(8 * stats.SLOTS))
    zones = LiveZones(repository._store, Config(repo=repository.path), row, lambda *error: told.append(str(error)))
    first = set_www(repository, 1)
    set_www(repository, 2)

    def fail(*_: object) -> None:
        raise CorruptStore("a flipped bit")

    monkeypatch.setattr("zonegit.dns.transfer.versions.Versions.__call__", fail)
    (response,) = asked(zones, first, udp=True)
    assert response.rcode() == dns.rcode.SERVFAIL
    assert row[_IXFR_FAILED] == 1
    assert len(told) == 1


@pytest.mark.parametrize("authority", [[], ["NS ."], ["SOA . . 1 0 0 0 0", "NS ."]])
def test_without_one_whole_soa_it_is_no_query(live, authority) -> None:
    query = dns.message.make_query("example.org.", "IXFR")
    for text in authority:
        rtype, rdata = text.split(" ", 1)
        query.authority.append(dns.rrset.from_text("example.org.", 0, "IN", rtype, rdata))
    (data,) = messages(live(), query)
    assert dns.message.from_wire(data).rcode() == dns.rcode.FORMERR


def test_a_pinned_version_is_the_newest(repository, live) -> None:
    first = repository.resolve("main").commit.serial
    pinned = set_www(repository, 1)
    set_www(repository, 2)
    zones = live(zones={"example.org.": ZoneConfig(at="main~1")})
    assert serials(asked(zones, first)) == [pinned, first, pinned, pinned]


def test_only_so_many_versions_are_gone_back(repository, live, monkeypatch) -> None:
    monkeypatch.setattr("zonegit.dns.transfer.versions.LONGEST", 3)
    zones = live()
    first = serials(asked(zones, 0))[0]
    for last in range(3):
        newest = set_www(repository, last)
    assert len(serials(asked(zones, first))) == 8
    newest = set_www(repository, 4)
    assert serials(asked(zones, first)) == [newest, newest]


def test_a_zone_that_moves_while_a_difference_is_looked_for(repository, live) -> None:
    """The whole zone that is sent in its place is that of one version, with that version's serial."""
    zones = live()
    first = serials(asked(zones, 0))[0]
    text = "".join(f"host{i} A 10.0.0.{i % 250}\n" for i in range(300))
    repository.import_zone(parsed(ZONE + text), source="test.zone", replace=True)
    newest = serials(asked(zones, 0))[0]
    found = zones.respond_tcp(ixfr_query(first).to_wire(), CLIENT)
    assert found is not None and not isinstance(found, bytes)
    assert next(found) == b""  # a pause
    zones.done()
    repository.add("later", TXT, 60, [b"\x03abc"])
    sent = [dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True) for data in found if data]
    assert serials(sent) == [newest, newest]
    assert "later.example.org." not in {str(rrset.name) for message in sent for rrset in message.answer}


def test_differences_are_kept_within_bounds(repository, live, monkeypatch) -> None:
    """Small ones, too: each takes room beside its records."""
    monkeypatch.setattr(ixfr, "_KEPT", 4 << 10)
    zones = live()
    for last in range(12):
        newest = set_www(repository, last)
        assert len(asked(zones, newest - 1)) == 1
    assert 1 <= len(zones.responder.options.transfers.history.differences.kept) <= 4


def test_differences_are_streamed_where_others_hold_the_memory(repository, live, monkeypatch) -> None:
    """Nobody is refused, and what a transfer holds is given back when it ends, breaks off or is never begun."""
    monkeypatch.setattr(ixfr, "TOGETHER", 400_000)
    zones = live()
    zone = copy(zones)
    first = serial_of(zone)
    text = MANY
    for step in range(2):
        text += "".join(f"more{i}-{step} TXT {'x' * 200}\n" for i in range(500))
        repository.import_zone(parsed(text), source="test.zone", replace=True)
    quota = zones.responder.options.transfers.history.differences.quota
    begun, shapes = [], []
    for serial in (first, first + 1) * 4:
        zones.check()
        transfer, _waits_for_ever = (zones.respond_tcp(ixfr_query(serial).to_wire(), CLIENT) for _ in range(2))
        begun.append((transfer, [next(filter(None, transfer))]))
        assert quota.held <= 400_000
        zones.done()
    assert quota.held > 0
    assert follow(zones, zone) == copy(zones)
    for number, (transfer, sent) in enumerate(begun):
        if number % 4 == 3:
            transfer.close()
        else:
            sent += filter(None, transfer)
            shapes.append(serials([dns.message.from_wire(data, xfr=True, one_rr_per_rrset=True) for data in sent]))
    zones.done()
    assert quota.held == 0
    newest = first + 2
    assert [newest, first, newest, newest] in shapes
    assert [newest, first, first + 1, first + 1, newest, newest] in shapes
