"""Type mnemonics and TTLs as people write them (RFC 1035 §5.1, RFC 3597 §5, BIND's TTL units)."""

import re
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.model.rdata import META_TYPES
from zonegit.model.rrset import MAX_TTL

_MNEMONICS: Final[dict[int, str]] = {
    1: "A",
    2: "NS",
    3: "MD",
    4: "MF",
    5: "CNAME",
    6: "SOA",
    7: "MB",
    8: "MG",
    9: "MR",
    10: "NULL",
    11: "WKS",
    12: "PTR",
    13: "HINFO",
    14: "MINFO",
    15: "MX",
    16: "TXT",
    17: "RP",
    18: "AFSDB",
    19: "X25",
    20: "ISDN",
    21: "RT",
    22: "NSAP",
    23: "NSAP-PTR",
    24: "SIG",
    25: "KEY",
    26: "PX",
    27: "GPOS",
    28: "AAAA",
    29: "LOC",
    30: "NXT",
    31: "EID",
    32: "NIMLOC",
    33: "SRV",
    34: "ATMA",
    35: "NAPTR",
    36: "KX",
    37: "CERT",
    38: "A6",
    39: "DNAME",
    40: "SINK",
    41: "OPT",
    42: "APL",
    43: "DS",
    44: "SSHFP",
    45: "IPSECKEY",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    49: "DHCID",
    50: "NSEC3",
    51: "NSEC3PARAM",
    52: "TLSA",
    53: "SMIMEA",
    55: "HIP",
    56: "NINFO",
    57: "RKEY",
    58: "TALINK",
    59: "CDS",
    60: "CDNSKEY",
    61: "OPENPGPKEY",
    62: "CSYNC",
    63: "ZONEMD",
    64: "SVCB",
    65: "HTTPS",
    66: "DSYNC",
    67: "HHIT",
    68: "BRID",
    99: "SPF",
    100: "UINFO",
    101: "UID",
    102: "GID",
    103: "UNSPEC",
    104: "NID",
    105: "L32",
    106: "L64",
    107: "LP",
    108: "EUI48",
    109: "EUI64",
    128: "NXNAME",
    249: "TKEY",
    250: "TSIG",
    251: "IXFR",
    252: "AXFR",
    253: "MAILB",
    254: "MAILA",
    255: "ANY",
    256: "URI",
    257: "CAA",
    258: "AVC",
    259: "DOA",
    260: "AMTRELAY",
    261: "RESINFO",
    262: "WALLET",
    263: "CLA",
    264: "IPN",
    32768: "TA",
    32769: "DLV",
}
"""IANA's registry of types."""
_NUMBERS: Final = {text: rtype for rtype, text in _MNEMONICS.items()}
_GENERIC: Final = re.compile(r"TYPE([0-9]{1,5})", re.ASCII)
_UNITS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_UNIT_TTL: Final = re.compile(r"(?:[0-9]+[wdhms])+", re.ASCII | re.IGNORECASE)
_UNIT: Final = re.compile(r"([0-9]+)([wdhms])", re.ASCII | re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_MAX_TTL_TEXT: Final = 64
_MAX_SECONDS: Final = (1 << 32) - 1


def parse_type(text: str) -> int:
    """The number of a type from its mnemonic or its RFC 3597 form (`TYPE65280`); case doesn't matter."""
    upper = text.upper()
    rtype = _NUMBERS.get(upper)
    if rtype is not None:
        return rtype
    generic = _GENERIC.fullmatch(upper)
    if generic:
        rtype = int(generic[1])
        if rtype > 65535:
            raise InvalidRecord(f"{text} is not a type: the last one is TYPE65535")
        return rtype
    raise InvalidRecord(f"unknown type {text[:40]!r}; write it as TYPE<number> (RFC 3597)")


def type_text(rtype: int) -> str:
    """The mnemonic of a type, or its RFC 3597 form."""
    return _MNEMONICS.get(rtype) or f"TYPE{rtype}"


def is_meta(rtype: int) -> bool:
    """Whether no record of a zone has this type (RFC 6895 §3.1)."""
    return rtype in META_TYPES


def cannot_stand(rtype: int) -> str:
    """The error for such a type."""
    return f"type {type_text(rtype)} can't stand in a zone (RFC 6895 §3.1)"


def mnemonics() -> list[str]:
    """Of all types that have one."""
    return list(_NUMBERS)


def parse_ttl(text: str) -> int:
    """Seconds from `300` or `1h30m`: 0 to 2**31 - 1 (RFC 2181 §8)."""
    seconds = parse_seconds(text)
    if seconds > MAX_TTL:
        raise InvalidRecord(f"TTL {text[:40]} is not between 0 and {MAX_TTL} seconds (RFC 2181 §8)")
    return seconds


def parse_seconds(text: str) -> int:
    """Seconds from `300` or `1h30m`: 0 to 2**32 - 1, what a TTL's 32 bits hold."""
    seconds = -1
    if len(text) <= _MAX_TTL_TEXT:
        if _DIGITS.fullmatch(text):
            seconds = int(text)
        elif _UNIT_TTL.fullmatch(text):
            seconds = sum(int(count) * _UNITS[unit.lower()] for count, unit in _UNIT.findall(text))
    if seconds < 0:
        raise InvalidRecord(f"{text[:40]!r} is not a TTL: write seconds, or units as in 1h30m")
    if seconds > _MAX_SECONDS:
        raise InvalidRecord(f"TTL {text[:40]} is not between 0 and {MAX_TTL} seconds (RFC 2181 §8)")
    return seconds
