"""Type mnemonics and TTLs as people write them (RFC 1035 §5.1, RFC 3597 §5, BIND's TTL units).

The usual mnemonics stand in a table here; dnspython's registry is only loaded for one that isn't in it.
"""

import re
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.model.rrset import MAX_TTL

_MNEMONICS: Final[dict[int, str]] = {
    1: "A",
    2: "NS",
    5: "CNAME",
    6: "SOA",
    12: "PTR",
    13: "HINFO",
    15: "MX",
    16: "TXT",
    17: "RP",
    18: "AFSDB",
    24: "SIG",
    25: "KEY",
    28: "AAAA",
    29: "LOC",
    33: "SRV",
    35: "NAPTR",
    37: "CERT",
    39: "DNAME",
    41: "OPT",
    43: "DS",
    44: "SSHFP",
    46: "RRSIG",
    47: "NSEC",
    48: "DNSKEY",
    50: "NSEC3",
    51: "NSEC3PARAM",
    52: "TLSA",
    53: "SMIMEA",
    59: "CDS",
    60: "CDNSKEY",
    61: "OPENPGPKEY",
    62: "CSYNC",
    63: "ZONEMD",
    64: "SVCB",
    65: "HTTPS",
    99: "SPF",
    251: "IXFR",
    252: "AXFR",
    255: "ANY",
    256: "URI",
    257: "CAA",
}
_NUMBERS: Final = {text: rtype for rtype, text in _MNEMONICS.items()}
_GENERIC: Final = re.compile(r"TYPE([0-9]{1,5})", re.ASCII)
_UNITS: Final = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_UNIT_TTL: Final = re.compile(r"(?:[0-9]+[wdhms])+", re.ASCII | re.IGNORECASE)
_UNIT: Final = re.compile(r"([0-9]+)([wdhms])", re.ASCII | re.IGNORECASE)
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)
_MAX_TTL_TEXT: Final = 64


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
            raise InvalidRecord(f"{text} is no type: types end at TYPE65535")
        return rtype
    return _registered_type(text)


def _registered_type(text: str) -> int:
    import dns.rdatatype

    try:
        return int(dns.rdatatype.RdataType[text.upper().replace("-", "_")])
    except KeyError:
        raise InvalidRecord(f"unknown type {text[:40]!r}; write it as TYPE<number> (RFC 3597)") from None


def type_text(rtype: int) -> str:
    """The mnemonic of a type, or its RFC 3597 form."""
    text = _MNEMONICS.get(rtype)
    if text is not None:
        return text
    import dns.rdatatype

    return dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))


def parse_ttl(text: str) -> int:
    """Seconds from `300` or `1h30m`: 0 to 2**31 - 1 (RFC 2181 §8)."""
    seconds = -1
    if len(text) <= _MAX_TTL_TEXT:
        if _DIGITS.fullmatch(text):
            seconds = int(text)
        elif _UNIT_TTL.fullmatch(text):
            seconds = sum(int(count) * _UNITS[unit.lower()] for count, unit in _UNIT.findall(text))
    if seconds < 0:
        raise InvalidRecord(f"{text[:40]!r} is no TTL: write seconds, or units as in 1h30m")
    if seconds > MAX_TTL:
        raise InvalidRecord(f"TTL {text[:40]} is not between 0 and {MAX_TTL} seconds (RFC 2181 §8)")
    return seconds
