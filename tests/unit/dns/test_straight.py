"""The straight way says what the walk says, to the byte. TCP always takes the walk, so it tells what to expect."""

from itertools import product

import pytest

from unit.dns.fake import DictVersion, Server, make_query, version
from unit.dns.zones_for_tests import NET, ORG
from zonegit.dns.message import Transport
from zonegit.model.names import absolute, key_owner, to_text

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
\\000bin    A   192.0.2.8
one\\001    A   192.0.2.9
"""
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


@pytest.mark.parametrize("text", [ORG, NET, TRAPS, APEX_DNAME, APEX_WILDCARD])
def test_udp_says_what_tcp_says(text: str) -> None:
    zone = version(text, "example.org.")
    server = Server(zone, version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", "child.example.org."))
    straight = 0
    for name, rtype, (edns, do) in product(
        names(zone), ("A", "AAAA", "TXT", "CAA", "NS", "MX"), ((False, False), (True, False), (True, True))
    ):
        packet = make_query(name, rtype, do=do, edns=edns, size=1232).to_wire()
        expected = server.raw(packet, Transport.TCP)
        assert expected is not None
        if len(expected) > 512:
            continue
        straight += server.responder.straight(packet) is not None
        for again in range(3):
            assert server.raw(packet) == expected, f"{name} {rtype} edns={edns} do={do} try {again}"
    assert (straight > 10) == (text != APEX_DNAME), "the straight way was hardly taken"


def test_a_packet_of_another_form_is_left_to_the_walk() -> None:
    server = Server(version(TRAPS, "example.org."))
    packet = make_query("host.example.org.", "A", edns=True, size=1232).to_wire()
    assert server.responder.straight(packet) is not None
    for at in (2, 4, 5, 6, 7, 8, 9, 10, len(packet) - 6, len(packet) - 5, len(packet) - 1, len(packet) - 13):
        damaged = bytearray(packet)
        damaged[at] ^= 0x82
        assert server.responder.straight(bytes(damaged)) is None, at
    for end in range(len(packet)):
        assert server.responder.straight(packet[:end]) is None
