"""TSIG (RFC 8945): reading the last record of a message, verifying it, signing messages. dnspython has the MACs.

Refused: a TSIG that isn't the last additional record or can't be read (FORMERR), unknown keys and other algorithms
than the key's (BADKEY), MACs that don't match (BADSIG) or were cut short (BADTRUNC), times further away than the
fudge (BADTIME). HMAC-MD5, SHA-1 and GSS-TSIG are not known here.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from struct import Struct, error
from typing import Final

import dns.name
import dns.tsig

from zonegit.dns.message import HEADER, HEADER_SIZE
from zonegit.model.names import MAX_NAME, WireName, from_text, lower, to_text

ALGORITHMS: Final = {"hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}
"""Name -> bytes of its MAC."""
BADSIG: Final = 16
BADKEY: Final = 17
BADTIME: Final = 18
BADTRUNC: Final = 22
FUDGE: Final = 300
MARK: Final = b"\x00\xfa\x00\xff"
"""Type TSIG, class ANY: stands in every signed message, and seldom in others."""

_FIXED: Final = Struct(">HHIH")
"""Type, class, TTL, size of RDATA."""
_TIMERS: Final = Struct(">HIH")
"""Time signed, 48 bits, and fudge."""
_TIMED: Final = Struct(">HIHH")
"""The same, and the MAC's size; the MAC follows."""
_END: Final = Struct(">2sHH")
"""Original id, error, size of other data."""
_TYPE: Final = 250
_ANY: Final = 255
_SHORTEST: Final = 10


_REASONS: Final = {
    BADSIG: "BADSIG: the key has another secret there than here",
    BADKEY: "BADKEY: no key of this name and algorithm is known here",
    BADTIME: "BADTIME: the clocks there and here differ by more than 5 minutes",
    BADTRUNC: "BADTRUNC: the MAC was cut short",
}


def reason(code: int) -> str:
    """Why a TSIG was refused, by the error code in it (RFC 8945 §3), as whoever refused it puts it."""
    return _REASONS.get(code, f"TSIG error {code}")


class Malformed(Exception):
    """A message whose TSIG can't be read: a FORMERR. Never leaves this room."""


@dataclass(frozen=True)
class TsigKey:
    """A shared secret by the name that both sides know it by."""

    name: WireName
    """Lowercase."""
    algorithm: str
    secret: bytes = field(repr=False)

    @cached_property
    def _key(self) -> dns.tsig.Key:
        return dns.tsig.Key(dns.name.from_text(to_text(self.name)), self.secret, self.algorithm)

    @cached_property
    def wire(self) -> tuple[bytes, bytes]:
        """Name and algorithm as they stand in messages."""
        return self.name, from_text(f"{self.algorithm}.")

    @property
    def mac_size(self) -> int:
        return ALGORITHMS[self.algorithm]

    @property
    def room(self) -> int:
        """Bytes that a signature with this key takes, unless it tells of an error."""
        name, algorithm = self.wire
        return len(name) + _FIXED.size + len(algorithm) + 16 + self.mac_size

    def mac(self, *parts: bytes) -> bytes:
        """The MAC over the parts."""
        context = dns.tsig.get_context(self._key)  # type: ignore[no-untyped-call]  # dnspython has no types there
        for part in parts:
            context.update(part)
        return bytes(context.sign())

    def matches(self, mac: bytes, *parts: bytes) -> bool:
        """Whether this is the MAC over the parts, or the beginning of it; compared in constant time."""
        return hmac.compare_digest(self.mac(*parts)[: len(mac)], mac)


Keys = Mapping[WireName, TsigKey]


@dataclass(frozen=True, slots=True)
class Record:
    """The TSIG record of a message."""

    start: int
    """Where it begins; the rest of the message lies before it."""
    name: WireName
    """The key's, lowercase."""
    algorithm: bytes
    """Wire name, lowercase."""
    time: int
    fudge: int
    mac: bytes
    original: bytes
    """The id that the message was signed with."""
    error: int
    other: bytes


def find(message: bytes) -> Record | None:
    """The TSIG record of a message, None without one; `Malformed` when it stands elsewhere or can't be read."""
    if MARK not in message:
        return None
    try:
        _, _, questions, *sections = HEADER.unpack_from(message)
        at = HEADER_SIZE
        for _ in range(questions):
            at = _skip_name(message, at) + 4
        left = sum(sections)
        while left:
            left -= 1
            start = at
            fixed = _skip_name(message, at)
            rtype, _, _, size = _FIXED.unpack_from(message, fixed)
            at = fixed + _FIXED.size + size
            if rtype == _TYPE:
                if left or not sections[2] or at != len(message):
                    raise Malformed("a TSIG is not the last record")
                return _read(message, start, fixed)
    except (error, IndexError):
        raise Malformed("a record is cut short") from None
    return None


def _read(message: bytes, start: int, fixed: int) -> Record:
    _, rclass, ttl, size = _FIXED.unpack_from(message, fixed)
    rdata = message[fixed + _FIXED.size : fixed + _FIXED.size + size]
    at = _skip_name(rdata, 0, pointers=False)
    algorithm = lower(rdata[:at])
    high, low, fudge, mac_size = _TIMED.unpack_from(rdata, at)
    at += _TIMED.size
    mac = rdata[at : at + mac_size]
    at += mac_size
    original, code, other_size = _END.unpack_from(rdata, at)
    other = rdata[at + _END.size :]
    if rclass != _ANY or ttl or len(other) != other_size:
        raise Malformed("a TSIG isn't of class ANY with TTL 0, or is cut short")
    return Record(start, _name(message, start), algorithm, high << 32 | low, fudge, mac, original, code, other)


def _skip_name(data: bytes, at: int, *, pointers: bool = True) -> int:
    while label := data[at]:
        if label >= 0xC0 and pointers:
            return at + 2
        if label > 63:
            raise Malformed("a name can't be read")
        at += 1 + label
    return at + 1


def _name(message: bytes, at: int) -> WireName:
    """The name at `at`, lowercase; some senders compress even a TSIG's owner."""
    found = bytearray()
    while label := message[at]:
        if label >= 0xC0:
            target = (label & 0x3F) << 8 | message[at + 1]
            if target >= at:
                raise Malformed("a name points forward")
            at = target
        elif label > 63 or len(found) + 1 + label >= MAX_NAME:
            raise Malformed("a name can't be read")
        else:
            found += message[at : at + 1 + label]
            at += 1 + label
    return WireName(lower(bytes(found)) + b"\0")


def without(message: bytes, record: Record) -> bytes:
    """The message before it was signed."""
    count = int.from_bytes(message[10:12], "big") - 1
    return record.original + message[2:10] + count.to_bytes(2, "big") + message[12 : record.start]


def check(message: bytes, record: Record, keys: Keys, now: int, prior: bytes = b"") -> int:
    """Whether a signed message may be believed: 0, or the TSIG error (RFC 8945 §5.2); `Malformed`.

    `prior` is the MAC of the request that this is the response to.
    """
    key = keys.get(record.name)
    if key is None or record.algorithm != key.wire[1]:
        return BADKEY
    if not max(_SHORTEST, key.mac_size // 2) <= len(record.mac) <= key.mac_size:
        raise Malformed("a MAC is too short or too long")
    before = len(prior).to_bytes(2, "big") + prior if prior else b""
    variables = _variables(key, record.time, record.fudge, record.error, record.other)
    if not key.matches(record.mac, before, without(message, record), variables):
        return BADSIG
    if abs(now - record.time) > record.fudge:
        return BADTIME
    return BADTRUNC if len(record.mac) < key.mac_size else 0


def _variables(key: TsigKey, time: int, fudge: int, code: int, other: bytes) -> bytes:
    """What is signed beside the message (RFC 8945 §4.3.3)."""
    name, algorithm = key.wire
    timers = _TIMERS.pack(time >> 32, time & 0xFFFFFFFF, fudge)
    return b"".join(
        (name, b"\0\xff\0\0\0\0", algorithm, timers, code.to_bytes(2, "big"), len(other).to_bytes(2, "big"), other)
    )


class Signature:
    """Signs the messages of one exchange; each covers the one before (RFC 8945 §5.3.1). One message at least."""

    def __init__(self, key: TsigKey, prior: bytes = b"") -> None:
        """`prior` is the MAC of the request that is answered; empty for a request."""
        self.key = key
        self.mac = prior
        self._first = True

    def sign(self, message: bytes, now: int, code: int = 0, other: bytes = b"") -> bytes:
        """The message with its TSIG behind it. `code` and `other` are the error and its data."""
        key = self.key
        before = len(self.mac).to_bytes(2, "big") + self.mac if self.mac else b""
        if self._first:
            variables = _variables(key, now, FUDGE, code, other)
        else:
            variables = _TIMERS.pack(now >> 32, now & 0xFFFFFFFF, FUDGE)
        self.mac = key.mac(before, message, variables)
        self._first = False
        return with_record(message, key.wire, now, self.mac, code, other)


def with_record(
    message: bytes, names: tuple[bytes, bytes], now: int, mac: bytes, code: int = 0, other: bytes = b""
) -> bytes:
    """The message with a TSIG record behind it; an empty MAC is what a key that isn't known is answered with.

    `names` are the key's and the algorithm's on the wire; `now` is Unix seconds.
    """
    name, algorithm = names
    size = len(algorithm) + 16 + len(mac) + len(other)
    count = int.from_bytes(message[10:12], "big") + 1
    return b"".join(
        (
            message[:10],
            count.to_bytes(2, "big"),
            message[12:],
            name,
            _FIXED.pack(_TYPE, _ANY, 0, size),
            algorithm,
            _TIMERS.pack(now >> 32, now & 0xFFFFFFFF, FUDGE),
            len(mac).to_bytes(2, "big"),
            mac,
            message[:2],
            code.to_bytes(2, "big"),
            len(other).to_bytes(2, "big"),
            other,
        )
    )
