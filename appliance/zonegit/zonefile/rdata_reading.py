"""RDATA of the common types straight from text to wire, fast enough for files of millions of lines.

A parser here takes RDATA text of printable ASCII and tabs, and gives the canonical wire form, exactly as `rdata`
would read it. On anything that isn't plain (escapes, comments, parentheses, quotes but round whole strings), or not
of its type, it raises one of `UNSURE`, and the caller uses `rdata`, which alone decides what is refused.
"""

import re
import struct
from _socket import AF_INET, AF_INET6, inet_pton  # `socket` takes milliseconds, at every start of a command
from base64 import b64decode
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from zonegit.errors import ZonegitError
from zonegit.model import rdata as types
from zonegit.model.names import MAX_LABEL, MAX_NAME, WireName, join, labels, lower
from zonegit.model.rrset import MAX_TTL
from zonegit.zonefile.types import parse_type

UNSURE: Final = (ValueError, LookupError, OSError, struct.error, ZonegitError)
PLAIN_RDATA: Final = r"""[\t !#-'*-:<-\[\]-~]*+|(?:"[ !#-\[\]-~]*+"[ \t]*+)+"""
_STRINGS: Final = re.compile(PLAIN_RDATA).fullmatch
_PLAIN: Final = re.compile("[A-Za-z0-9_*/.-]*+").fullmatch
_MEMO: Final = 1 << 16
_DIGEST_SIZES: Final = {1: 20, 2: 32, 4: 48}
_MX: Final = struct.Struct(">H")
_SRV: Final = struct.Struct(">HHH")
_KEY: Final = struct.Struct(">HBB")
_SIG: Final = struct.Struct(">HBBIIIH")
_TIMERS: Final = struct.Struct(">IIIII")
_NSEC3: Final = struct.Struct(">BBHB")
_SHA1_TEXT: Final = 32
_PRIVATE: Final = (253, 254)


def _labels(text: str) -> bytes:
    """Wire labels of a dotted text of plain characters without its final dot; ValueError if it isn't one."""
    parts = text.encode().split(b".")
    if len(text) > MAX_NAME or b"" in parts or max(map(len, parts)) > MAX_LABEL:
        raise ValueError(text)
    return join(parts)


class _Wire(dict[str, bytes]):
    """A cache of names by their text, emptied when it is full."""

    def __init__(self, origin: WireName | None) -> None:
        super().__init__()
        self._origin = origin

    def __missing__(self, text: str) -> bytes:
        wire = self._read(text)
        if len(self) >= _MEMO:
            self.clear()
        self[text] = wire
        return wire

    def _read(self, text: str) -> bytes:
        if text == ".":
            return b"\0"
        origin = self._origin
        if text == "@" and origin is not None:
            return origin
        if not _PLAIN(text):
            raise ValueError(text)
        if text.endswith("."):
            wire = _labels(text[:-1]) + b"\0"
        elif origin is None:
            raise ValueError("a relative name without an origin")
        else:
            wire = _labels(text) + origin
        if len(wire) > MAX_NAME:
            raise ValueError(text)
        return wire


class _Lowered(_Wire):
    def _read(self, text: str) -> bytes:
        return lower(super()._read(text))


class Names:
    """Names in RDATA under one origin, in the case they are written in and in lower case."""

    def __init__(self, origin: WireName | None) -> None:
        self.origin = origin
        self.as_written: Mapping[str, bytes] = _Wire(origin)
        self.lowered: Mapping[str, bytes] = _Lowered(origin)


RdataParser = Callable[[str, Names], bytes]


def _uint(text: str) -> int:
    if not text.isdigit():  # int() alone takes signs and underscores
        raise ValueError(text)
    return int(text)


def _a(text: str, names: Names) -> bytes:
    return inet_pton(AF_INET, text)


def _aaaa(text: str, names: Names) -> bytes:
    return inet_pton(AF_INET6, text)


def _name(text: str, names: Names) -> bytes:
    return names.lowered[text]


def _mx(text: str, names: Names) -> bytes:
    preference, target = text.split()
    return _MX.pack(_uint(preference)) + names.lowered[target]


def _srv(text: str, names: Names) -> bytes:
    priority, weight, port, target = text.split()
    return _SRV.pack(_uint(priority), _uint(weight), _uint(port)) + names.lowered[target]


def _txt(text: str, names: Names) -> bytes:
    if not _STRINGS(text):
        raise ValueError(text)
    strings = text[1:-1].split('"')[::2] if text[:1] == '"' else text.split()
    if not strings or max(map(len, strings)) > 255 or len(text) >= types.MAX_RDATA:
        raise ValueError(text)
    return b"".join([bytes((len(string),)) + string.encode() for string in strings])


def _soa(text: str, names: Names) -> bytes:
    mname, rname, *timers = text.split()
    lowered = names.lowered
    return lowered[mname] + lowered[rname] + _TIMERS.pack(*map(_uint, timers))


def _ds(text: str, names: Names) -> bytes:
    tag, algorithm, digest_type, *rest = text.split()
    digest = bytes.fromhex("".join(rest))
    kind = _uint(digest_type)
    if len(digest) != _DIGEST_SIZES.get(kind):
        raise ValueError(text)
    return _KEY.pack(_uint(tag), _uint(algorithm), kind) + digest


def _dnskey(text: str, names: Names) -> bytes:
    flags, protocol, algorithm, *key = text.split()
    return _KEY.pack(_uint(flags), _uint(protocol), _public(algorithm)) + _base64(key)


def _public(algorithm: str) -> int:
    """An algorithm whose keys and signatures are any bytes (RFC 4034 §A.1.1)."""
    number = _uint(algorithm)
    if number in _PRIVATE:
        raise ValueError(algorithm)
    return number


def _base64(parts: list[str]) -> bytes:
    if not parts or sum(map(len, parts)) > types.MAX_RDATA:
        raise ValueError("no base64, or more than fits a record")
    text = "".join(parts)
    if len(text) % 4:
        raise ValueError("padding that is wrong")
    return b64decode(text, validate=True)


class _Times(dict[str, int]):
    """Seconds since 1970 by `YYYYMMDDHHmmSS` or by their digits (RFC 4034 §3.2)."""

    def __missing__(self, text: str) -> int:
        if len(text) == 14:
            from datetime import UTC, datetime

            _uint(text)
            month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
            moment = datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
            seconds = int(moment.timestamp())
        else:
            seconds = _uint(text)
        if len(self) >= _MEMO:
            self.clear()
        self[text] = seconds
        return seconds


class _Types(dict[str, int]):
    """Types by their text."""

    def __missing__(self, text: str) -> int:
        rtype = parse_type(text)
        if len(self) >= _MEMO:
            self.clear()
        self[text] = rtype
        return rtype


class _Bitmaps(dict[str, bytes]):
    """NSEC type bitmaps (RFC 4034 §4.1.2) by their text; a zone has few different ones."""

    def __missing__(self, text: str) -> bytes:
        bitmap = type_bitmap([_types[word] for word in text.split()])
        if len(self) >= _MEMO:
            self.clear()
        self[text] = bitmap
        return bitmap


TIMES: Final = _Times()
_types: Final = _Types()
_bitmaps: Final = _Bitmaps()


def type_bitmap(rtypes: list[int]) -> bytes:
    """The windows of a type bitmap (RFC 4034 §4.1.2); ValueError for type 0, which none may hold."""
    windows: dict[int, bytearray] = {}
    for rtype in rtypes:
        if not rtype:
            raise ValueError("a type bitmap with type 0")
        windows.setdefault(rtype >> 8, bytearray(32))[(rtype & 255) >> 3] |= 0x80 >> (rtype & 7)
    wire = bytearray()
    for window in sorted(windows):
        bits = bytes(windows[window]).rstrip(b"\0")
        wire += bytes((window, len(bits))) + bits
    return bytes(wire)


def _rrsig(text: str, names: Names) -> bytes:
    covered, algorithm, count, ttl, until, since, tag, signer, *signature = text.split()
    seconds = _uint(ttl)
    depth = _uint(count)
    name = names.lowered[signer]
    if seconds > MAX_TTL or label_count(name) > depth:
        raise ValueError(text)
    fixed = _SIG.pack(_types[covered], _public(algorithm), depth, seconds, TIMES[until], TIMES[since], _uint(tag))
    return fixed + name + _base64(signature)


@lru_cache(maxsize=256)
def label_count(name: bytes) -> int:
    """How many labels a name has; the root has none."""
    return len(labels(name))


def _nsec(text: str, names: Names) -> bytes:
    following, bits = text.split(None, 1)
    return names.as_written[following] + _bitmaps[bits]


def _nsec3(text: str, names: Names) -> bytes:
    algorithm, flags, iterations, salt, following, *bits = text.split(None, 5)
    if len(following) != _SHA1_TEXT or not following.isalnum():
        raise ValueError(text)
    salt_bytes = b"" if salt == "-" else bytes.fromhex(salt)
    fixed = _NSEC3.pack(_uint(algorithm), _uint(flags), _uint(iterations), len(salt_bytes))
    owner_hash = int(following, 32).to_bytes(20, "big")  # base32hex has the digits of base 32
    return fixed + salt_bytes + b"\x14" + owner_hash + (_bitmaps[bits[0]] if bits else b"")


COMMON: Final[Mapping[int, RdataParser]] = {
    types.A: _a,
    types.AAAA: _aaaa,
    types.NS: _name,
    types.CNAME: _name,
    types.PTR: _name,
    types.DNAME: _name,
    types.MX: _mx,
    types.TXT: _txt,
    types.SRV: _srv,
    types.SOA: _soa,
    types.DS: _ds,
    types.DNSKEY: _dnskey,
    types.RRSIG: _rrsig,
    types.NSEC: _nsec,
    types.NSEC3: _nsec3,
}
"""The parser of each common type."""
