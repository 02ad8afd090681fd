"""The fast path in signed zones, with DO: what it takes it answers as the slow path does, to the byte."""

import os
from itertools import product

import pytest

from dnskit import DictVersion, Server, from_zone, make_query
from dnszones import SIGNED
from fastpathkit import TRAPS, TYPES, agrees, names, random_zone, signed
from nsec3kit import hashed_zone

PLAIN = "@ IN SOA ns.b h.c 7 7200 3600 1209600 300\n@ NS ns\n" + "".join(
    f"{name} A 192.0.2.1\n" for name in ("!low", "b", "x.c", "ns", "d", "deep.er.e", "_sip._tcp.f", "h.c", "zz")
)


def taken(zone: DictVersion) -> int:
    server = Server(zone)
    taken = 0
    for name, rtype, do in product(sorted(set(names(zone))), (*TYPES, "DNSKEY", "NSEC"), (True, False)):
        taken += agrees(server, make_query(name, rtype, do=do, size=1232).to_wire())
    return taken


@pytest.mark.parametrize("text", [SIGNED, TRAPS, PLAIN])
def test_udp_says_what_tcp_says_of_zones_with_nsec(text: str) -> None:
    assert taken(signed(text)) > 10, "the fast path was hardly taken"


def test_udp_says_what_tcp_says_of_a_zone_with_nsec3() -> None:
    assert taken(from_zone(hashed_zone(PLAIN, "example.org."))) > 5, "the fast path was hardly taken"


@pytest.mark.parametrize("seed", range(int(os.environ.get("ZONEGIT_FASTPATH_ZONES", "2"))))
def test_udp_says_what_tcp_says_of_random_signed_zones(seed: int) -> None:
    taken(signed(random_zone(seed)))
