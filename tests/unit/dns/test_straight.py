"""The straight way says what the walk says, to the byte. TCP always takes the walk, so it tells what to expect."""

import os
import random
from itertools import product

import dns.edns
import dns.message
import pytest

from unit.dns.fake import CLIENT, DictVersion, Server, make_query, version
from unit.dns.zones_for_tests import NET, ORG
from zonegit.dns.cookies import Cookies
from zonegit.dns.dressed import Dressed
from zonegit.dns.message import Transport
from zonegit.dns.options import Options
from zonegit.model.names import Owner, absolute, from_text, key_owner, to_text
from zonegit.model.rrset import RRset

TRAPS = """
@        IN SOA nowhere.deep hostmaster 7 7200 3600 1209600 300
@           NS  ns.elsewhere.test.
cut         NS  ns.elsewhere.test.
cut         A   192.0.2.1
below.cut   A   192.0.2.2
away        DNAME elsewhere.test.
away        A   192.0.2.3
x.away      A   192.0.2.4
a.ent       A   192.0.2.5
*.w         A   192.0.2.10
*.w         TXT "wild"
here.w      A   192.0.2.11
a.below.w   A   192.0.2.12
*.wc        CNAME host
*.wn        NS  ns.elsewhere.test.
*.wn        A   192.0.2.13
alias       CNAME host
host        A   192.0.2.6
host        TXT "one" "two"
under.host  A   192.0.2.7
self        HTTPS 1 . alpn=h2
self        A   192.0.2.14
self        AAAA 2001:db8::14
bare        HTTPS 1 . alpn=h2
both        HTTPS 1 .
both        HTTPS 2 host
both        A   192.0.2.15
named       HTTPS 1 named
named       A   192.0.2.16
nothing     HTTPS 0 .
nothing     A   192.0.2.17
*.ws        SVCB 1 .
*.ws        A   192.0.2.18
self.below  HTTPS 1 . alpn=h2
self.below  A   192.0.2.19
led         HTTPS 0 alias
\\000bin    A   192.0.2.8
one\\001    A   192.0.2.9
"""
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
TYPES = ("A", "AAAA", "TXT", "CAA", "NS", "CNAME", "PTR", "MX", "SRV", "HTTPS", "SVCB", "DS", "SOA", "ANY")
PREFIXES = (
    "",
    "x.",
    "ns.",
    "nowhere.",
    "zzzz.",
    "deep.",
    "child.",
    "hostmaster.",
    "y.x.",
    "*.",
    "\\000.",
    "a" * 63 + ".",
)


def names(zone: DictVersion) -> list[str]:
    """Every owner of a zone and its ancestors, and what is invented below them."""
    found = {to_text(zone.apex)}
    for key in zone.blocks:
        name = to_text(absolute(key_owner(key), zone.apex))
        while name.endswith(to_text(zone.apex)) and name not in found:
            found.add(name)
            name = name.split(".", 1)[1]
    return [prefix + name for prefix, name in product(PREFIXES, sorted(found))]


def agrees(server: Server, packet: bytes) -> bool:
    """Hold the straight way to the walk; whether it was taken. Three times: it learns what comes again."""
    expected = server.raw(packet, Transport.TCP)
    assert expected is not None
    if len(expected) > (1232 if packet[11] else 512):
        return False
    taken = False
    for _ in range(3):
        found = server.responder.straight(packet[2:])
        taken = taken or found is not None
        assert found is None or found[0] == expected[2:], dns.message.from_wire(packet)
        assert server.raw(packet) == expected, dns.message.from_wire(packet)
    assert not server.errors
    return taken


def random_zone(seed: int) -> str:
    """A zone over few labels, so that wildcards, cuts, aliases and what they lead to meet in every way."""
    draw = random.Random(seed)
    labels = ("a", "b", "*", "ns", "a\\001", "\\000")
    names = [".".join(draw.choice(labels) for _ in range(draw.randint(1, 3))) for _ in range(14)]
    targets = [*names, "@", "x.example.org.", "a.b.example.net.", "www.elsewhere.test.", "org.", "."]
    kinds = {
        "A": lambda: f"192.0.2.{draw.randint(1, 9)}",
        "AAAA": lambda: f"2001:db8::{draw.randint(1, 9)}",
        "TXT": lambda: '"text"',
        "MX": lambda: f"10 {draw.choice(targets)}",
        "SRV": lambda: f"1 2 3 {draw.choice(targets)}",
        "PTR": lambda: draw.choice(targets),
        "HTTPS": lambda: f"{draw.choice((0, 1, 1))} {draw.choice([*targets, '.', '.', '.'])}",
        "NS": lambda: draw.choice(targets),
        "DNAME": lambda: draw.choice(targets),
    }
    found = [f"@ IN SOA {draw.choice(targets)} {draw.choice(targets)} 7 7200 3600 1209600 300", "@ NS ns"]
    shared = [f"10 {draw.choice(targets)}", f"20 {draw.choice(targets)}"]
    service = draw.choice(targets)
    for name in sorted(set(names)):
        if draw.random() < 0.25:
            found.append(f"{name} CNAME {draw.choice(targets)}")
            continue
        chosen = draw.choices(list(kinds), weights=(8, 4, 3, 3, 2, 2, 2, 2, 0.5), k=draw.randint(1, 3))
        found += [f"{name} {kind} {kinds[kind]()}" for kind in set(chosen)]
        if draw.random() < 0.2:
            found += [f"{name} MX {each}" for each in shared]
        if draw.random() < 0.2:
            found += [f"{name} SVCB 1 {each}" for each in (".", service)]
    return "\n".join(found) + "\n"


@pytest.mark.parametrize("seed", range(int(os.environ.get("ZONEGIT_STRAIGHT_ZONES", "4"))))
def test_udp_says_what_tcp_says_over_random_zones(seed: int) -> None:
    zone = version(random_zone(seed), "example.org.")
    server = Server(zone, version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", "b.a.example.org."))
    straight = 0
    for name, rtype, edns in product(sorted(set(names(zone))), TYPES, (False, True)):
        straight += agrees(server, make_query(name, rtype, edns=edns, size=1232).to_wire())
    assert straight > 10, "the straight way was hardly taken"


@pytest.mark.parametrize("text", [ORG, NET, TRAPS, STRAY, APEX_DNAME, APEX_WILDCARD])
def test_udp_says_what_tcp_says(text: str) -> None:
    zone = version(text, "example.org.")
    server = Server(zone, version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", "child.example.org."))
    straight = 0
    for name, rtype, (edns, do) in product(names(zone), TYPES, ((False, False), (True, False), (True, True))):
        straight += agrees(server, make_query(name, rtype, do=do, edns=edns, size=1232).to_wire())
    assert (straight > 10) == (text != APEX_DNAME), "the straight way was hardly taken"


def test_cookies_and_random_case_get_what_the_walk_says() -> None:
    cookies = Cookies([bytes(16)], lambda: 1_700_000_000.0)
    zone = version(ORG, "example.org.")
    server = Server(zone, options=Options(cookies=cookies))
    dressed = Dressed(server.responder._straight, server.responder._packets, cookies)
    taken = 0
    for name, rtype, shown in product(sorted(set(names(zone))), ("A", "MX", "TXT"), (8, 16, 24, 40, 9)):
        query = make_query(name.swapcase(), rtype, edns=True, size=1232)
        query.use_edns(0, payload=1232, options=[dns.edns.GenericOption(10, bytes(range(shown)))])
        packet = query.to_wire()
        expected = server.raw(packet, Transport.TCP)
        for _ in range(3):
            found = dressed(packet[2:], CLIENT)
            taken += found is not None
            assert found is None or found[0] == expected[2:], query
            assert server.raw(packet) == expected, query
    assert taken > 1000, "hardly any query was taken"


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
    assert server.responder.dressed(packet[2:], CLIENT) is not None
    for size in range(5000):
        server.raw(plain[:-8] + size.to_bytes(2, "big") + plain[-6:])
        assert server.responder.dressed(packet[2:], CLIENT) is not None, size


@pytest.mark.parametrize("edns", [False, True])
@pytest.mark.parametrize("first", ["HOST", "Nobody", "X.here.W", "below.CUT", "hosT"])
@pytest.mark.parametrize("apex", ["example.org.", "eXample.ORG."])
def test_a_question_comes_back_in_the_case_it_was_asked_in(first: str, apex: str, edns: bool) -> None:
    server = Server(version(TRAPS, "example.org."))
    for rtype in ("A", "TXT"):
        assert agrees(server, make_query(f"{first}.{apex}", rtype, edns=edns, size=1232).to_wire())


def test_names_that_are_too_long_are_left_to_the_walk() -> None:
    """Whether the label is or the whole name, and whether or not such a packet came before in good order."""
    long = ".".join(("a" * 63,) * 3) + "."
    for apex, longest in (("example.org.", 63), (long, 61)):
        server = Server(version("@ IN SOA ns host 7 7200 3600 1209600 300\n@ NS ns\nb A 192.0.2.1\n", apex))
        head, tail = make_query(f"b.{apex}", "A").to_wire().split(b"\1b", 1)
        for size in (1, longest - 1, longest, longest + 1, 62, 63, 64, 100, 127, 128, 192, 255):
            packet = head + bytes((size,)) + b"c" * size + tail
            assert agrees(server, packet) == (size <= longest), size
        for label in (b"\0", b"\4a\0b", b"\3\1ab", b"\2\0\0"):
            assert server.responder.straight((head + label + tail)[2:]) is None, label


def test_a_packet_of_another_form_is_left_to_the_walk() -> None:
    server = Server(version(TRAPS, "example.org."))
    packet = make_query("host.example.org.", "A", edns=True, size=1232).to_wire()
    assert server.responder.straight(packet[2:]) is not None
    for at in (2, 4, 5, 6, 7, 8, 9, 10, len(packet) - 6, len(packet) - 5, len(packet) - 1, len(packet) - 13):
        damaged = bytearray(packet)
        damaged[at] ^= 0x82
        assert server.responder.straight(bytes(damaged[2:])) is None, at
    for end in range(len(packet)):
        assert server.responder.straight(packet[2:end]) is None


def test_two_cnames_at_a_name_are_left_to_the_walk() -> None:
    zone = version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\n", "example.org.")
    targets = [from_text(name) for name in ("a.example.net.", "b.example.net.")]
    aliases = RRset.of(Owner(b"\5alias"), 5, 300, targets)
    server = Server(DictVersion(zone.apex, zone.serial, [*zone.rrsets, aliases]))
    assert not agrees(server, make_query("alias.example.org.", "A").to_wire())
