"""Where names stand inside RDATA, and the canonical form of RDATA (RFC 4034 §6.2 as amended by RFC 6840 §5.1).

One table gives each type's fields; a type that isn't in it is opaque bytes (RFC 3597). RDATA here is always
uncompressed: names are complete, and lowercase where the table says so.
"""

from collections.abc import Callable, Iterator
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.model.names import MAX_LABEL, MAX_NAME, lower

A: Final = 1
NS: Final = 2
MD: Final = 3
MF: Final = 4
CNAME: Final = 5
SOA: Final = 6
MB: Final = 7
MG: Final = 8
MR: Final = 9
PTR: Final = 12
MINFO: Final = 14
MX: Final = 15
TXT: Final = 16
AAAA: Final = 28
SRV: Final = 33
NAPTR: Final = 35
DNAME: Final = 39
OPT: Final = 41
DS: Final = 43
RRSIG: Final = 46
NSEC: Final = 47
DNSKEY: Final = 48
NSEC3: Final = 50
NSEC3PARAM: Final = 51
CDS: Final = 59
CDNSKEY: Final = 60
ZONEMD: Final = 63
SVCB: Final = 64
HTTPS: Final = 65
IXFR: Final = 251
AXFR: Final = 252
ANY: Final = 255

CLASS_IN: Final = 1
MAX_RDATA: Final = 65535
SOA_FIXED: Final = 20
"""Bytes of SOA RDATA behind its two names: serial, refresh, retry, expire, minimum; u32 each."""

_NAME: Final = -1  # lowercased
_NAME_AS_IS: Final = -2  # a name that keeps its case
_STRING: Final = -3  # one <character-string>
_STRINGS: Final = -4  # one or more to the end
_REST: Final = -5  # any bytes to the end

_SIGNER: Final = 18
"""Bytes of RRSIG RDATA before the signer's name."""

_FIELDS: Final[dict[int, tuple[int, ...]]] = {
    A: (4,),
    NS: (_NAME,),
    MD: (_NAME,),
    MF: (_NAME,),
    CNAME: (_NAME,),
    SOA: (_NAME, _NAME, SOA_FIXED),
    MB: (_NAME,),
    MG: (_NAME,),
    MR: (_NAME,),
    PTR: (_NAME,),
    13: (_STRING, _STRING),  # HINFO
    MINFO: (_NAME, _NAME),
    MX: (2, _NAME),
    TXT: (_STRINGS,),
    17: (_NAME, _NAME),  # RP
    18: (2, _NAME),  # AFSDB
    21: (2, _NAME),  # RT
    24: (18, _NAME, _REST),  # SIG
    26: (2, _NAME, _NAME),  # PX
    AAAA: (16,),
    SRV: (6, _NAME),
    NAPTR: (4, _STRING, _STRING, _STRING, _NAME),
    36: (2, _NAME),  # KX
    DNAME: (_NAME,),
    DS: (4, _REST),
    RRSIG: (_SIGNER, _NAME, _REST),
    NSEC: (_NAME_AS_IS, _REST),
    DNSKEY: (4, _REST),
    SVCB: (2, _NAME_AS_IS, _REST),
    HTTPS: (2, _NAME_AS_IS, _REST),
    99: (_STRINGS,),  # SPF
    107: (2, _NAME_AS_IS),  # LP
}
_ONE_NAME: Final = {
    rtype: fields[0] if len(fields) == 2 else 0
    for rtype, fields in _FIELDS.items()
    if fields[-1] == _NAME and (len(fields) == 1 or (len(fields) == 2 and fields[0] > 0))
}
"""Types whose RDATA ends with the only name in it -> where that begins."""

_MAY_BE_COMPRESSED: Final = frozenset(
    {NS, MD, MF, CNAME, SOA, MB, MG, MR, PTR, MINFO, MX, 17, 18, 21, 24, 26, SRV, NAPTR}
)
"""The types of RFC 1035, and those whose names older senders compress: RP, AFSDB, RT, SIG, PX, SRV, NAPTR."""

BESIDE_CNAME: Final = frozenset({24, 25, 30, RRSIG, NSEC, NSEC3})  # SIG, KEY, NXT
"""Types that may stand beside a CNAME (RFC 2181 §10.1, RFC 4034 §3)."""

META_TYPES: Final = frozenset({0, OPT, *range(128, 256)})
"""Types that never stand in a zone (RFC 6895 §3.1): OPT, TKEY, TSIG, IXFR, AXFR, ANY and their range."""


def name_end(rdata: bytes, at: int) -> int:
    """Where the uncompressed name that begins at `at` ends."""
    start = at
    size = len(rdata)
    while at < size:
        label = rdata[at]
        if label > MAX_LABEL:
            break
        at += 1 + label
        if not label:
            if at - start > MAX_NAME:
                break
            return at
    raise InvalidRecord("RDATA holds a name that is cut short, compressed or too long")


def name_spans(rtype: int, rdata: bytes) -> Iterator[tuple[int, int]]:
    """`(start, end)` of each name in RDATA of this type; the whole RDATA is checked against the type's fields."""
    for start, end, field in _spans(rtype, rdata):
        if field in (_NAME, _NAME_AS_IS):
            yield start, end


def name_layout(rtype: int) -> tuple[int, int, int]:
    """The layout of a type whose RDATA is names between fields of fixed size: the bytes before the names, the
    number of names, the bytes after them."""
    fields = _FIELDS[rtype]
    return max(fields[0], 0), fields.count(_NAME), max(fields[-1], 0)


def is_checked(rtype: int) -> bool:
    """Whether `canonical` checks all of a type's RDATA: no bytes in it are anything that it may be.

    NAPTR has strings that may not be just any (RFC 3402 §3.2).
    """
    return rtype != NAPTR and _REST not in _FIELDS.get(rtype, (_REST,))


def canonical(rtype: int, rdata: bytes) -> bytes:
    """Uncompressed RDATA in canonical form. `InvalidRecord` when it doesn't fit its type."""
    if len(rdata) > MAX_RDATA:
        raise InvalidRecord(f"RDATA of {len(rdata)} bytes; at most {MAX_RDATA} fit a record")
    for start, end, field in _spans(rtype, rdata):
        if field == _NAME:
            name = rdata[start:end]
            lowered = lower(name)
            if lowered != name:
                rdata = rdata[:start] + lowered + rdata[end:]
    return rdata


def expanded(
    rtype: int, message: bytes, start: int, end: int, read_name: Callable[[bytes, int], tuple[bytes, int]]
) -> bytes:
    """The RDATA between two offsets of a message, its names without compression (RFC 3597 §4).

    `read_name` gives a name of the message and where it ends there. `InvalidRecord` if the fields of a type whose
    names may be compressed don't end where the RDATA ends. `canonical` checks the rest.
    """
    if rtype not in _MAY_BE_COMPRESSED:
        return message[start:end]
    parts: list[bytes] = []
    at = start
    for field in _FIELDS[rtype]:
        before = at
        if field in (_NAME, _NAME_AS_IS):
            name, at = read_name(message, at)
            parts.append(name)
            continue
        at = max(before, end) if field == _REST else before + (field if field > 0 else 1 + message[at])
        parts.append(message[before:at])
    if at != end:
        raise InvalidRecord(f"RDATA of type {rtype} has {end - start} bytes; its fields make {at - start}")
    return b"".join(parts)


def is_canonical(rtype: int, rdata: bytes) -> bool:
    """Whether RDATA is in canonical form. `InvalidRecord`, or False, when it does not fit its type."""
    at = _ONE_NAME.get(rtype)
    if at is not None:
        return lower(rdata[at:]) == rdata[at:] and name_end(rdata, at) == len(rdata)
    if rtype == RRSIG:  # of signed zones, most records
        end = name_end(rdata, _SIGNER)
        return lower(rdata[_SIGNER:end]) == rdata[_SIGNER:end]
    if rtype == TXT and rdata and rdata[0] + 1 == len(rdata):
        return True
    return canonical(rtype, rdata) == rdata


def _spans(rtype: int, rdata: bytes) -> Iterator[tuple[int, int, int]]:
    at = 0
    size = len(rdata)
    for field in _FIELDS.get(rtype, (_REST,)):
        start = at
        if field > 0:
            at += field
        elif field in (_NAME, _NAME_AS_IS):
            at = name_end(rdata, at)
        elif field == _REST:
            at = max(at, size)
        else:
            at = _strings_end(rdata, at, once=field == _STRING)
        yield start, at, field
    if at != size:
        raise InvalidRecord(f"RDATA of type {rtype} has {size} bytes; its fields make {at}")


def _strings_end(rdata: bytes, at: int, *, once: bool) -> int:
    size = len(rdata)
    while at < size:
        at += 1 + rdata[at]
        if once:
            break
    else:
        if at == 0 or once:
            raise InvalidRecord("RDATA lacks a character-string")
    if at > size:
        raise InvalidRecord("RDATA holds a character-string that is cut short")
    return at


def soa_serial(rdata: bytes) -> int:
    """The serial in SOA RDATA."""
    at = len(rdata) - SOA_FIXED
    return int.from_bytes(rdata[at : at + 4], "big")


def with_serial(rdata: bytes, serial: int) -> bytes:
    """SOA RDATA with this serial (0 .. 2**32 - 1)."""
    at = len(rdata) - SOA_FIXED
    return rdata[:at] + serial.to_bytes(4, "big") + rdata[at + 4 :]
