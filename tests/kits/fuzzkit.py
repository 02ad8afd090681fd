"""Damage to good samples, the corpus of DNS packets, and a server of one process that answers them."""

import os
import random
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import dns.dnssec
import dns.dnssectypes
import dns.message
import dns.tsig
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from dnszones import NET, ORG
from repokit import parsed
from zonegit.daemon.live_zones import LiveZones
from zonegit.dns import stats
from zonegit.dns.access.tsig import TsigKey
from zonegit.model.names import from_text
from zonegit.ops.config import Config, DnsConfig
from zonegit.repo import Repository
from zonegit.store.lmdb import LmdbStore

TIMES = int(os.environ.get("ZONEGIT_FUZZ", "20000"))
"""How many inputs a reader is given."""
SHARD = 250_000
"""Inputs of one test, where they are spread over several."""
CLIENTS = (bytes((127, 0, 0, 1)), bytes((192, 0, 2, 7)), bytes(15) + b"\1")
CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus"
SECRET = bytes(range(16))

_EDGES = bytes((0, 1, 2, 63, 64, 127, 128, 192, 255))
_WORDS = tuple(
    number.to_bytes(2, "big")
    for number in (0, 1, 2, 6, 10, 12, 15, 41, 46, 47, 50, 249, 250, 251, 252, 255, 512, 0xC00C, 0xC0FF, 0xFFFF)
)


def shards() -> list[int]:
    """How many inputs each of several tests gives that may run side by side."""
    return [min(SHARD, TIMES - at) for at in range(0, TIMES, SHARD)]


def damaged(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    """A sample with one to four places changed, cut, doubled, or filled from another sample."""
    chance = rng.random
    data = bytearray(samples[int(chance() * len(samples))])
    for _ in range(1 + int(chance() * 4)):
        at = int(chance() * (len(data) + 1))
        size = (0, 1, 1, 2, 4, 32)[int(chance() * 6)]
        kind = int(chance() * 6)
        if kind == 0:
            data[at : at + size] = rng.randbytes((0, 1, 2, 4)[int(chance() * 4)])
        elif kind == 1 and at < len(data):
            data[at] ^= 1 << int(chance() * 8)
        elif kind == 2 and at < len(data):
            data[at] = _EDGES[int(chance() * len(_EDGES))]
        elif kind == 3:
            data[at:at] = data[at : at + size]
        elif kind == 4:
            data[at : at + 2] = _WORDS[int(chance() * len(_WORDS))]
        else:
            other = samples[int(chance() * len(samples))]
            start = int(chance() * (len(other) + 1))
            data[at : at + size] = other[start : start + size]
    return bytes(data)


def corpus() -> list[bytes]:
    """The packets of all files, in their order."""
    lines = [line for path in sorted(CORPUS.glob("*.hex")) for line in path.read_text().splitlines()]
    return [bytes.fromhex(line) for line in lines if not line.startswith("#")]


def signed_queries() -> list[bytes]:
    """Queries with TSIG records that hold for some hours from now on."""
    key = dns.tsig.Key("fuzz.", SECRET, "hmac-sha256")
    packets = []
    for name, rtype in (("www.example.org.", "A"), ("example.org.", "AXFR"), ("none.signed.test.", "A")):
        for edns in (-1, 0):
            query = dns.message.make_query(name, rtype, use_edns=edns)
            query.use_tsig(key, fudge=0xFFFF)
            packets.append(query.to_wire())
    return packets


def longest_packets() -> list[bytes]:
    """Packets of 64 KiB whose parts are as small and as many as they can be, for each reader of parts."""

    def packet(counts: tuple[int, ...], question: bytes, part: bytes, *, options: bool = False) -> bytes:
        head = bytes(4) + b"".join(count.to_bytes(2, "big") for count in counts) + question
        parts = part * ((0xFFFF - len(head) - 11 * options) // len(part))
        opt = b"\0\0\x29\x10" + bytes(5) + len(parts).to_bytes(2, "big") if options else b""
        return head + opt + parts

    address, transfer = (b"\7example\3org" + rtype for rtype in (b"\0\0\1\0\1", b"\0\0\xfb\0\1"))
    marked = b"\0\0\x10\0\1\0\xfa\0\xff\0\0"  # a TTL that looks like the mark of a TSIG
    record = b"\0\0\x10\0\1" + bytes(6)
    labels = b"\1a" * 120 + record
    return [
        *(packet((1, 0, 0, 5955), address, part) for part in (record, marked)),
        packet((1, 5955, 0, 0), address, record),
        *(packet((1, 0, 1, 5954), transfer, part) for part in (record, marked)),
        packet((1, 0, 0, 260), address, labels),
        packet((1, 0, 0, 1), address, b"\1a"),
        packet((13000, 0, 0, 0), b"", b"\0\0\xfa\0\xff"),
        *(packet((1, 0, 0, 1), question, b"\xfd\xe9\0\0", options=True) for question in (address, transfer)),
        packet((1, 0, 0, 1), address, b"\0\xfa\0\4\0\xfa\0\xff", options=True),
        packet((0, 0, 0, 1), b"", b"\0\x0c\0\0", options=True),
    ]


@contextmanager
def serving(path: Path, *, cookies: bool = True) -> Iterator[tuple[LiveZones, list[str]]]:
    """What a worker answers from, over a few zones that hold every kind of answer; and what it logs."""
    org = "".join(f"{line}\n" for line in ORG.splitlines() if not line.startswith(("x.old", "*.sub")))
    with Repository.init(path) as repository:
        for origin, text in (("example.org.", org), ("example.net.", NET), ("signed.test.", _signed())):
            repository.import_zone(parsed(f"$ORIGIN {origin}\n{text}"), source="fuzz.zone")
    dns = DnsConfig(nsid="fuzz", version="v", identity="fuzz", tcp_connections=4, tcp_connections_per_client=4)
    config = Config(repo=path, dns=dns, cookie_secrets=(bytes(16),) if cookies else ())
    log: list[str] = []
    store = LmdbStore.open(path, readonly=True)
    try:
        zones = LiveZones(
            store, config, array("Q", bytes(8 * stats.SLOTS)), lambda what, error: log.append(f"{what}: {error!r}")
        )
        zones.dispatcher.keys = {from_text("fuzz."): TsigKey(from_text("fuzz."), "hmac-sha256", SECRET)}
        yield zones, log
    finally:
        store.close()


def _signed() -> str:
    text = """$TTL 300
@ SOA ns h 1 2 3 4 5
@ NS ns
ns A 192.0.2.1
a A 192.0.2.2
*.w A 192.0.2.3
sub NS ns.sub
ns.sub A 192.0.2.4
b.ent MX 1 a
c CNAME a
"""
    zone = dns.zone.from_text(text, origin="signed.test.", relativize=False)
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ED25519, flags=257)
    with zone.writer() as writer:
        dns.dnssec.sign_zone(zone, writer, keys=[(private, key)], lifetime=864000)
    return str(zone.to_text())
