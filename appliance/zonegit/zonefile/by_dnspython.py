"""RDATA of any type through dnspython, both ways; its reading decides what is refused, and why."""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast

from zonegit.errors import InvalidRecord
from zonegit.model.names import WireName
from zonegit.model.rdata import AAAA, RRSIG, A, canonical
from zonegit.model.rrset import MAX_TTL
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    import dns.name

_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_FOREIGN: Final = re.compile(r"(\\[\x00-\x7f])|\\?([^\x00-\x7f])")
_SHOWN: Final = 60


def parse(rtype: int, text: str, origin: WireName | None) -> bytes:
    """Uncompressed canonical RDATA from its presentation form on one line; relative names get `origin`."""
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    if not text.isascii():
        text = _ascii(text)
    try:
        rdata = dns.rdata.from_text(
            dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), text, _dns_name(origin), relativize=False
        )
        wire = cast(bytes, rdata.to_wire())  # None only when it is given a file to write to
    except Exception as error:  # a parser per type, each with failures of its own; all mean a bad record
        raise InvalidRecord(_reason(rtype, text, error)) from None
    if rtype == RRSIG and int.from_bytes(wire[4:8], "big") > MAX_TTL:
        raise InvalidRecord(f"RRSIG record: its Original TTL is above {MAX_TTL} seconds (RFC 2181 §8)")
    return canonical(rtype, wire)


def text(rtype: int, rdata: bytes, origin: WireName | None) -> str:
    """Presentation form by dnspython if `parse` reads it back as the same bytes, else RFC 3597's."""
    import dns.rdata
    import dns.rdataclass
    import dns.rdatatype

    name = _dns_name(origin)
    try:
        number = dns.rdatatype.RdataType.make(rtype)
        found = dns.rdata.from_wire(dns.rdataclass.IN, number, rdata, 0, len(rdata))
        written = found.to_text(origin=name, relativize=name is not None, chunksize=0)
        if parse(rtype, written, origin) == rdata:
            return written
    except Exception:  # a writer per type, each with failures of its own; none may lose the record
        return _generic(rdata)
    return _generic(rdata)


def _generic(rdata: bytes) -> str:
    return f"\\# {len(rdata)} {rdata.hex()}".rstrip()


@lru_cache(maxsize=256)
def _dns_name(origin: WireName | None) -> "dns.name.Name | None":
    import dns.name

    return None if origin is None else dns.name.from_wire(origin, 0)[0]


def _ascii(text: str) -> str:
    """Bytes beyond ASCII are taken inside of quoted strings, as `\\DDD`; a name or number never holds them."""
    text = _QUOTED.sub(lambda quoted: _FOREIGN.sub(_decimal, quoted[0]), text)
    if not text.isascii():
        raise InvalidRecord(f"{_shown(text)!r} holds characters beyond ASCII; write their bytes as \\DDD")
    return text


def _decimal(found: re.Match[str]) -> str:
    return found[1] or "".join(f"\\{byte:03d}" for byte in found[2].encode("utf-8", "surrogateescape"))


def _reason(rtype: int, text: str, error: Exception) -> str:
    if not text:
        return f"{type_text(rtype)} record without data"
    if rtype == A and not text.startswith("\\#"):
        return f"A record: {_shown(text)!r} is no IPv4 address"
    if rtype == AAAA and not text.startswith("\\#"):
        return f"AAAA record: {_shown(text)!r} is no IPv6 address"
    why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return f"{type_text(rtype)} record {_shown(text)!r} can't be read: {why}"


def _shown(text: str) -> str:
    printable = text.encode("utf-8", "backslashreplace").decode()
    return printable if len(printable) <= _SHOWN else printable[:_SHOWN] + "..."
