"""Queries aimed at the traps of hostile zones: names on and around them, of every type and in every form."""

from random import Random
from struct import Struct
from typing import Final

from hostile_zones import Sketch, deep, label, long
from zonegit.dns.wire.message import Transport
from zonegit.model.names import MAX_NAME, labels
from zonegit.model.rdata import (
    AAAA,
    ANY,
    CNAME,
    DNAME,
    DNSKEY,
    DS,
    HTTPS,
    MX,
    NS,
    NSEC,
    NSEC3,
    NSEC3PARAM,
    PTR,
    RRSIG,
    SOA,
    SRV,
    SVCB,
    TXT,
    A,
)

TYPES: Final = (
    *(A, A, A, AAAA, TXT, NS, CNAME, SOA, MX, SRV, SVCB, HTTPS, DS, DNSKEY, ANY, ANY, PTR),
    *(DNAME, RRSIG, NSEC, NSEC3, NSEC3PARAM, 44, 257, 65300, 65301, 99, 0, 250, 65535),
)
SIZES: Final = (1232, 1232, 1232, 4096, 512, 0, 511, 513, 1231, 1233, 65535)
CLIENTS: Final = (bytes((127, 0, 0, 1)), bytes((192, 0, 2, 7)), bytes(15) + b"\1")
_HEADER: Final = Struct(">HHHHHH")
_OPT: Final = Struct(">HHHH")
_HASH: Final = b"0123456789abcdefghijklmnopqrstuv"


class QueryMaker:
    """An endless source of queries for one zone."""

    def __init__(self, sketch: Sketch, rng: Random) -> None:
        self._rng = rng
        self._apex = sketch.apex
        self._owners = sketch.traps * 4 + [b""] * 8 + list({owner for owner, _ in sketch.rrsets})
        self._traps = sketch.traps or self._owners
        self._number = 0

    def name(self) -> bytes:
        """A trap, an owner, or a name beside, above or below one; invented names and hashes, too."""
        rng = self._rng
        chance = rng.random()
        if chance < 0.15:
            owner = self._invented()
        elif chance < 0.25:
            owner = label(bytes(rng.choice(_HASH) for _ in range(32)))
        else:
            owner = rng.choice(self._traps if chance < 0.65 else self._owners)
            around = rng.random()
            if around < 0.25:
                owner = self._invented() + owner
            elif around < 0.35 and owner:
                owner = owner[1 + owner[0] :]
            elif around < 0.5 and owner:
                owner = self._beside(owner)
            elif around < 0.55:
                owner = deep(rng.randrange(128), rng.choice("abx*")) + owner
        while len(owner) + len(self._apex) > MAX_NAME:
            owner = owner[1 + owner[0] :]
        return owner + self._apex

    def query(self) -> tuple[bytes, Transport, bytes]:
        """A packet, what carries it, and who sends it."""
        rng = self._rng
        name = self.name()
        qtype = rng.choice(TYPES)
        if rng.random() < 0.15:
            name = bytes(byte ^ 32 if 97 <= byte <= 122 and rng.random() < 0.5 else byte for byte in name)
        opt = b""
        if rng.random() < 0.85:
            cookie = b"\0\12\0\10" + rng.randbytes(8) if rng.random() < 0.15 else b""
            size, do = rng.choice(SIZES), rng.random() < 0.65
            opt = b"\0\0\x29" + _OPT.pack(size, 0, do << 15, len(cookie)) + cookie
        transport = Transport.UDP if rng.random() < 0.6 else rng.choice((Transport.TCP, Transport.TLS))
        self._number = (self._number + 1) & 0xFFFF
        head = _HEADER.pack(self._number, rng.choice((0, 0x0100)), 1, 0, 0, bool(opt))
        packet = head + name + qtype.to_bytes(2, "big") + b"\0\1" + opt
        return packet, transport, rng.choice(CLIENTS)

    def _invented(self) -> bytes:
        rng = self._rng
        if rng.random() < 0.1:
            return long(rng)
        return label(bytes(97 + rng.randrange(26) for _ in range(rng.randrange(1, 9))))

    def _beside(self, owner: bytes) -> bytes:
        """The same with another first label: a byte more or less, or another one."""
        first, rest = labels(owner)[0], owner[1 + owner[0] :]
        last = first[-1:]
        other = self._rng.choice((first[:-1], first + b"0", first[:-1] + bytes((max(last[0] - 1, 1),)), b"*", b"~"))
        return (label(other[:63]) if other else b"") + rest
