"""RDATA of the common types from wire to text. What doesn't fit its type raises one of `UNFIT`."""

import re
import struct
from base64 import b32hexencode, b64encode
from collections.abc import Callable, Mapping
from functools import lru_cache
from time import gmtime, strftime
from typing import Final

from zonegit.errors import ZonegitError
from zonegit.model import rdata as types
from zonegit.model.names import WireName
from zonegit.model.rdata import name_end
from zonegit.zonefile.name_text import name_text
from zonegit.zonefile.types import type_text

UNFIT: Final = (ValueError, LookupError, OSError, struct.error, ZonegitError)
RdataWriter = Callable[[bytes, WireName | None], str]
_PRINTABLE: Final = re.compile(rb"[ !#-\[\]-~]*").fullmatch
_MX: Final = struct.Struct(">H")
_SRV: Final = struct.Struct(">HHH")
_KEY: Final = struct.Struct(">HBB")
_SIG: Final = struct.Struct(">HBBIIIH")
_TIMERS: Final = struct.Struct(">IIIII")
_NSEC3: Final = struct.Struct(">BBHB")
_SHA1_SIZE: Final = 20
MAX_WORD: Final = 4096
"""Characters of a word that is written; BIND refuses more than 8,192."""


def _a(rdata: bytes, origin: WireName | None) -> str:
    a, b, c, d = rdata
    return f"{a}.{b}.{c}.{d}"


def _aaaa(rdata: bytes, origin: WireName | None) -> str:
    from socket import AF_INET6, inet_ntop  # takes a millisecond, at every start of a command

    return inet_ntop(AF_INET6, rdata)


def _mx(rdata: bytes, origin: WireName | None) -> str:
    return f"{_MX.unpack_from(rdata)[0]} {name_text(rdata[2:], origin)}"


def _srv(rdata: bytes, origin: WireName | None) -> str:
    priority, weight, port = _SRV.unpack_from(rdata)
    return f"{priority} {weight} {port} {name_text(rdata[6:], origin)}"


def _soa(rdata: bytes, origin: WireName | None) -> str:
    mname = name_end(rdata, 0)
    rname = name_end(rdata, mname)
    timers = _TIMERS.unpack(rdata[rname:])
    names = f"{name_text(rdata[:mname], origin)} {name_text(rdata[mname:rname], origin)}"
    return f"{names} {' '.join(map(str, timers))}"


def _txt(rdata: bytes, origin: WireName | None) -> str:
    parts = []
    at = 0
    while at < len(rdata):
        end = at + 1 + rdata[at]
        parts.append(quoted(rdata[at + 1 : end]))
        at = end
    if at != len(rdata) or not parts:
        raise ValueError("not character-strings")
    return " ".join(parts)


def quoted(string: bytes) -> str:
    """A character-string in quotes, escaped (RFC 1035 §5.1)."""
    if _PRINTABLE(string):
        return f'"{string.decode()}"'
    return '"' + "".join(map(_character, string)) + '"'


def _character(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\{byte:03d}"


def _ds(rdata: bytes, origin: WireName | None) -> str:
    tag, algorithm, digest_type = _KEY.unpack_from(rdata)
    if len(rdata) == 4:
        raise ValueError("a DS record without a digest")
    return f"{tag} {algorithm} {digest_type} {chunked(rdata[4:].hex())}"


def _dnskey(rdata: bytes, origin: WireName | None) -> str:
    flags, protocol, algorithm = _KEY.unpack_from(rdata)
    if len(rdata) == 4:
        raise ValueError("a DNSKEY record without a key")
    return f"{flags} {protocol} {algorithm} {base64_text(rdata[4:])}"


def base64_text(data: bytes) -> str:
    """Base64, in words that every reader has room for."""
    return chunked(b64encode(data).decode())


def chunked(text: str) -> str:
    """Hex or base64 in words of at most `MAX_WORD` characters."""
    if len(text) <= MAX_WORD:
        return text
    return " ".join(text[at : at + MAX_WORD] for at in range(0, len(text), MAX_WORD))


def _rrsig(rdata: bytes, origin: WireName | None) -> str:
    covered, algorithm, labels, ttl, until, since, tag = _SIG.unpack_from(rdata)
    end = name_end(rdata, 18)
    if end == len(rdata):
        raise ValueError("an RRSIG record without a signature")
    signer = name_text(rdata[18:end], origin)
    fixed = f"{type_text(covered)} {algorithm} {labels} {ttl} {_time(until)} {_time(since)} {tag}"
    return f"{fixed} {signer} {base64_text(rdata[end:])}"


@lru_cache(maxsize=4096)
def _time(seconds: int) -> str:
    return strftime("%Y%m%d%H%M%S", gmtime(seconds))


def _nsec(rdata: bytes, origin: WireName | None) -> str:
    end = name_end(rdata, 0)
    if end == len(rdata):
        raise ValueError("an NSEC record without types")
    return f"{name_text(rdata[:end], origin)} {bitmap_text(rdata[end:])}"


def _nsec3(rdata: bytes, origin: WireName | None) -> str:
    algorithm, flags, iterations, size = _NSEC3.unpack_from(rdata)
    at = 5 + size
    if rdata[at] != _SHA1_SIZE or len(rdata) < at + 1 + _SHA1_SIZE:
        raise ValueError("not a SHA-1 hash")
    following = b32hexencode(rdata[at + 1 : at + 1 + _SHA1_SIZE]).decode().lower()
    text = f"{algorithm} {flags} {iterations} {rdata[5:at].hex() or '-'} {following}"
    bitmap = rdata[at + 1 + _SHA1_SIZE :]
    return f"{text} {bitmap_text(bitmap)}" if bitmap else text


@lru_cache(maxsize=4096)
def bitmap_text(bitmap: bytes) -> str:
    """The types of a type bitmap (RFC 4034 §4.1.2). ValueError for one that isn't in canonical form."""
    found = []
    at = 0
    last = -1
    while at < len(bitmap):
        window, size = bitmap[at], bitmap[at + 1]
        bits = bitmap[at + 2 : at + 2 + size]
        if window <= last or len(bits) != size or not 0 < size <= 32 or not bits[-1]:
            raise ValueError("not a type bitmap")
        if not window and bits[0] & 0x80:
            raise ValueError("a type bitmap with type 0")
        found += [
            type_text(window * 256 + 8 * byte + bit)
            for byte, value in enumerate(bits)
            for bit in range(8)
            if value & (0x80 >> bit)
        ]
        last = window
        at += 2 + size
    return " ".join(found)


COMMON: Final[Mapping[int, RdataWriter]] = {
    types.A: _a,
    types.AAAA: _aaaa,
    types.NS: name_text,
    types.CNAME: name_text,
    types.PTR: name_text,
    types.DNAME: name_text,
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
"""The writer of each common type."""
