"""What tests of the fast path share: zones made of traps, random or signed ones, and the slow path's bytes."""

import random
from itertools import product

import dns.dnssec
import dns.dnssectypes
import dns.message
import dns.name
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dnskit import DictVersion, Server, from_zone
from zonegit.dns.wire.message import Transport
from zonegit.model.names import absolute, key_owner, to_text

TOP = dns.name.from_text("example.org.")
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
    """Hold the fast path to the slow path; whether it was taken. Three times: it learns what comes again."""
    expected = server.raw(packet, Transport.TCP)
    assert expected is not None
    if len(expected) > (1232 if packet[11] else 512):
        return False
    taken = False
    for _ in range(3):
        found = server.responder.ways.fast_path(packet[2:])
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
