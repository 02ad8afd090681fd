"""DNSKEY records and the signatures that they verify (RFC 3110, 5702, 6605, 8080).

Signatures by an algorithm that isn't in the tables, or that the machine's OpenSSL refuses, can't be verified here:
validators without that algorithm treat the zone as unsigned (RFC 6840 §5.2).
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

Verify = Callable[[bytes, bytes], bool]
"""`(signature, data)`: whether it is the key's signature of the data."""


class Signed(NamedTuple):
    """A signature, and what it is to be a signature of."""

    signature: bytes
    data: bytes


VerifyAll = Callable[[bytes, Sequence[Signed]], list[bool]]
"""`(dnskey, signed)`: for each, whether it is a signature by the key with this DNSKEY RDATA."""

_ZONE: Final = 0x0100
_SEP: Final = 0x0001
_REVOKED: Final = 0x0080
_PROTOCOL: Final = 3
_RSA: Final[dict[int, hashes.HashAlgorithm]] = {
    5: hashes.SHA1(),  # noqa: S303  what zones are signed with
    7: hashes.SHA1(),  # noqa: S303
    8: hashes.SHA256(),
    10: hashes.SHA512(),
}
_ECDSA: Final[dict[int, tuple[ec.EllipticCurve, hashes.HashAlgorithm, int]]] = {
    13: (ec.SECP256R1(), hashes.SHA256(), 32),
    14: (ec.SECP384R1(), hashes.SHA384(), 48),
}
_EDDSA: Final[dict[int, type[ed25519.Ed25519PublicKey | ed448.Ed448PublicKey]]] = {
    15: ed25519.Ed25519PublicKey,
    16: ed448.Ed448PublicKey,
}
_RSA_BITS: Final = 4096
_EXPONENT_BITS: Final = 35
"""The largest RSA keys whose signatures are verified: RFC 3110 §2 allows no larger modulus, and BIND accepts no
larger exponent. One signature by a larger key can take as long as hundreds of others."""


class ZoneKey(NamedTuple):
    """A key that may sign a zone."""

    tag: int
    algorithm: int
    sep: bool
    """The SEP flag: whether the key is meant to be the one that the parent's DS names (RFC 4034 §2.1.1)."""
    revoked: bool
    """A revoked key signs the DNSKEY RRset, to make that public, and validates nothing (RFC 5011 §2.1)."""
    verify: Verify | None
    """None: its signatures can't be verified here."""


def zone_key(rdata: bytes) -> ZoneKey | None:
    """The key of a DNSKEY record; None if it isn't a zone key (RFC 4034 §2.1)."""
    flags, protocol, algorithm = int.from_bytes(rdata[:2], "big"), rdata[2], rdata[3]
    if not flags & _ZONE or protocol != _PROTOCOL:
        return None
    sep, revoked = bool(flags & _SEP), bool(flags & _REVOKED)
    return ZoneKey(key_tag(rdata), algorithm, sep, revoked, _verifier(algorithm, rdata[4:]))


def verify_all(dnskey: bytes, signed: Sequence[Signed]) -> list[bool]:
    """For each, whether it is a signature by the key with this DNSKEY RDATA. Signatures that can't be verified
    aren't.
    """
    key = zone_key(dnskey)
    if key is None or key.verify is None:
        return [False] * len(signed)
    return [key.verify(signature, data) for signature, data in signed]


def is_malformed(rdata: bytes) -> bool:
    """Whether no public key can be read from a DNSKEY record, though its algorithm is known here."""
    return _verifier(rdata[3], rdata[4:]) is _never


def key_tag(rdata: bytes) -> int:
    """RFC 4034 appendix B, for all algorithms but 1."""
    total = (sum(rdata[::2]) << 8) + sum(rdata[1::2])
    return (total + (total >> 16)) & 0xFFFF


def _verifier(algorithm: int, key: bytes) -> Verify | None:
    try:
        if algorithm in _RSA:
            return _rsa(_RSA[algorithm], key)
        if algorithm in _ECDSA:
            return _ecdsa(*_ECDSA[algorithm], key)
        if algorithm in _EDDSA:
            return _trying(_EDDSA[algorithm].from_public_bytes(key).verify)
    except UnsupportedAlgorithm:
        return None
    except ValueError:  # an invalid key: no signature by it is valid
        return _never
    return None


def _never(signature: bytes, data: bytes) -> bool:
    return False


def _trying(verify: Callable[[bytes, bytes], None]) -> Verify:
    def tried(signature: bytes, data: bytes) -> bool:
        try:
            verify(signature, data)
        except InvalidSignature:
            return False
        return True

    return tried


def _rsa(digest: hashes.HashAlgorithm, key: bytes) -> Verify:
    """RFC 3110 §2: the exponent's length is one byte, or a zero byte and two more."""
    at, length = (3, key[1:3]) if key[:1] == b"\0" else (1, key[:1])
    size = int.from_bytes(length, "big")
    exponent, modulus = (int.from_bytes(part, "big") for part in (key[at : at + size], key[at + size :]))
    if modulus.bit_length() > _RSA_BITS or exponent.bit_length() > _EXPONENT_BITS:
        raise UnsupportedAlgorithm("an RSA key that validators refuse for its size")
    public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    scheme = padding.PKCS1v15()
    return _trying(lambda signature, data: public.verify(signature, data, scheme, digest))


def _ecdsa(curve: ec.EllipticCurve, digest: hashes.HashAlgorithm, size: int, key: bytes) -> Verify:
    """RFC 6605 §4: the point is x and y, the signature r and s, without any framing."""
    public = ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\4" + key)
    scheme = ec.ECDSA(digest)

    def verify(signature: bytes, data: bytes) -> None:
        if len(signature) != 2 * size:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big")
        public.verify(encode_dss_signature(r, s), data, scheme)

    return _trying(verify)
