"""The fields of each type's RDATA, in their order, and what has to hold of several of them together."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from zonegit.model import rdata as types
from zonegit.model.rdata import name_end
from zonegit.zonefile.rdata import addressing, dnssec, fields, gateway, location, service, substitution
from zonegit.zonefile.rdata.fields import (
    NAME,
    STRING,
    STRINGS,
    TEXT,
    U8,
    U16,
    U32,
    Field,
    base64_rest,
    hex_rest,
    uint,
)
from zonegit.zonefile.rdata_reading import label_count

_DIGEST_SIZES: Final = {1: 20, 2: 32, 3: 32, 4: 48}
_FINGERPRINT_SIZES: Final = {1: 20, 2: 32}
_ZONEMD_SIZES: Final = {1: 48, 2: 64}
_SHA1_SIZE: Final = 20
_ZONEMD_LEAST: Final = 12
_NO_KEY: Final = 0xC000
_KEY_FLAGS: Final[Mapping[str, int]] = {"ZONE": 0x0100, "KSK": 0x0001, "REVOKE": 0x0080, "NOKEY": _NO_KEY}
_PRIVATE_DNS: Final = 253
_PRIVATE_OID: Final = 254


class Layout(NamedTuple):
    """How the RDATA of one type is made up."""

    fields: tuple[Field, ...]
    check: Callable[[bytes], None] = lambda rdata: None
    """Raises ValueError for a wire form whose fields don't fit each other."""


def _digest(rdata: bytes) -> None:
    size = _DIGEST_SIZES.get(rdata[3])
    if size is not None and len(rdata) != 4 + size:
        raise ValueError(f"a digest of type {rdata[3]} has {size} bytes, this one {len(rdata) - 4}")


def _fingerprint(rdata: bytes) -> None:
    size = _FINGERPRINT_SIZES.get(rdata[1])
    if size is not None and len(rdata) != 2 + size:
        raise ValueError(f"a fingerprint of type {rdata[1]} has {size} bytes, this one {len(rdata) - 2}")


def _zone_digest(rdata: bytes) -> None:
    size = _ZONEMD_SIZES.get(rdata[5])
    if len(rdata) < 6 + _ZONEMD_LEAST or (size is not None and len(rdata) != 6 + size):
        raise ValueError(f"a digest of {len(rdata) - 6} bytes; algorithm 1 has 48, 2 has 64, others at least 12")


def _key(rdata: bytes) -> None:
    if len(rdata) == 4:
        raise ValueError("no key")
    _private(rdata[3], rdata[4:])


def _old_key(rdata: bytes) -> None:
    keyless = (rdata[0] << 8 | rdata[1]) & _NO_KEY == _NO_KEY
    if keyless == (len(rdata) > 4):
        raise ValueError("a key and flags that say there is none, or neither (RFC 2535 §3.1.2)")
    _private(rdata[3], rdata[4:])


def _resource_key(rdata: bytes) -> None:
    _key(rdata)
    if rdata[:2] != b"\0\0":
        raise ValueError("flags other than 0")


def _old_signature(rdata: bytes) -> None:
    _private(rdata[2], rdata[name_end(rdata, 18) :])


def _signature(rdata: bytes) -> None:
    _old_signature(rdata)
    if label_count(rdata[18 : name_end(rdata, 18)]) > rdata[3]:
        raise ValueError("its signer has more labels than what it covers (RFC 4035 §5.3.1)")


def _certificate(rdata: bytes) -> None:
    if not rdata[5:]:
        raise ValueError("no certificate")


def _private(algorithm: int, data: bytes) -> None:
    """Keys and signatures of a private algorithm begin with its name (RFC 4034 §A.1.1)."""
    if algorithm == _PRIVATE_DNS and data:
        name_end(data, 0)
    if algorithm == _PRIVATE_OID and data and len(data) <= data[0]:
        raise ValueError("an object identifier that is cut short")


def _next_hash(rdata: bytes) -> None:
    if rdata[0] == 1 and rdata[5 + rdata[4]] != _SHA1_SIZE:
        raise ValueError("a hash of another size than SHA-1's 20 bytes")


def _x25(rdata: bytes) -> None:
    if len(rdata) < 5 or not rdata[1:].isdigit():
        raise ValueError("a PSDN address has at least four digits and nothing else")


def _tag(rdata: bytes) -> None:
    tag = rdata[2 : 2 + rdata[1]]
    if not tag.isalnum() or not tag.isascii():
        raise ValueError("a tag has letters and digits only, at least one (RFC 8659 §4.1)")


_NAMED: Final = Layout((NAME,))
_TWO_NAMES: Final = Layout((NAME, NAME))
_PREFERENCE: Final = Layout((U16, NAME))
_TEXTS: Final = Layout((STRINGS,))
_SIGNATURE: Final = (
    dnssec.COVERED,
    dnssec.ALGORITHM,
    U8,
    dnssec.ORIGINAL_TTL,
    dnssec.TIME,
    dnssec.TIME,
    U16,
    NAME,
    base64_rest(),
)
_KEY: Final = (uint(2, _KEY_FLAGS), uint(1, {"DNSSEC": 3}), dnssec.ALGORITHM, base64_rest(0))
_DIGESTED: Final = Layout((U16, dnssec.ALGORITHM, dnssec.DIGEST, hex_rest()), _digest)
_ASSOCIATION: Final = Layout((U8, U8, U8, hex_rest()))
_SERVICE: Final = Layout((U16, NAME, service.PARAMETERS))
_BASE64: Final = Layout((base64_rest(),))
_HEX: Final = Layout((hex_rest(),))

LAYOUTS: Final[Mapping[int, Layout]] = {
    types.A: Layout((fields.IPV4,)),
    types.NS: _NAMED,
    types.CNAME: _NAMED,
    types.SOA: Layout((NAME, NAME, U32, *[fields.TIMER] * 4)),
    7: _NAMED,  # MB
    8: _NAMED,  # MG
    9: _NAMED,  # MR
    11: Layout((addressing.SERVICES,)),  # WKS
    types.PTR: _NAMED,
    13: Layout((STRING, STRING)),  # HINFO
    14: _TWO_NAMES,  # MINFO
    types.MX: _PREFERENCE,
    types.TXT: _TEXTS,
    17: _TWO_NAMES,  # RP
    18: _PREFERENCE,  # AFSDB
    19: Layout((STRING,), _x25),  # X25
    20: Layout((STRING, fields.optional(STRING))),  # ISDN
    21: _PREFERENCE,  # RT
    22: Layout((addressing.NSAP,)),
    23: _NAMED,  # NSAP-PTR
    24: Layout(_SIGNATURE, _old_signature),  # SIG
    25: Layout(_KEY, _old_key),  # KEY
    26: Layout((U16, NAME, NAME)),  # PX
    27: Layout((STRING, STRING, STRING)),  # GPOS
    types.AAAA: Layout((fields.IPV6,)),
    29: Layout((location.LOCATION,)),
    30: Layout((NAME, dnssec.OLD_BITMAP)),  # NXT
    31: _HEX,  # EID
    32: _HEX,  # NIMLOC
    types.SRV: Layout((U16, U16, U16, NAME)),
    34: Layout((addressing.ATM,)),  # ATMA
    types.NAPTR: Layout((U16, U16, STRING, STRING, STRING, NAME), substitution.check),
    36: _PREFERENCE,  # KX
    37: Layout((dnssec.CERTIFICATE, U16, dnssec.ALGORITHM, base64_rest()), _certificate),
    38: Layout((addressing.A6,)),
    types.DNAME: _NAMED,
    40: Layout((U8, U8, U8, base64_rest(0))),  # SINK
    42: Layout((addressing.PREFIXES,)),  # APL
    types.DS: _DIGESTED,
    44: Layout((U8, U8, hex_rest()), _fingerprint),  # SSHFP
    45: Layout((gateway.IPSECKEY,)),
    types.RRSIG: Layout(_SIGNATURE, _signature),
    types.NSEC: Layout((NAME, dnssec.FILLED_BITMAP)),
    types.DNSKEY: Layout(_KEY, _key),
    49: _BASE64,  # DHCID
    types.NSEC3: Layout((U8, U8, U16, dnssec.SALT, dnssec.HASH, dnssec.BITMAP), _next_hash),
    types.NSEC3PARAM: Layout((U8, U8, U16, dnssec.SALT)),
    52: _ASSOCIATION,  # TLSA
    53: _ASSOCIATION,  # SMIMEA
    55: Layout((gateway.HIP,)),
    56: _TEXTS,  # NINFO
    57: Layout(_KEY, _resource_key),  # RKEY
    58: _TWO_NAMES,  # TALINK
    59: _DIGESTED,  # CDS
    60: Layout(_KEY, _key),  # CDNSKEY
    61: _BASE64,  # OPENPGPKEY
    62: Layout((U32, U16, dnssec.BITMAP)),  # CSYNC
    63: Layout((U32, U8, U8, hex_rest()), _zone_digest),  # ZONEMD
    types.SVCB: _SERVICE,
    types.HTTPS: _SERVICE,
    66: Layout((dnssec.COVERED, uint(1, {"NOTIFY": 1}), U16, NAME)),  # DSYNC
    67: _BASE64,  # HHIT
    68: _BASE64,  # BRID
    99: _TEXTS,  # SPF
    104: Layout((U16, addressing.LOCATOR)),  # NID
    105: Layout((U16, fields.IPV4)),  # L32
    106: Layout((U16, addressing.LOCATOR)),  # L64
    107: _PREFERENCE,  # LP
    108: Layout((addressing.EUI48,)),
    109: Layout((addressing.EUI64,)),
    256: Layout((U16, U16, TEXT)),  # URI
    257: Layout((U8, fields.TAG, TEXT), _tag),  # CAA
    258: _TEXTS,  # AVC
    259: Layout((U32, U32, U8, STRING, fields.DATA)),  # DOA
    260: Layout((gateway.AMTRELAY,)),
    261: _TEXTS,  # RESINFO
    262: _TEXTS,  # WALLET
    263: _TEXTS,  # CLA
    264: Layout((uint(8),)),  # IPN
    32768: _DIGESTED,  # TA
    32769: _DIGESTED,  # DLV
}
"""Types with a presentation form of their own; every other type has RFC 3597's alone."""
