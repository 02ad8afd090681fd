"""Private keys that zones are signed with (RFC 3110, 5702, 6605, 8080): generated, read and written as PKCS#8 PEM.

Key tags and DNSKEY records are computed apart from `dnssec.keys`, which verifies. No message and no `repr` shows
anything of a private key. Refused: algorithms that RFC 8624 §3.1 advises against, RSA keys that some
validators refuse for their size, and keys with a passphrase.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from zonegit.dnssec.policy import Algorithm
from zonegit.errors import DnssecError

ZSK_FLAGS: Final = 256
KSK_FLAGS: Final = 257
"""With the SEP bit (RFC 4034 §2.1.1): a KSK's or a CSK's."""
REVOKE: Final = 0x0080
"""RFC 5011 §3."""
_PROTOCOL: Final = 3
RSA_BITS: Final = 2048
_LEAST_RSA: Final = 1024
_MOST_RSA: Final = 4096
_MOST_EXPONENT: Final = 35
"""Bits of the largest exponent that BIND verifies with."""
_ED25519_SIGNATURE: Final = 64

Material = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class Curve(NamedTuple):
    """How an algorithm uses ECDSA (RFC 6605 §4)."""

    curve: ec.EllipticCurve
    digest: hashes.HashAlgorithm
    size: int
    """Bytes of each of x, y, r and s."""


CURVES: Final = {
    Algorithm.ECDSAP256SHA256: Curve(ec.SECP256R1(), hashes.SHA256(), 32),
    Algorithm.ECDSAP384SHA384: Curve(ec.SECP384R1(), hashes.SHA384(), 48),
}
_DISCOURAGED: Final = {
    1: "RSAMD5",
    3: "DSA",
    5: "RSASHA1",
    6: "DSA-NSEC3-SHA1",
    7: "RSASHA1-NSEC3-SHA1",
    10: "RSASHA512",
    12: "ECC-GOST",
}


class PrivateKey:
    """A private key, and the algorithm that it signs with."""

    __slots__ = ("_material", "algorithm")

    def __init__(self, material: Material) -> None:
        """`DnssecError` for a key of another kind than the four algorithms have."""
        self.algorithm: Final = _algorithm_of(material)
        self._material: Final = material

    def __repr__(self) -> str:
        return f"<private key of algorithm {self.algorithm}>"

    def __reduce__(self) -> str:
        raise TypeError("a private key is not pickled: pass its PEM on")

    @property
    def material(self) -> Material:
        """The key as `cryptography` has it."""
        return self._material

    @property
    def signature_size(self) -> int:
        """Bytes of a signature in an RRSIG record."""
        if isinstance(self._material, rsa.RSAPrivateKey):
            return (self._material.key_size + 7) // 8
        curve = CURVES.get(self.algorithm)
        return 2 * curve.size if curve else _ED25519_SIGNATURE

    def pem(self) -> bytes:
        """PKCS#8 PEM (RFC 5958, 7468 §10), not encrypted."""
        return self._material.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def dnskey(self, flags: int) -> bytes:
        """The RDATA of its DNSKEY record with these flags."""
        return dnskey_rdata(flags, self.algorithm, public_bytes(self._material.public_key()))


def generate(algorithm: int) -> PrivateKey:
    """A new key; RSA has 2048 bits and the exponent 65537. `DnssecError` for an algorithm that isn't made here."""
    match signing_algorithm(algorithm):
        case Algorithm.RSASHA256:
            return PrivateKey(rsa.generate_private_key(65537, RSA_BITS))
        case Algorithm.ED25519:
            return PrivateKey(ed25519.Ed25519PrivateKey.generate())
        case on_curve:
            return PrivateKey(ec.generate_private_key(CURVES[on_curve].curve))


def signing_algorithm(number: int) -> Algorithm:
    """The algorithm of this number; `DnssecError` if zones are not signed with it here."""
    try:
        return Algorithm(number)
    except ValueError:
        use = ", ".join(f"{each.name.lower()} ({each})" for each in reversed(Algorithm))
        if name := _DISCOURAGED.get(number):
            why = f"RFC 8624 §3.1 advises against signing with {name} (algorithm {number})"
        else:
            why = f"zones are not signed with algorithm {number} here"
        raise DnssecError(f"{why}; use {use}") from None


def from_pem(text: bytes) -> PrivateKey:
    """The key in PEM: PKCS#8, or an older form of OpenSSL. `DnssecError`, whose message starts with `it`."""
    try:
        material = load_pem_private_key(text, None)
    except TypeError:
        raise DnssecError("it has a passphrase; remove that with `openssl pkey`") from None
    except (ValueError, UnsupportedAlgorithm):
        raise DnssecError("it is not a private key in PEM, or it is damaged") from None
    if not isinstance(material, Material):
        raise DnssecError("it is a key of a kind that DNSSEC has no algorithm for")
    return PrivateKey(material)


def public_bytes(public: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    """The public key as a DNSKEY record holds it."""
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return rsa_public_bytes(numbers.e, numbers.n)
    if isinstance(public, ec.EllipticCurvePublicKey):
        return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:]
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def rsa_public_bytes(exponent: int, modulus: int) -> bytes:
    """RFC 3110 §2. The exponent is shorter than 256 bytes, so its length is one byte."""
    short = exponent.to_bytes((exponent.bit_length() + 7) // 8, "big")
    return bytes((len(short),)) + short + modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")


def dnskey_rdata(flags: int, algorithm: int, public: bytes) -> bytes:
    """RFC 4034 §2.1."""
    return flags.to_bytes(2, "big") + bytes((_PROTOCOL, algorithm)) + public


@lru_cache(maxsize=1024)
def tag_of(dnskey: bytes) -> int:
    """The key tag of a DNSKEY record's RDATA (RFC 4034 appendix B): the sum of its 16-bit words, carry added."""
    padded = dnskey + bytes(len(dnskey) % 2)
    total = sum(int.from_bytes(padded[at : at + 2], "big") for at in range(0, len(padded), 2))
    return (total + (total >> 16)) & 0xFFFF


def tags_of(dnskey: bytes) -> frozenset[int]:
    """Its key tag as it is, and once it is revoked."""
    flags = int.from_bytes(dnskey[:2], "big")
    return frozenset(tag_of(each.to_bytes(2, "big") + dnskey[2:]) for each in (flags & ~REVOKE, flags | REVOKE))


class FileSigner:
    """The `Signer` with a private key that this process has."""

    __slots__ = ("_sign",)

    def __init__(self, key: PrivateKey) -> None:
        self._sign: Final = _signing(key)

    def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """One signature each, as in RRSIG records. `DnssecError` if the key can't sign."""
        try:
            return list(map(self._sign, messages))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise DnssecError(f"the private key can't sign: {error}") from None


def _signing(key: PrivateKey) -> Callable[[bytes], bytes]:
    material = key.material
    if isinstance(material, ed25519.Ed25519PrivateKey):
        return material.sign
    if isinstance(material, rsa.RSAPrivateKey):
        rsa_sign, scheme, sha256 = material.sign, padding.PKCS1v15(), hashes.SHA256()
        return lambda message: rsa_sign(message, scheme, sha256)
    ec_sign, (_, digest, size) = material.sign, CURVES[key.algorithm]
    ecdsa = ec.ECDSA(digest)

    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(ec_sign(message, ecdsa))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")

    return sign


def _algorithm_of(material: Material) -> Algorithm:
    if isinstance(material, ed25519.Ed25519PrivateKey):
        return Algorithm.ED25519
    if isinstance(material, rsa.RSAPrivateKey):
        numbers = material.public_key().public_numbers()
        check_rsa(numbers.e, numbers.n)
        return Algorithm.RSASHA256
    for algorithm, (curve, _, _) in CURVES.items():
        if material.curve.name == curve.name:
            return algorithm
    raise DnssecError(f"it is a key on the curve {material.curve.name}, which DNSSEC has no algorithm for")


def check_rsa(exponent: int, modulus: int) -> None:
    """`DnssecError` for a public RSA key that some validators refuse."""
    if not _LEAST_RSA <= modulus.bit_length() <= _MOST_RSA:
        bits = modulus.bit_length()
        raise DnssecError(f"it is an RSA key of {bits} bits; validators accept {_LEAST_RSA} to {_MOST_RSA} bits")
    if exponent < 3 or exponent % 2 == 0 or exponent.bit_length() > _MOST_EXPONENT:
        raise DnssecError(
            f"it is an RSA key with the exponent {exponent:#x}; validators accept odd ones of at most "
            f"{_MOST_EXPONENT} bits"
        )
