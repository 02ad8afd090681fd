"""The fast path answers as the slow path does, to the byte. Over TCP the slow path alone answers."""

import os
from itertools import product

import dns.edns
import dns.flags
import dns.message
import pytest

from dnskit import CLIENT, DictVersion, Server, make_query, version
from dnszones import NET, ORG
from fastpathkit import TRAPS, TYPES, agrees, names, random_zone
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.fastpath.normalize import Normalizer
from zonegit.dns.options import Options
from zonegit.dns.wire.message import Transport
from zonegit.model.names import Owner, from_text
from zonegit.model.rrset import RRset

STRAY = """
@        IN SOA ns hostmaster 7 7200 3600 1209600 300
@           NS  ns
ns          A   192.0.2.1
ns          RRSIG A 15 3 60 20300101000000 20200101000000 1 example.org. AAAA
ns.below    A   192.0.2.2
ns.below    RRSIG A 15 3 60 20300101000000 20200101000000 1 example.org. AAAA
alias       CNAME ns
mail        MX  1 ns
cut         NS  ns
below       NS  ns.below
"""
"""Signatures in a zone whose apex has none."""
APEX_DNAME = """
@        IN SOA ns hostmaster 7 7200 3600 1209600 300
@           NS  ns.elsewhere.test.
@           DNAME elsewhere.test.
@           A   192.0.2.1
"""
APEX_WILDCARD = """
@        IN SOA ns hostmaster 7 7200 3600 1209600 300
@           NS  ns.elsewhere.test.
*           A   192.0.2.1
host        A   192.0.2.2
host        TXT "x"
"""


@pytest.mark.parametrize("seed", range(int(os.environ.get("ZONEGIT_FASTPATH_ZONES", "4"))))
def test_udp_says_what_tcp_says_over_random_zones(seed: int) -> None:
    zone = version(random_zone(seed), "example.org.")
    server = Server(zone, version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", "b.a.example.org."))
    taken = 0
    for name, rtype, edns in product(sorted(set(names(zone))), TYPES, (False, True)):
        taken += agrees(server, make_query(name, rtype, edns=edns, size=1232).to_wire())
    assert taken > 10, "the fast path was hardly taken"


@pytest.mark.parametrize("text", [ORG, NET, TRAPS, STRAY, APEX_DNAME, APEX_WILDCARD])
def test_udp_says_what_tcp_says(text: str) -> None:
    zone = version(text, "example.org.")
    server = Server(zone, version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", "child.example.org."))
    taken = 0
    for name, rtype, (edns, do) in product(names(zone), TYPES, ((False, False), (True, False), (True, True))):
        taken += agrees(server, make_query(name, rtype, do=do, edns=edns, size=1232).to_wire())
    assert (taken > 10) == (text != APEX_DNAME), "the fast path was hardly taken"


def test_cookies_and_random_case_get_what_the_walk_says() -> None:
    cookies = Cookies([bytes(16)], lambda: 1_700_000_000.0)
    zone = version(ORG, "example.org.")
    server = Server(zone, options=Options(cookies=cookies))
    normalized = Normalizer(server.responder.fast_path, server.responder.packets, cookies)
    taken = 0
    for name, rtype, shown in product(sorted(set(names(zone))), ("A", "MX", "TXT"), (8, 16, 24, 40, 9)):
        query = make_query(name.swapcase(), rtype, edns=True, size=1232)
        query.use_edns(0, payload=1232, options=[dns.edns.GenericOption(10, bytes(range(shown)))])
        packet = query.to_wire()
        expected = server.raw(packet, Transport.TCP)
        for _ in range(3):
            found = normalized(packet[2:], CLIENT)
            taken += found is not None
            assert found is None or found[0] == expected[2:], query
            assert server.raw(packet) == expected, query
    assert taken > 1000, "hardly any query was taken"


def test_senders_get_the_cookies_that_are_theirs_now() -> None:
    """Whatever was remembered of others, of other flags, of another time or under other secrets."""
    now = 1_700_000_000.0
    cookies = Cookies([bytes(16)], lambda: now)
    server = Server(version(ORG, "example.org."), options=Options(cookies=cookies))
    normalized = Normalizer(server.responder.fast_path, server.responder.packets, cookies)
    clients = (CLIENT, bytes([192, 0, 2, 1]), bytes(16), bytes(12) + CLIENT)
    made = set()
    for later, secret in ((0, 0), (59, 0), (60, 0), (3000, 0), (0, 1), (0, 2)):
        now += later
        cookies.set_secrets([bytes([secret]) * 16])
        for client, flags, do, size, shown in product(clients, (0, dns.flags.RD), (0, 1), (512, 1232), (8, 24, 36)):
            query = make_query("wWw.example.org.", "A", do=bool(do), edns=True, size=size)
            query.flags |= flags
            query.use_edns(0, query.ednsflags, size, options=[dns.edns.GenericOption(10, bytes(range(shown)))])
            packet = query.to_wire()
            expected = server.raw(packet, Transport.TCP, client)
            assert expected is not None
            for _ in range(2):
                found = normalized(packet[2:], client)
                assert found is not None
                assert found[0] == expected[2:]
            made.add(expected[-16:])
    assert len(made) >= 4 * len(clients) - 4, "clients, times and secrets make cookies differ"


def test_bytes_behind_a_query_are_not_taken_for_the_address_of_another_client() -> None:
    """An IPv4 client may send what an IPv6 client sends, with the first 12 bytes of its address behind."""
    server = Server(version(ORG, "example.org."), options=Options(cookies=Cookies([bytes(16)], lambda: 0.0)))
    query = make_query("www.example.org.", "A", edns=True, size=1232)
    query.use_edns(0, payload=1232, options=[dns.edns.GenericOption(10, bytes(8))])
    beginning = bytes([0x20, 1, 0xD, 0xB8, *range(8)])
    server.raw(query.to_wire(), client=beginning + CLIENT)
    packet = query.to_wire() + beginning
    assert server.raw(packet) == server.raw(packet, Transport.TCP)


def test_cookies_are_kept_off_where_an_answer_has_no_room_for_one() -> None:
    text = "@ IN SOA ns h 1 2 3 4 5\n@ NS ns\n" + "".join(f"big TXT {'x' * 150}{n}\n" for n in range(3))
    server = Server(version(text, "example.org."), options=Options(cookies=Cookies([bytes(16)], lambda: 0.0)))
    for size in range(512, 640):
        query = make_query("big.example.org", "TXT", edns=True, size=size)
        for _ in range(3):
            server.raw(query.to_wire())
        query.use_edns(0, payload=size, options=[dns.edns.GenericOption(10, bytes(8))])
        found = server.raw(query.to_wire())
        assert found is not None
        assert len(found) <= size
        whole = server.raw(query.to_wire(), Transport.TCP)
        assert whole is not None
        assert (found == whole) == (len(whole) <= size)


def test_cookies_are_answered_however_many_forms_others_made_up() -> None:
    server = Server(version(ORG, "example.org."), options=Options(cookies=Cookies([bytes(16)], lambda: 0.0)))
    query = make_query("www.example.org.", "A", edns=True, size=1232)
    plain = query.to_wire()
    query.use_edns(0, payload=1232, options=[dns.edns.GenericOption(10, bytes(8))])
    packet = query.to_wire()
    assert server.responder.ways.normalized(packet[2:], CLIENT) is not None
    for size in range(5000):
        server.raw(plain[:-8] + size.to_bytes(2, "big") + plain[-6:])
        assert server.responder.ways.normalized(packet[2:], CLIENT) is not None, size


@pytest.mark.parametrize("edns", [False, True])
@pytest.mark.parametrize("first", ["HOST", "Nobody", "X.here.W", "below.CUT", "hosT"])
@pytest.mark.parametrize("apex", ["example.org.", "eXample.ORG."])
def test_a_question_comes_back_in_the_case_it_was_asked_in(first: str, apex: str, edns: bool) -> None:
    server = Server(version(TRAPS, "example.org."))
    for rtype in ("A", "TXT"):
        assert agrees(server, make_query(f"{first}.{apex}", rtype, edns=edns, size=1232).to_wire())


def test_names_that_are_too_long_are_left_to_the_slow_path() -> None:
    """Whether the label is or the whole name, and whether or not such a packet came before in good order."""
    long = ".".join(("a" * 63,) * 3) + "."
    for apex, longest in (("example.org.", 63), (long, 61)):
        server = Server(version("@ IN SOA ns host 7 7200 3600 1209600 300\n@ NS ns\nb A 192.0.2.1\n", apex))
        head, tail = make_query(f"b.{apex}", "A").to_wire().split(b"\1b", 1)
        for size in (1, longest - 1, longest, longest + 1, 62, 63, 64, 100, 127, 128, 192, 255):
            packet = head + bytes((size,)) + b"c" * size + tail
            assert agrees(server, packet) == (size <= longest), size
        for label in (b"\0", b"\4a\0b", b"\3\1ab", b"\2\0\0"):
            assert server.responder.ways.fast_path((head + label + tail)[2:]) is None, label


def test_a_packet_of_another_form_is_left_to_the_slow_path() -> None:
    server = Server(version(TRAPS, "example.org."))
    packet = make_query("host.example.org.", "A", edns=True, size=1232).to_wire()
    assert server.responder.ways.fast_path(packet[2:]) is not None
    for at in (2, 4, 5, 6, 7, 8, 9, 10, len(packet) - 6, len(packet) - 5, len(packet) - 1, len(packet) - 13):
        damaged = bytearray(packet)
        damaged[at] ^= 0x82
        assert server.responder.ways.fast_path(bytes(damaged[2:])) is None, at
    for end in range(len(packet)):
        assert server.responder.ways.fast_path(packet[2:end]) is None


def test_two_cnames_at_a_name_are_left_to_the_slow_path() -> None:
    zone = version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\n", "example.org.")
    targets = [from_text(name) for name in ("a.example.net.", "b.example.net.")]
    aliases = RRset.of(Owner(b"\5alias"), 5, 300, targets)
    server = Server(DictVersion(zone.apex, zone.serial, [*zone.rrsets, aliases]))
    assert not agrees(server, make_query("alias.example.org.", "A").to_wire())
