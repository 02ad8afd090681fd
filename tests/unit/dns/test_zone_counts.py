"""Answers counted by zone: one addition for type, rcode, zone, transport and family; a bound on zones."""

import random
from array import array
from itertools import islice

from dnskit import CLIENT, DictVersion, Server, make_query, version
from zonegit.dns import stats
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Rcode, Transport
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.dns.zone_counts import OTHER, ZoneOffsets, zone_counts

IPV6 = bytes(15) + b"\1"


def counts(row, *transports: Transport) -> dict[tuple[str, str, str], int]:
    found = zone_counts(row, transports or tuple(Transport))
    return {(each.zone, each.transport.name, each.family): sum(each.answers) for each in found}


def zone(apex: str) -> DictVersion:
    return version("@ 300 SOA ns h 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.9\na 300 A 192.0.2.1\n", apex)


def test_a_zone_has_a_plane_for_each_transport_and_family():
    server = Server(zone("one.test."), zone("two.test."))
    server.ask("a.one.test.")
    server.ask("a.one.test.")
    server.ask("no.two.test.")
    server.ask("a.two.test.", client=IPV6)
    server.ask("a.two.test.", transport=Transport.TCP)
    server.ask("a.two.test.", transport=Transport.TLS, client=IPV6)
    server.ask("elsewhere.")
    assert counts(server.stats) == {
        ("one.test.", "UDP", "ipv4"): 2,
        ("two.test.", "UDP", "ipv4"): 1,
        ("two.test.", "UDP", "ipv6"): 1,
        ("two.test.", "TCP", "ipv4"): 1,
        ("two.test.", "TLS", "ipv6"): 1,
    }
    assert server.stats[stats.request_slot(Transport.UDP, CLIENT)] == 1, "that of no zone"


def test_every_answer_is_counted_once_however_it_is_made():
    """The cache of packets, the fast path, the slow path, a referral that names share."""
    server = Server(zone("one.test."))
    packet = make_query("a.one.test.").to_wire()
    for _ in range(4):
        server.raw(packet)
    tail, slot = server.responder.cache[packet[2:]]
    assert tail
    (counted,) = zone_counts(server.stats, (Transport.UDP,))
    assert counted.answers[stats.query_slot(1, Rcode.NOERROR)] == 4 == server.stats[slot]


def test_an_expired_zone_is_counted_as_that_zone():
    server = Server()
    old = zone("one.test.")
    server.responder.replace_zones({old.apex: ServedZone(old, expired=True)})
    server.ask("a.one.test.")
    (counted,) = zone_counts(server.stats, tuple(Transport))
    assert (counted.zone, counted.answers[stats.query_slot(1, Rcode.SERVFAIL)]) == ("one.test.", 1)


def test_a_transfer_counts_when_it_ended():
    options = Options(transfers=TransferOptions(lambda *_: True, lambda version: version.runs()))
    server = Server(zone("one.test."), options=options)
    query = make_query("one.test.", "AXFR", edns=False).to_wire()
    messages = server.responder.transfer(query, Requestor(CLIENT, Transport.TCP))
    assert messages is not None
    next(messages)
    assert counts(server.stats) == {}
    list(messages)
    assert counts(server.stats) == {("one.test.", "TCP", "ipv4"): 1}
    broken = server.responder.transfer(query, Requestor(CLIENT, Transport.TCP))
    assert broken is not None
    next(broken)
    broken.close()
    assert server.stats[stats.request_slot(Transport.TCP, CLIENT)] == 1, "that is no answer of the zone's"


def test_zones_beyond_the_bound_share_a_place():
    row = array("Q", bytes(8 * stats.SLOTS))
    offset_of = ZoneOffsets(row)
    names = [bytes((4,)) + b"%04d" % number + b"\4test\0" for number in range(stats.ZONES + 5)]
    for apex in names:
        row[offset_of(apex)] += 1
    found = counts(row)
    assert found.pop((OTHER, "UDP", "ipv4")) == 6
    assert len(found) == stats.ZONES - 1 and set(found.values()) == {1}
    assert ("0000.test.", "UDP", "ipv4") in found


def test_places_outlive_the_writer():
    row = array("Q", bytes(8 * stats.SLOTS))
    longest = b"\x3f" + b"x" * 63
    apex = longest * 3 + b"\x3d" + b"y" * 61 + b"\0"
    assert len(apex) == 255
    at = ZoneOffsets(row)(apex)
    assert ZoneOffsets(row)(b"\0") == at + stats.ZONE_SLOTS, "the next one"
    again = ZoneOffsets(row)
    assert (again(apex), again(b"\0")) == (at, at + stats.ZONE_SLOTS)
    row[at] += 1
    row[again(b"\0")] += 1
    assert [each.zone for each in islice(zone_counts(row, (Transport.UDP,)), 2)][1] == "."


def test_every_packet_is_counted_as_one_request_and_each_answer_as_one_answer():
    """Whatever comes over whatever, from the cache or not: requests are answers and packets without one."""
    server = Server(zone("one.test."), zone("two.test."))
    rng = random.Random(11)
    names = ["a.one.test.", "ns.two.test.", "no.one.test.", "one.test.", "x.y.two.test.", "elsewhere.", "."]
    rtypes = ["A", "SOA", "ANY", "TYPE99"]
    forms = [(name, rtype, edns) for name in names for rtype in rtypes for edns in (False, True)]
    packets = [make_query(name, rtype, edns=edns).to_wire() for name, rtype, edns in forms]
    packets += [b"", b"short", b"\0\0\x80" + b"\0" * 9, b"\0\0\x28" + b"\0" * 9, packets[0] + b"x"]
    carriers, clients = list(Transport), [CLIENT, IPV6]
    asked = [(rng.choice(packets), rng.choice(carriers), rng.choice(clients)) for _ in range(3000)]
    answered = sum(server.raw(*each) is not None for each in asked)
    answers = [0] * stats.ZONE_SLOTS
    for each in zone_counts(server.stats, tuple(Transport)):
        answers = [a + b for a, b in zip(answers, each.answers, strict=True)]
    of_zones = sum(answers)
    of_none = sum(
        server.stats[stats.request_slot(carrier, bytes(size))] for carrier in Transport for size in (4, 16)
    )
    dropped = server.stats[stats.DROPPED_SHORT] + server.stats[stats.DROPPED_RESPONSE]
    assert of_zones + of_none == len(asked)
    assert of_zones + sum(server.stats[: stats.ZONE_SLOTS]) == answered == len(asked) - dropped
    assert of_zones > 1000 and of_none > 500
