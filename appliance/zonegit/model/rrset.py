"""RRsets and their one stored form: consecutive wire RRs, owner relative to the apex (RFC 1035 §4.1.3).

    RR = owner labels | C0 0C | type u16 | class u16 | TTL u32 | rdlength u16 | RDATA

`C0 0C` points to offset 12 of a message, where the question's name stands: the apex, in a transfer. RRs stand in
canonical RDATA order (RFC 4034 §6.3), without duplicates, with one TTL (RFC 2181 §5.2). A signature's TTL is the
Original TTL in its RDATA (RFC 4034 §3), so an RRSIG RRset may hold several. The SOA is stored with serial 0.
"""

import re
from collections.abc import Iterable, Iterator
from struct import Struct, error
from typing import Final, NamedTuple, NewType

from zonegit.errors import InvalidObject, InvalidRecord
from zonegit.model.names import APEX, APEX_KEY, MAX_LABEL, MAX_NAME, Owner, OwnerKey, key_owner, lower, owner_key
from zonegit.model.rdata import (
    AAAA,
    CLASS_IN,
    META_TYPES,
    RRSIG,
    SOA,
    A,
    canonical,
    is_canonical,
    soa_serial,
    with_serial,
)

RRKey = NewType("RRKey", bytes)
"""An owner key, `00`, and the type as u16: byte order is canonical order."""

APEX_POINTER: Final = b"\xc0\x0c"
MAX_TTL: Final = (1 << 31) - 1
FIXED: Final = Struct(">HHIH")
"""type, class, TTL, rdlength: what stands between an RR's owner and its RDATA."""

_SIZES: Final = {A: 4, AAAA: 16}
"""Types whose RDATA is fine once its size is."""
_ADDRESS: Final = {APEX_POINTER + rtype.to_bytes(2, "big") + b"\0\1": 12 + size for rtype, size in _SIZES.items()}
"""What stands behind an address record's owner -> all bytes from there on."""
_PLAIN_ADDRESS: Final = re.compile(
    rb"[\x01-\x3f][^\xc0A-Z]+\xc0\x0c\0(?:\x01\0\x01[\0-\x7f].{3}\0\x04.{4}|\x1c\0\x01[\0-\x7f].{3}\0\x10.{16})",
    re.DOTALL,
).fullmatch
"""One address record; its owner is a single label in lowercase exactly if that ends where the pointer begins."""


class RRset(NamedTuple):
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
        forms = {canonical(rtype, rdata) for rdata in rdatas}
        if not forms:
            raise InvalidRecord("an RRset has at least one record")
        if rtype == RRSIG and any(rdata[4] & 0x80 for rdata in forms):
            raise InvalidRecord(f"a signature's Original TTL is not between 0 and {MAX_TTL} seconds (RFC 2181 §8)")
        ordered = tuple(sorted({with_serial(rdata, 0) for rdata in forms} if rtype == SOA else forms))
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
        """Read a stored RRset, which the store has checked on its way in (`check_stored`)."""
        size = owner_size(payload)
        rtype, _, ttl, _ = FIXED.unpack_from(payload, size + 2)
        return cls(Owner(payload[:size]), rtype, 0 if rtype == RRSIG else ttl, rdatas(payload))


def rr_key(owner: OwnerKey, rtype: int) -> RRKey:
    """The key of a type at an owner."""
    return RRKey(owner + b"\0" + rtype.to_bytes(2, "big"))


def key_parts(key: RRKey) -> tuple[Owner, int]:
    """The owner and type that `rr_key` made this key of."""
    return key_owner(OwnerKey(key[:-3])), int.from_bytes(key[-2:], "big")


def owner_size(payload: bytes) -> int:
    """How many bytes of labels stand before the apex pointer of a stored RR."""
    at = 0
    label = payload[0]
    while 0 < label <= MAX_LABEL:
        at += 1 + label
        label = payload[at]
    if label != 0xC0:
        raise InvalidObject("a stored RR's owner isn't labels and a pointer to the apex")
    return at


def payload_key(payload: bytes) -> RRKey:
    """The key of a stored RRset, derived from its first RR."""
    size = payload[0] + 1
    if size <= MAX_LABEL and payload[size] == 0xC0 and _is_plain(label := payload[1:size]):
        return RRKey(label + b"\0\0" + payload[size + 2 : size + 4])  # most owners are one plain label
    size = owner_size(payload)
    owner = owner_key(Owner(payload[:size])) if size else APEX_KEY
    return RRKey(owner + b"\0" + payload[size + 2 : size + 4])


def _is_plain(label: bytes) -> bool:
    """Whether a label stands in a key as it is (`owner_key`)."""
    return b"\0" not in label and b"\1" not in label


def payload_keys(payloads: Iterable[bytes]) -> tuple[RRKey, ...]:
    """The keys of stored RRsets."""
    return tuple(
        [
            RRKey(label + b"\0\0" + payload[size + 2 : size + 4])
            if (size := payload[0] + 1) <= MAX_LABEL
            and payload[size] == 0xC0
            and ((label := payload[1:size]).isalnum() or _is_plain(label))
            else payload_key(payload)
            for payload in payloads
        ]
    )


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


def check_all(payloads: Iterable[bytes]) -> int:
    """Check stored RRsets; the number of their records. `InvalidObject` with the reason why one can't be stored."""
    records = 0
    for payload in payloads:
        # Most RRsets are one address, so these are told apart by one call.
        plain = _PLAIN_ADDRESS(payload) and payload[payload[0] + 1] == 0xC0
        records += 1 if plain else check_stored(payload)
    return records


def check_stored(payload: bytes) -> int:
    """Check that these bytes are an RRset in canonical stored form; returns its number of records.

    `InvalidObject` with the reason if they aren't.
    """
    try:
        size = owner_size(payload)
        rest = _ADDRESS.get(payload[size : size + 6])
        if rest == len(payload) - size and payload[size + 11] == rest - 12 and not payload[size + 10]:
            owner = payload[:size]
            if payload[size + 6] < 0x80 and size < MAX_NAME and lower(owner) == owner:
                return 1  # most RRsets are one address
        rtype, rclass, ttl, rdlength = FIXED.unpack_from(payload, size + 2)
    except (IndexError, error):
        raise InvalidObject("a stored RR is cut short") from None
    owner = payload[:size]
    if payload[size : size + 2] != APEX_POINTER:
        raise InvalidObject("a stored RR's owner doesn't point to the apex")
    if rclass != CLASS_IN or ttl > MAX_TTL or rtype in META_TYPES or size >= MAX_NAME or lower(owner) != owner:
        raise InvalidObject(
            f"a stored RR has type {rtype}, class {rclass}, TTL {ttl} or an owner that can't stand in a zone"
        )
    if size + 12 + rdlength == len(payload):
        _check_rdata(rtype, payload[size + 12 :], payload[size + 6 : size + 10])
        return 1
    return _check_records(payload, size, rtype)


def _check_records(payload: bytes, size: int, rtype: int) -> int:
    """Check several records against the first one's owner, type, class and TTL, and their order."""
    fixed = payload[: size + (6 if rtype == RRSIG else 10)]
    skip = size + 12
    previous = None
    records = at = 0
    end = len(payload)
    while at < end:
        records += 1
        start = at + skip
        stop = start + int.from_bytes(payload[start - 2 : start], "big")
        if stop > end:
            raise InvalidObject("a stored RR is cut short")
        if not payload.startswith(fixed, at):
            raise InvalidObject("an RRset's records differ in more than their RDATA")
        rdata = payload[start:stop]
        if previous is not None and previous >= rdata:
            raise InvalidObject("an RRset's records are not in canonical order")
        previous = rdata
        _check_rdata(rtype, rdata, payload[start - 6 : start - 2])
        at = stop
    return records


def _check_rdata(rtype: int, rdata: bytes, ttl: bytes) -> None:
    if len(rdata) == _SIZES.get(rtype):
        return
    if rtype == RRSIG and (ttl != rdata[4:8] or ttl[0] & 0x80):
        raise InvalidObject("a signature's TTL is not its Original TTL, or too large")
    try:
        if is_canonical(rtype, rdata) and (rtype != SOA or not soa_serial(rdata)):
            return
    except InvalidRecord as reason:
        raise InvalidObject(f"a stored RR can't be read: {reason}") from None
    raise InvalidObject("a stored RR's RDATA is not in canonical form")


def record_count(payload: bytes) -> int:
    """How many records a stored RRset has."""
    return sum(1 for _ in record_spans(payload))


def served_soa(payload: bytes, serial: int) -> bytes:
    """A stored apex SOA RRset with the serial that it is served with."""
    at = len(payload) - 20
    return payload[:at] + serial.to_bytes(4, "big") + payload[at + 4 :]


SOA_KEY: Final = rr_key(owner_key(APEX), SOA)
