"""RRsets and their one stored form: consecutive wire RRs, owner relative to the apex (RFC 1035 §4.1.3).

    RR = owner labels | C0 0C | type u16 | class u16 | TTL u32 | rdlength u16 | RDATA

`C0 0C` points to offset 12 of a message, where the question's name stands: the apex, in a transfer. RRs stand in
canonical RDATA order (RFC 4034 §6.3), without duplicates, with one TTL (RFC 2181 §5.2). A signature's TTL is the
Original TTL in its RDATA (RFC 4034 §3), so an RRSIG RRset may hold several. The SOA is stored with serial 0.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final, NewType

from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.names import APEX, APEX_KEY, Owner, OwnerKey, key_owner, lower, owner_key
from zonegit.model.rdata import CLASS_IN, META_TYPES, RRSIG, SOA, canonical, with_serial

RRKey = NewType("RRKey", bytes)
"""An owner key, `00`, and the type as u16: byte order is canonical order."""

APEX_POINTER: Final = b"\xc0\x0c"
MAX_TTL: Final = (1 << 31) - 1
FIXED: Final = Struct(">HHIH")
"""type, class, TTL, rdlength: what stands between an RR's owner and its RDATA."""


@dataclass(frozen=True, slots=True)
class RRset:
    """All records of one type at one owner. Make one with `RRset.of`, which puts it in canonical form."""

    owner: Owner
    rtype: int
    ttl: int
    """Seconds; 0 for an RRSIG RRset, whose records each carry their own."""
    rdatas: tuple[bytes, ...]

    @classmethod
    def of(cls, owner: Owner, rtype: int, ttl: int, rdatas: Iterable[bytes]) -> "RRset":
        """The canonical RRset of these uncompressed RDATAs: lowercased, sorted, without duplicates."""
        if rtype in META_TYPES or not 0 < rtype < 65536:
            raise InvalidRecord(f"type {rtype} can't stand in a zone")
        if not 0 <= ttl <= MAX_TTL:
            raise InvalidRecord(f"TTL {ttl} is not between 0 and {MAX_TTL} seconds (RFC 2181 §8)")
        ordered = tuple(sorted({canonical(rtype, rdata) for rdata in rdatas}))
        if not ordered:
            raise InvalidRecord("an RRset has at least one record")
        if rtype == SOA:
            ordered = tuple(with_serial(rdata, 0) for rdata in ordered)
        return cls(Owner(lower(owner)), rtype, 0 if rtype == RRSIG else ttl, ordered)

    @property
    def key(self) -> RRKey:
        """Where this RRset stands in the zone."""
        return rr_key(owner_key(self.owner), self.rtype)

    def ttl_of(self, rdata: bytes) -> int:
        """The TTL of one of this RRset's records."""
        return int.from_bytes(rdata[4:8], "big") if self.rtype == RRSIG else self.ttl

    def encode(self) -> bytes:
        """The stored form."""
        owner = self.owner + APEX_POINTER
        rtype = self.rtype
        if rtype != RRSIG and len(self.rdatas) == 1:
            rdata = self.rdatas[0]
            return owner + FIXED.pack(rtype, CLASS_IN, self.ttl, len(rdata)) + rdata
        return b"".join(
            owner + FIXED.pack(rtype, CLASS_IN, self.ttl_of(rdata), len(rdata)) + rdata for rdata in self.rdatas
        )

    @classmethod
    def decode(cls, payload: bytes) -> "RRset":
        """Read a stored RRset and check that this is its canonical form; `InvalidObject` if it isn't."""
        try:
            size = owner_size(payload)
            owner = Owner(payload[:size])
            rtype, _, ttl, _ = FIXED.unpack_from(payload, size + 2)
            found = cls.of(owner, rtype, ttl, rdatas(payload))
        except (InvalidRecord, IndexError, ValueError) as error:
            raise InvalidObject(f"RRset can't be read: {error}") from None
        if found.encode() != payload:
            raise InvalidObject("RRset is not in canonical form")
        return found


def rr_key(owner: OwnerKey, rtype: int) -> RRKey:
    """The key of a type at an owner."""
    return RRKey(owner + b"\0" + rtype.to_bytes(2, "big"))


def key_parts(key: RRKey) -> tuple[Owner, int]:
    """The owner and type that `rr_key` made this key of."""
    return key_owner(OwnerKey(key[:-3])), int.from_bytes(key[-2:], "big")


def owner_size(payload: bytes) -> int:
    """How many bytes of labels stand before the apex pointer of a stored RR."""
    at = 0
    while (label := payload[at]) != 0xC0:
        if label > 63 or not label:
            raise InvalidObject("a stored RR's owner isn't labels and a pointer to the apex")
        at += 1 + label
    return at


def payload_key(payload: bytes) -> RRKey:
    """The key of a stored RRset, derived from its first RR."""
    size = owner_size(payload)
    owner = owner_key(Owner(payload[:size])) if size else APEX_KEY
    return RRKey(owner + b"\0" + payload[size + 2 : size + 4])


def record_spans(payload: bytes) -> Iterator[tuple[int, int]]:
    """`(start, end)` of each RDATA in a stored RRset."""
    skip = owner_size(payload) + 12
    at = 0
    end = len(payload)
    while at < end:
        start = at + skip
        if start > end:
            raise InvalidObject("a stored RR is cut short")
        at = start + int.from_bytes(payload[start - 2 : start], "big")
        if at > end:
            raise InvalidObject("a stored RR is cut short")
        yield start, at


def rdatas(payload: bytes) -> tuple[bytes, ...]:
    """The RDATAs of a stored RRset."""
    return tuple(payload[start:end] for start, end in record_spans(payload))


def record_count(payload: bytes) -> int:
    """How many records a stored RRset has."""
    return sum(1 for _ in record_spans(payload))


def served_soa(payload: bytes, serial: int) -> bytes:
    """A stored apex SOA RRset with the serial that it is served with."""
    at = len(payload) - 20
    return payload[:at] + serial.to_bytes(4, "big") + payload[at + 4 :]


SOA_KEY: Final = rr_key(owner_key(APEX), SOA)
