"""The straight way in signed zones, with DO: what it takes it answers as the walk does, to the byte."""

import os
from itertools import product

import dns.dnssec
import dns.dnssectypes
import dns.name
import dns.zone
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unit.dns.fake import DictVersion, Server, from_zone, make_query
from unit.dns.hashed_zone import hashed_zone
from unit.dns.test_dnssec import ZONE
from unit.dns.test_straight import TRAPS, TYPES, agrees, names, random_zone

TOP = dns.name.from_text("example.org.")
PLAIN = "@ IN SOA ns.b h.c 7 7200 3600 1209600 300\n@ NS ns\n" + "".join(
    f"{name} A 192.0.2.1\n" for name in ("!low", "b", "x.c", "ns", "d", "deep.er.e", "_sip._tcp.f", "h.c", "zz")
)


def signed(text: str) -> DictVersion:
    """The zone with signatures by two keys, which nobody checks here, and NSECs."""
    zone = dns.zone.from_text(text, origin=TOP, relativize=False, check_origin=False)
    with_signatures(zone)
    return from_zone(zone)


def with_signatures(zone: dns.zone.Zone) -> None:
    """Sign a zone with two keys."""
    keys = []
    for seed in (1, 2):
        private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ED25519, flags=257)
        keys.append((private, key))
    with zone.writer() as txn:
        dns.dnssec.sign_zone(zone, txn, keys=keys, inception=1_700_000_000, lifetime=86400)


def straight(zone: DictVersion) -> int:
    server = Server(zone)
    taken = 0
    for name, rtype, do in product(sorted(set(names(zone))), (*TYPES, "DNSKEY", "NSEC"), (True, False)):
        taken += agrees(server, make_query(name, rtype, do=do, size=1232).to_wire())
    return taken


@pytest.mark.parametrize("text", [ZONE, TRAPS, PLAIN])
def test_udp_says_what_tcp_says_of_zones_with_nsec(text: str) -> None:
    assert straight(signed(text)) > 10, "the straight way was hardly taken"


def test_udp_says_what_tcp_says_of_a_zone_with_nsec3() -> None:
    assert straight(from_zone(hashed_zone(PLAIN, "example.org."))) > 5, "the straight way was hardly taken"


@pytest.mark.parametrize("seed", range(int(os.environ.get("ZONEGIT_STRAIGHT_ZONES", "2"))))
def test_udp_says_what_tcp_says_of_random_signed_zones(seed: int) -> None:
    straight(signed(random_zone(seed)))
