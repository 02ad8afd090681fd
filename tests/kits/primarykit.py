"""A primary's side of a transfer: records and messages as bytes, versions of a zone, queries read."""

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zonegit.dns.access import tsig
from zonegit.dns.wire.message import AA, HEADER, HEADER_SIZE, QR
from zonegit.model.names import WireName, from_text, lower

SOA, AXFR, IXFR = 6, 252, 251
APEX = from_text("example.org.")


def rr(owner: str, rtype: int, rdata: bytes, ttl: int = 300, rclass: int = 1) -> bytes:
    """A record, uncompressed; the owner is relative to `example.org.` unless it ends with a dot."""
    return raw_rr(from_text(owner, APEX), rtype, rdata, ttl, rclass)


def raw_rr(owner: bytes, rtype: int, rdata: bytes, ttl: int = 300, rclass: int = 1) -> bytes:
    fixed = b"".join((rtype.to_bytes(2, "big"), rclass.to_bytes(2, "big"), ttl.to_bytes(4, "big")))
    return owner + fixed + len(rdata).to_bytes(2, "big") + rdata


def soa(
    serial: int, minimum: int = 60, owner: str = "@", times: tuple[int, int, int] = (3600, 600, 86400)
) -> bytes:
    numbers = b"".join(each.to_bytes(4, "big") for each in (serial, *times, minimum))
    return rr(owner, SOA, from_text("ns", APEX) + from_text("host", APEX) + numbers)


def a(owner: str, last: int, ttl: int = 300) -> bytes:
    return rr(owner, 1, bytes((192, 0, 2, last)), ttl)


def ns(target: str = "ns") -> bytes:
    return rr("@", 2, from_text(target, APEX))


class Version(NamedTuple):
    """A zone with one serial."""

    serial: int
    records: tuple[bytes, ...]
    """Without the SOA."""
    soa: bytes

    @property
    def all(self) -> list[bytes]:
        """The records of an answer to AXFR."""
        return [self.soa, *self.records, self.soa]

    @classmethod
    def of(cls, serial: int, records: Iterable[bytes], **soa_values: int) -> "Version":
        return cls(serial, tuple(records), soa(serial, **soa_values))


class Ask(NamedTuple):
    """A query, read."""

    ident: bytes
    question: bytes
    apex: WireName
    qtype: int
    known: int | None
    """The serial in an IXFR query."""
    record: tsig.Record | None


def read_query(packet: bytes) -> Ask:
    record = tsig.find(packet)
    bare = packet if record is None else tsig.unsigned(packet, record)
    end = bare.index(b"\0", HEADER_SIZE) + 1
    question = bare[HEADER_SIZE : end + 4]
    qtype = int.from_bytes(bare[end : end + 2], "big")
    known = int.from_bytes(bare[-20:-16], "big") if qtype == IXFR else None
    return Ask(packet[:2], question, WireName(lower(question[:-4])), qtype, known, record)


def message(
    ask: Ask,
    answers: Sequence[bytes],
    *,
    rcode: int = 0,
    flags: int = QR | AA,
    question: bytes | None = None,
    count: int | None = None,
    ident: bytes | None = None,
    end: bytes = b"",
) -> bytes:
    """A message of an answer; `count` is the number of records that its header states."""
    asked = ask.question if question is None else question
    counts = HEADER.pack(0, flags | rcode, bool(asked), len(answers) if count is None else count, 0, 0)[2:]
    return (ask.ident if ident is None else ident) + counts + asked + b"".join(answers) + end


def in_messages(ask: Ask, records: Sequence[bytes], each: int = 3) -> list[bytes]:
    """The records over several messages."""
    return [message(ask, records[at : at + each]) for at in range(0, len(records), each)]


def whole(ask: Ask, version: Version) -> list[bytes]:
    return in_messages(ask, version.all)


def step(old: Version, new: Version) -> list[bytes]:
    """The records of one difference, with both SOA records."""
    gone = [each for each in old.records if each not in new.records]
    come = [each for each in new.records if each not in old.records]
    return [old.soa, *gone, new.soa, *come]


def differences(ask: Ask, versions: Sequence[Version]) -> list[bytes]:
    """The messages of an IXFR answer through these versions."""
    newest = versions[-1].soa
    steps = [each for old, new in itertools.pairwise(versions) for each in step(old, new)]
    return in_messages(ask, [newest, *steps, newest])
