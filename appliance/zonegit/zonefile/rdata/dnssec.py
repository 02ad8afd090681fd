"""Fields of DNSSEC's types (RFC 4034, 5155, 2535) and of CERT (RFC 4398)."""

from base64 import b32hexencode
from collections.abc import Mapping
from time import gmtime, strftime
from typing import Final

from zonegit.model.names import WireName
from zonegit.model.rrset import MAX_TTL
from zonegit.zonefile.rdata.cursor import Wire, Words
from zonegit.zonefile.rdata.fields import Field, hexadecimal, number, uint
from zonegit.zonefile.rdata_reading import TIMES, type_bitmap
from zonegit.zonefile.rdata_writing import bitmap_text
from zonegit.zonefile.types import parse_type, type_text

ALGORITHMS: Final[Mapping[str, int]] = {
    "RSAMD5": 1,
    "DH": 2,
    "DSA": 3,
    "RSASHA1": 5,
    "NSEC3DSA": 6,
    "DSA-NSEC3-SHA1": 6,
    "NSEC3RSASHA1": 7,
    "RSASHA1-NSEC3-SHA1": 7,
    "RSASHA256": 8,
    "RSASHA512": 10,
    "ECCGOST": 12,
    "ECC-GOST": 12,
    "ECDSAP256SHA256": 13,
    "ECDSAP384SHA384": 14,
    "ED25519": 15,
    "ED448": 16,
    "INDIRECT": 252,
    "PRIVATEDNS": 253,
    "PRIVATEOID": 254,
}
"""DNSSEC algorithms (RFC 4034 §A.1 and its registry)."""
_CERTIFICATES: Final[Mapping[str, int]] = {
    "PKIX": 1,
    "SPKI": 2,
    "PGP": 3,
    "IPKIX": 4,
    "ISPKI": 5,
    "IPGP": 6,
    "ACPKIX": 7,
    "IACPKIX": 8,
    "URI": 253,
    "OID": 254,
}
_DIGESTS: Final[Mapping[str, int]] = {
    "SHA-1": 1, "SHA1": 1, "SHA-256": 2, "SHA256": 2, "GOST": 3, "SHA-384": 4, "SHA384": 4
}  # fmt: skip
_B32HEX: Final = frozenset("0123456789abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUV")


def _read_time(words: Words) -> bytes:
    text = words.word()
    seconds = TIMES[text]
    if seconds >> 32:
        raise ValueError(f"{text[:40]!r} is no time from 1970 to 2106")
    return seconds.to_bytes(4, "big")


def _write_time(wire: Wire, origin: WireName | None) -> str:
    return strftime("%Y%m%d%H%M%S", gmtime(wire.number(4)))


def _read_original_ttl(words: Words) -> bytes:
    ttl = number(words.word(), 4)
    if ttl > MAX_TTL:
        raise ValueError(f"its Original TTL is above {MAX_TTL} seconds (RFC 2181 §8)")
    return ttl.to_bytes(4, "big")


def _write_original_ttl(wire: Wire, origin: WireName | None) -> str:
    ttl = wire.number(4)
    if ttl > MAX_TTL:
        raise ValueError(f"its Original TTL is above {MAX_TTL} seconds (RFC 2181 §8)")
    return str(ttl)


def _read_bitmap(words: Words) -> bytes:
    return type_bitmap([parse_type(word) for word in words.rest()])


def _write_filled_bitmap(wire: Wire, origin: WireName | None) -> str:
    if not wire.more():
        raise ValueError("no types; NSEC and RRSIG are always among them (RFC 4034 §4.1.2)")
    return bitmap_text(wire.rest())


def _read_old_bitmap(words: Words) -> bytes:
    bits = bytearray(16)
    for word in words.rest():
        rtype = parse_type(word)
        if not 0 < rtype < 128:
            raise ValueError(f"{word[:40]} can't stand in the types of a NXT record")
        bits[rtype >> 3] |= 0x80 >> (rtype & 7)
    return bytes(bits).rstrip(b"\0")


def _write_old_bitmap(wire: Wire, origin: WireName | None) -> str:
    bits = wire.rest()
    if len(bits) > 16 or bits[-1:] == b"\0" or (bits and bits[0] & 0x80):
        raise ValueError("not the types of a NXT record")
    return " ".join(type_text(bit) for bit in range(8 * len(bits)) if bits[bit >> 3] & (0x80 >> (bit & 7)))


def _read_salt(words: Words) -> bytes:
    text = words.word()
    salt = b"" if text == "-" else hexadecimal(text)
    return bytes((len(salt),)) + salt


def _read_hash(words: Words) -> bytes:
    text = words.word()
    bits = 5 * len(text)
    if not _B32HEX.issuperset(text) or bits % 8 >= 5:
        raise ValueError(f"{text[:40]!r} is not base32hex")
    owner_hash = (int(text, 32) >> (bits % 8)).to_bytes(bits // 8, "big")  # base32hex has the digits of base 32
    return bytes((len(owner_hash),)) + owner_hash


def _write_hash(wire: Wire, origin: WireName | None) -> str:
    owner_hash = wire.string()
    if not owner_hash:
        raise ValueError("an empty hash")
    return b32hexencode(owner_hash).decode().rstrip("=").lower()


ALGORITHM: Final = uint(1, ALGORITHMS)
CERTIFICATE: Final = uint(2, _CERTIFICATES)
DIGEST: Final = uint(1, _DIGESTS)
TIME: Final = Field(_read_time, _write_time)
ORIGINAL_TTL: Final = Field(_read_original_ttl, _write_original_ttl)
COVERED: Final = Field(
    lambda words: parse_type(words.word()).to_bytes(2, "big"), lambda wire, origin: type_text(wire.number(2))
)
BITMAP: Final = Field(_read_bitmap, lambda wire, origin: bitmap_text(wire.rest()))
FILLED_BITMAP: Final = Field(_read_bitmap, _write_filled_bitmap)
"""A type bitmap that isn't empty."""
OLD_BITMAP: Final = Field(_read_old_bitmap, _write_old_bitmap)
SALT: Final = Field(_read_salt, lambda wire, origin: wire.string().hex() or "-")
HASH: Final = Field(_read_hash, _write_hash)
