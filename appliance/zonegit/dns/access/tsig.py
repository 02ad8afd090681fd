"""TSIG (RFC 8945): reads and verifies the last record of a message, signs messages.

Refused: a TSIG that isn't the last additional record or can't be read (FORMERR), unknown keys and other algorithms
than the key's (BADKEY), MACs that don't match (BADSIG) or are truncated (BADTRUNC), times that differ by more than
the fudge (BADTIME). HMAC-MD5 and HMAC-SHA1 are only for keys whose files say so; GSS-TSIG is not supported.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class
from typing import Final, NamedTuple

from zonegit.dns.wire.message import HEADER, HEADER_SIZE, read_name
from zonegit.errors import InvalidData
from zonegit.model.names import MAX_LABEL, WireName, from_text, lower, to_text

ALGORITHMS: Final = {"hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64}
"""Name -> bytes of its MAC."""
LEGACY: Final = {"hmac-md5": 16, "hmac-sha1": 20}
"""The same for algorithms that RFC 8945 §6 keeps for old clients only."""
_SIZES: Final = ALGORITHMS | LEGACY
_WIRE_NAMES: Final = {"hmac-md5": "hmac-md5.sig-alg.reg.int."}
"""The names in messages that differ from those in configurations."""
BADSIG: Final = 16
BADKEY: Final = 17
BADTIME: Final = 18
BADTRUNC: Final = 22
FUDGE: Final = 300
"""Seconds by which the clocks may differ, in what is signed here (RFC 8945 §10)."""
TSIG_ANY: Final = b"\x00\xfa\x00\xff"
"""Type TSIG and class ANY: these bytes are in every signed message, and seldom in others."""

_FIXED: Final = Struct(">HHIH")
"""Type, class, TTL, size of RDATA."""
_TIMERS: Final = Struct(">HIH")
"""Time signed, 48 bits, and fudge."""
_TIMED: Final = Struct(">HIHH")
"""Time signed, fudge, and the MAC's size; the MAC follows."""
_END: Final = Struct(">2sHH")
"""Original id, error, size of other data."""
_TYPE: Final = 250
_ANY: Final = 255
_SHORTEST: Final = 10
"""The fewest bytes of a truncated MAC (RFC 8945 §5.2.2.1)."""


_REASONS: Final = {
    BADSIG: "BADSIG: the key has another secret there than here",
    BADKEY: "BADKEY: no key of this name is known here",
    BADTRUNC: "BADTRUNC: the MAC was cut short",
}


class Malformed(Exception):
    """A message whose TSIG can't be read: FORMERR. Never leaves `dns/`."""


@dataclass(frozen=True)
class TsigKey:
    """A shared secret by the name that both sides know it by."""

    name: WireName
    """Lowercase."""
    algorithm: str
    secret: bytes = field(repr=False)

    @cached_property
    def wire(self) -> tuple[bytes, bytes]:
        """Name and algorithm as they stand in messages."""
        return self.name, from_text(self._wire_name)

    @property
    def _wire_name(self) -> str:
        return _WIRE_NAMES.get(self.algorithm, f"{self.algorithm}.")

    @property
    def mac_size(self) -> int:
        return _SIZES[self.algorithm]

    @property
    def room(self) -> int:
        """Bytes that a signature with this key takes if it reports no error."""
        name, algorithm = self.wire
        return len(name) + _FIXED.size + len(algorithm) + 16 + self.mac_size

    def mac(self, *parts: bytes) -> bytes:
        """The MAC over the parts."""
        return hmac.digest(self.secret, b"".join(parts), self.algorithm.removeprefix("hmac-"))

    def matches(self, mac: bytes, *parts: bytes) -> bool:
        """Whether `mac` is the MAC over the parts, or a prefix of it; compared in constant time."""
        return hmac.compare_digest(self.mac(*parts)[: len(mac)], mac)


Keys = Mapping[WireName, TsigKey]


class Record(NamedTuple):
    """The TSIG record of a message."""

    start: int
    """Where it begins; the rest of the message is before it."""
    name: WireName
    """The key's, lowercase."""
    algorithm: bytes
    """Wire name, lowercase."""
    time_signed: int
    """Unix seconds, 48 bits."""
    fudge: int
    """Seconds by which the clocks may differ."""
    mac: bytes
    original_id: bytes
    """The id that the message was signed with."""
    error: int
    other: bytes


def find(message: bytes) -> Record | None:
    """The TSIG record of a message, None without one; `Malformed` if it isn't the last or can't be read."""
    if TSIG_ANY not in message:
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
    except (StructError, IndexError):
        raise Malformed("a record is cut short") from None
    except InvalidData as error:
        raise Malformed(str(error)) from None
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
    name = WireName(lower(read_name(message, start)[0]))  # some senders compress even this one
    return Record(start, name, algorithm, high << 32 | low, fudge, mac, original, code, other)


def _skip_name(data: bytes, at: int, *, pointers: bool = True) -> int:
    while label := data[at]:
        if label >= 0xC0 and pointers:
            return at + 2
        if label > MAX_LABEL:
            raise Malformed("a name can't be read")
        at += 1 + label
    return at + 1


def unsigned(message: bytes, record: Record) -> bytes:
    """The message before it was signed."""
    return record.original_id + stripped(message, record)[2:]


def stripped(message: bytes, record: Record) -> bytes:
    """The message without its signature, with the id that it came with."""
    count = int.from_bytes(message[10:12], "big") - 1
    return message[:10] + count.to_bytes(2, "big") + message[12 : record.start]


def reason(code: int, record: Record, keys: Keys, now: int) -> str:
    """Why a TSIG was refused, by its error code (RFC 8945 §3), from the view of the server that refused it.

    `now` is Unix seconds, at which it was refused.
    """
    key = keys.get(record.name)
    if code == BADTIME:
        side = "ahead of" if record.time_signed > now else "behind"
        apart = f"{abs(now - record.time_signed)} s {side} this one (accepted: {record.fudge} s)"
        return f"BADTIME: its clock is {apart}: set the one that is wrong"
    if code != BADKEY or key is None:
        return _REASONS.get(code, f"TSIG error {code}")
    used = to_text(WireName(record.algorithm)).removesuffix(".")
    used = next((name for name, wire in _WIRE_NAMES.items() if wire == f"{used}."), used)
    return f"BADKEY: the key is for {key.algorithm} here, but the message was signed with {used}"


def check(message: bytes, record: Record, keys: Keys, now: int, request_mac: bytes = b"") -> int:
    """Verify a signed message: 0, or the TSIG error (RFC 8945 §5.2); `Malformed`.

    `now` is Unix seconds. `request_mac` is the MAC of the request that this is the response to.
    """
    key = keys.get(record.name)
    if key is None or record.algorithm != key.wire[1]:
        return BADKEY
    variables = _variables(key, record.time_signed, record.fudge, record.error, record.other)
    return _verdict(message, record, key, now, request_mac, variables)


def _verdict(message: bytes, record: Record, key: TsigKey, now: int, mac_before: bytes, variables: bytes) -> int:
    if not max(_SHORTEST, key.mac_size // 2) <= len(record.mac) <= key.mac_size:
        raise Malformed("a MAC is too short or too long")
    before = len(mac_before).to_bytes(2, "big") + mac_before if mac_before else b""
    if not key.matches(record.mac, before, unsigned(message, record), variables):
        return BADSIG
    if abs(now - record.time_signed) > record.fudge:  # after the MAC: before that the time could be anybody's
        return BADTIME
    return BADTRUNC if len(record.mac) < key.mac_size else 0


def _variables(key: TsigKey, time: int, fudge: int, code: int, other: bytes) -> bytes:
    """The TSIG variables, which are signed with the message (RFC 8945 §4.3.3)."""
    name, algorithm = key.wire
    timers = _TIMERS.pack(time >> 32, time & 0xFFFFFFFF, fudge)
    return b"".join(
        (name, b"\0\xff\0\0\0\0", algorithm, timers, code.to_bytes(2, "big"), len(other).to_bytes(2, "big"), other)
    )


def refusal(response: bytes, record: Record, code: int, keys: Keys, now: int) -> bytes:
    """The response to a message whose TSIG doesn't verify, with a TSIG that says why (RFC 8945 §5.3.2).

    `response` has the rcode NOTAUTH; `code` is the TSIG error; `now` Unix seconds.
    """
    if code in (BADKEY, BADSIG):  # unsigned: there is no secret in common
        return with_record(response, (record.name, record.algorithm), now, b"", code)
    signature = Signature(keys[record.name], record.mac)
    if code == BADTIME:  # at the client's time, which it accepts, with ours as other data (§5.2.3)
        return signature.sign(response, record.time_signed, code, now.to_bytes(6, "big"))
    return signature.sign(response, now, code)


class Verification:
    """Verifies the messages of one response; each signature covers the one before (RFC 8945 §5.3.1).

    The first message must be signed with all TSIG variables, the later ones with the times alone.
    """

    def __init__(self, key: TsigKey, request_mac: bytes) -> None:
        self._key = key
        self._mac = request_mac
        self._first = True

    def check(self, message: bytes, record: Record, now: int) -> int:
        """Verify the next message: 0, or the TSIG error; `Malformed`. `now` is Unix seconds."""
        key = self._key
        if self._first:
            code = check(message, record, {key.name: key}, now, self._mac)
        elif (record.name, record.algorithm) != key.wire:
            code = BADKEY
        else:
            timers = _TIMERS.pack(record.time_signed >> 32, record.time_signed & 0xFFFFFFFF, record.fudge)
            code = _verdict(message, record, key, now, self._mac, timers)
        self._first = False
        self._mac = record.mac
        return code


class Signature:
    """Signs the messages of one exchange; each signature covers the one before (RFC 8945 §5.3.1)."""

    def __init__(self, key: TsigKey, request_mac: bytes = b"") -> None:
        """`request_mac` is the MAC of the request being answered; empty for a request."""
        self.key = key
        self.mac = request_mac
        self._first = True

    def sign(self, message: bytes, now: int, code: int = 0, other: bytes = b"") -> bytes:
        """The message followed by its TSIG. `code` and `other` are the error and its data."""
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
    """The message followed by a TSIG record; the MAC is empty in a response to an unknown key.

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
