"""Made UPDATE messages of every form, good and bad, for a small zone full of special names."""

from random import Random
from struct import pack
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdatatype

from zonegit.model.names import from_text, to_text
from zonegit.zonefile.types import type_text

APEX = "example.org."
ZONE = """\
$ORIGIN example.org.
$TTL 3600
@ IN SOA ns1 hostmaster 1000 7200 900 1209600 300
@ IN NS ns1
@ IN NS ns2.example.net.
@ IN MX 10 a
@ IN TXT "apex"
ns1 IN A 192.0.2.1
a IN A 192.0.2.10
a IN A 192.0.2.11
a IN TXT "one"
x.a IN AAAA 2001:db8::1
*.w IN TXT "wild"
cn IN CNAME a
dn IN DNAME b.example.net.
cut IN NS ns.cut
ns.cut IN A 192.0.2.53
y.ent IN A 192.0.2.12
"""
IN, NONE, ANY = 1, 254, 255
_OWNERS = (
    *(
        "@",
        "@",
        "a",
        "a",
        "A",
        "x.a",
        "b",
        "b",
        "x.b",
        "*.w",
        "w",
        "v.w",
        "cn",
        "cn",
        "dn",
        "x.dn",
        "cut",
        "ns.cut",
    ),
    *("x.cut", "ent", "y.ent", "ns1", "new", "new", "*", r"a\.b", r"\000.x", "cn2"),
)
_OUTSIDE = ("example.net.", "xexample.org.", "org.", ".")
_NAMES = ("a", "b", "ns1", "ns.cut", "ns2.example.net.", "cn", "NEW", "@")
_RDATA = {
    "A": ("192.0.2.1", "192.0.2.10", "192.0.2.11", "192.0.2.53", "192.0.2.12"),
    "AAAA": ("2001:db8::1", "2001:db8::2"),
    "TXT": ('"one"', '"two"', '"apex"', '"wild"', '"One"', '""'),
    "NS": ("ns1", "ns1", "ns2.example.net.", "ns2.example.net.", *_NAMES),
    "CNAME": _NAMES,
    "DNAME": ("b.example.net.", "b", "a"),
    "PTR": _NAMES,
    "MX": ("10 a", "20 b", "10 A"),
    "SRV": ("1 2 3 a", "1 2 3 ns2.example.net."),
    "DS": ("1 13 2 " + "ab" * 32,),
    "CAA": ('0 issue "ca.example.net"',),
    "TYPE65280": (r"\# 0", r"\# 2 0102"),
    "NULL": (r"\# 1 07",),
    "CDS": ("1 13 2 " + "ab" * 32,),
    "KEY": ("512 3 13 " + "A" * 88,),
    "NAPTR": ('1 1 "u" "E2U" "" a',),
    "HTTPS": ("1 . alpn=h2", "0 a"),
    "RP": ("a b",),
    "APL": ("1:192.0.2.0/24",),
    "DHCID": ("AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=",),
}
_COMMON = ("A", "A", "A", "TXT", "TXT", "AAAA", "NS", "NS", "CNAME", "CNAME", "MX", "DNAME", "PTR", "SOA")
_ODD = (251, 252, 253, 254, 255, 250, 249, 41, 0, 128)
"""Types that no record has."""


class Record(NamedTuple):
    """A record of a message as it is sent."""

    owner: bytes
    rtype: int
    rclass: int
    ttl: int = 0
    rdata: bytes = b""

    def __str__(self) -> str:
        rclass = {IN: "IN", NONE: "NONE", ANY: "ANY"}.get(self.rclass, self.rclass)
        return f"{to_text(self.owner)} {self.ttl} {rclass} {type_text(self.rtype)} {self.rdata.hex()}"

    def wire(self) -> bytes:
        return self.owner + pack(">HHIH", self.rtype, self.rclass, self.ttl, len(self.rdata)) + self.rdata


class Message(NamedTuple):
    """An UPDATE."""

    prerequisites: tuple[Record, ...]
    operations: tuple[Record, ...]

    def wire(self, ident: int) -> bytes:
        head = pack(">HHHHHH", ident, 5 << 11, 1, len(self.prerequisites), len(self.operations), 0)
        records = b"".join(each.wire() for each in (*self.prerequisites, *self.operations))
        return head + from_text(APEX) + pack(">HH", 6, 1) + records


def rdata(rtype: str, text: str) -> bytes:
    """RDATA of a type; names are relative to the zone."""
    read = dns.rdata.from_text("IN", rtype, text, dns.name.from_text(APEX), relativize=False)
    return read.to_wire() or b""


def number(rtype: str) -> int:
    return int(dns.rdatatype.from_text(rtype))


class Maker:
    """Makes messages that depend on the seed, and on the serial that the servers have."""

    def __init__(self, seed: int) -> None:
        self._random = Random(f"updates {seed}")

    def message(self, serial: int) -> Message:
        random = self._random
        prerequisites = random.choices((0, 1, 2, 3), (6, 3, 2, 1))[0]
        operations = random.choices((0, 1, 2, 3, 4, 6), (1, 8, 6, 3, 2, 1))[0]
        found = Message(
            tuple(self._prerequisite(serial) for _ in range(prerequisites)),
            tuple(self._operation(serial) for _ in range(operations)),
        )
        return self._spoiled(found) if random.random() < 0.12 else found

    def _owner(self) -> bytes:
        return from_text(self._random.choice(_OWNERS), from_text(APEX))

    def _type(self) -> str:
        return self._random.choice(_COMMON if self._random.random() < 0.8 else tuple(_RDATA))

    def _rdata(self, rtype: str, serial: int) -> bytes:
        if rtype == "SOA":
            step = self._random.choice((-1, 0, 0, 1, 1, 5, 1 << 31, 1 << 29))
            minimum = self._random.choice((300, 300, 60))
            return rdata("SOA", f"ns1 hostmaster {(serial + step) % (1 << 32)} 7200 900 1209600 {minimum}")
        return rdata(rtype, self._random.choice(_RDATA[rtype]))

    def _prerequisite(self, serial: int) -> Record:
        rtype = self._type()
        match self._random.randrange(5):
            case 0:
                return Record(self._owner(), 255, ANY)
            case 1:
                return Record(self._owner(), number(rtype), ANY)
            case 2:
                return Record(self._owner(), 255, NONE)
            case 3:
                return Record(self._owner(), number(rtype), NONE)
            case _:
                owner = from_text(APEX) if rtype == "SOA" else self._owner()
                return Record(owner, number(rtype), IN, 0, self._rdata(rtype, serial))

    def _operation(self, serial: int) -> Record:
        rtype = self._type()
        owner = from_text(APEX) if rtype == "SOA" and self._random.random() < 0.8 else self._owner()
        if self._random.random() < 0.1:
            owner, rtype = from_text(APEX), "NS"
        match self._random.choices(range(4), (5, 1, 2, 3))[0]:
            case 0:
                ttl = self._random.choice((3600, 300, 60, 0, (1 << 31) - 1))
                return Record(owner, number(rtype), IN, ttl, self._rdata(rtype, serial))
            case 1:
                return Record(owner, 255, ANY)
            case 2:
                return Record(owner, number(rtype), ANY)
            case _:
                return Record(owner, number(rtype), NONE, 0, self._rdata(rtype, serial))

    def _spoiled(self, found: Message) -> Message:
        """The message with something wrong in one of its records."""
        sections = [list(found.prerequisites), list(found.operations)]
        section = self._random.choice([each for each in sections if each] or [[]])
        if section:
            at = self._random.randrange(len(section))
            section[at] = self._wrong(section[at])
        return Message(tuple(sections[0]), tuple(sections[1]))

    def _wrong(self, record: Record) -> Record:
        random = self._random
        match random.randrange(7):
            case 0:
                return record._replace(ttl=random.choice((1, 300, 1 << 31, (1 << 32) - 1)))
            case 1:
                return record._replace(rclass=random.choice((0, 2, 3, 4, 253)))
            case 2:
                return record._replace(rtype=random.choice(_ODD))
            case 3:
                return record._replace(owner=from_text(random.choice(_OUTSIDE)))
            case 4:
                return record._replace(rdata=record.rdata + b"\0")
            case 5:
                return record._replace(rdata=record.rdata[:-1])
            case _:
                return record._replace(rclass=random.choice((IN, ANY, NONE)))
