"""Zones signed with dnspython, in any algorithm and for any time, as text."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache

import dns.dnssec
import dns.dnssectypes
import dns.node
import dns.rdataclass
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from dns.rdtypes.ANY.DNSKEY import DNSKEY

NOW = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
DAY = 86400
KSK, ZSK, REVOKED = 257, 256, 385
ALGORITHMS = (5, 7, 8, 10, 13, 14, 15, 16)

Key = tuple[dns.dnssec.PrivateKey, DNSKEY]


@cache
def key(algorithm: int = 15, flags: int = KSK, number: int = 0) -> Key:
    """One of any number of keys."""
    private: dns.dnssec.PrivateKey
    if algorithm in (13, 14):
        private = ec.generate_private_key(ec.SECP256R1() if algorithm == 13 else ec.SECP384R1())
    elif algorithm in (15, 16):
        private = (ed25519.Ed25519PrivateKey if algorithm == 15 else ed448.Ed448PrivateKey).generate()
    else:
        private = rsa.generate_private_key(65537, 2048)
    made = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm(algorithm), flags)
    return private, made


def signed(
    text: str, keys: Sequence[Key] = (), *, begin: int = NOW - 10 * DAY, end: int = NOW + 10 * DAY, origin: str
) -> str:
    """The zone, its keys and signatures, and its chain of NSEC records, as a zone file of absolute names."""
    zone = dns.zone.from_text(text, origin, relativize=False)
    with zone.writer() as writer:
        dns.dnssec.sign_zone(
            zone, writer, [*keys] or [key()], inception=begin, expiration=end, dnskey_ttl=300, lifetime=None
        )
    return str(zone.to_text(relativize=False))


def resigned(text: str, owner: str, covered: str, by: Key, *, end: int = NOW + 10 * DAY, origin: str) -> str:
    """The zone with one more signature of an RRset."""
    zone = dns.zone.from_text(text, origin, relativize=False)
    rrset = zone.get_rrset(owner, covered)
    made = dns.dnssec.sign(
        rrset, by[0], zone.origin, by[1], inception=NOW - 10 * DAY, expiration=end, origin=zone.origin
    )
    return f"{text}{owner} {made.original_ttl} IN RRSIG {made.to_text(origin=None)}\n"
