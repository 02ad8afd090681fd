"""Public keys in SSH's wire format (RFC 4253 §6.6, 5656, 8332, 8709; OpenSSH's PROTOCOL.u2f), and their signatures.

Accepted are Ed25519, ECDSA over P-256 and P-384, RSA of 3,072 bits or more with SHA-512 or SHA-256, and Ed25519 and
ECDSA over P-256 on a FIDO authenticator.
"""

from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from zonegit.errors import InvalidSSH, UnsupportedKey
from zonegit.ssh.wire import Reader, string

RSA_SIGNATURE: Final = "rsa-sha2-512"
"""What zonegit signs with. Some certificate authorities use `rsa-sha2-256`, which is accepted, too."""
_RSA_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {
    RSA_SIGNATURE: hashes.SHA512(),
    "rsa-sha2-256": hashes.SHA256(),
}
MIN_RSA_BITS: Final = 3072
MAX_RSA_BITS: Final = 8192
_EXPONENT_BITS: Final = 64
"""Bounds on what one signature costs: with these, less than 1 ms."""
PRESENT: Final = 0x01
VERIFIED: Final = 0x04
"""Flags of a FIDO signature: somebody touched the authenticator; it knows who (by PIN or fingerprint)."""

_UNSUPPORTED: Final = frozenset(
    {
        *("ssh-dss", "ssh-dss-cert-v01@openssh.com", "ssh-xmss@openssh.com", "ssh-xmss-cert-v01@openssh.com"),
        *("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com"),
        "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
    }
)
"""Types that OpenSSH knows, and zonegit doesn't accept."""


class FidoDetails(NamedTuple):
    """What an authenticator says about a signature, and signs along."""

    flags: int
    counter: int


class _Algorithm(Protocol):
    """The numbers of a key, without its SSH encoding."""

    @property
    def signature_types(self) -> tuple[str, ...]: ...

    def is_signed(self, kind: str, rest: Reader, data: bytes) -> FidoDetails | None:
        """Take the rest of a signature behind its type. `InvalidSignature` if it isn't one of `data`."""
        ...


class PublicKey(NamedTuple):
    """A public key whose encoding has been checked."""

    type: str
    """Its name in SSH, like `ssh-ed25519`."""
    blob: bytes
    """The encoded key. Two keys are the same exactly if this is."""
    algorithm: _Algorithm

    @property
    def fingerprint(self) -> str:
        """As OpenSSH shows it: `SHA256:` and the hash in base64 without padding."""
        return f"SHA256:{b64encode(sha256(self.blob).digest()).decode().rstrip('=')}"

    @property
    def short_type(self) -> str:
        """As OpenSSH shows it: `ED25519`, `ECDSA-SK`."""
        return _TYPES[self.type].short

    @property
    def line(self) -> str:
        """The key as in a `.pub` file, without a comment."""
        return f"{self.type} {b64encode(self.blob).decode()}"

    def verify(self, signature: bytes, data: bytes) -> FidoDetails | None:
        """Verify an encoded signature of `data`. `InvalidSSH` if it is malformed, of another type, or wrong."""
        rest = Reader(signature)
        kind, accepted = rest.text(), self.algorithm.signature_types
        if kind not in accepted:
            raise InvalidSSH(f"is a {kind[:64]} signature; expected {' or '.join(accepted)}")
        try:
            return self.algorithm.is_signed(kind, rest, data)
        except InvalidSignature:
            raise InvalidSSH("is not the key's signature of these bytes") from None


class _Ed25519(NamedTuple):
    key: ed25519.Ed25519PublicKey
    signature_types: tuple[str, ...] = ("ssh-ed25519",)

    def is_signed(self, kind: str, rest: Reader, data: bytes) -> None:
        signature = rest.string()
        rest.end()
        self.key.verify(signature, data)


class _Ecdsa(NamedTuple):
    key: ec.EllipticCurvePublicKey
    signature_types: tuple[str, ...]
    digest: hashes.HashAlgorithm

    def is_signed(self, kind: str, rest: Reader, data: bytes) -> None:
        signature = rest.string()
        rest.end()
        self.key.verify(_der(signature), data, ec.ECDSA(self.digest))


class _Rsa(NamedTuple):
    key: rsa.RSAPublicKey
    signature_types: tuple[str, ...] = tuple(_RSA_DIGESTS)

    def is_signed(self, kind: str, rest: Reader, data: bytes) -> None:
        signature = rest.string()
        rest.end()
        self.key.verify(signature, data, padding.PKCS1v15(), _RSA_DIGESTS[kind])


class _Fido(NamedTuple):
    """A key on an authenticator, which signs hashes, its flags and its counter (PROTOCOL.u2f)."""

    verify: Callable[[bytes, bytes], None]
    signature_types: tuple[str, ...]
    application: bytes

    def is_signed(self, kind: str, rest: Reader, data: bytes) -> FidoDetails:
        signature = rest.string()
        said = rest.take(5)
        rest.end()
        self.verify(signature, sha256(self.application).digest() + said + sha256(data).digest())
        return FidoDetails(said[0], int.from_bytes(said[1:], "big"))


def _der(signature: bytes) -> bytes:
    """An ECDSA signature as `cryptography` takes it."""
    reader = Reader(signature)
    r, s = reader.positive(), reader.positive()
    reader.end()
    return encode_dss_signature(r, s)


def _ed25519(reader: Reader) -> _Ed25519:
    raw = reader.string()
    if len(raw) != 32:
        raise InvalidSSH(f"has an Ed25519 key of {len(raw)} bytes; expected 32")
    return _Ed25519(ed25519.Ed25519PublicKey.from_public_bytes(raw))


def _curve(name: str, curve: ec.EllipticCurve, digest: hashes.HashAlgorithm) -> Callable[[Reader], _Ecdsa]:
    def read(reader: Reader) -> _Ecdsa:
        if reader.string() != name.encode():
            raise InvalidSSH(f"names another curve than {name}")
        point = reader.string()
        if len(point) != 2 * (curve.key_size // 8) + 1 or point[0] != 4:
            raise InvalidSSH("has a point that is not in uncompressed form")
        try:
            key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
        except ValueError:
            raise InvalidSSH("has a point that is not on its curve") from None
        return _Ecdsa(key, (f"ecdsa-sha2-{name}",), digest)

    return read


def _rsa(reader: Reader) -> _Rsa:
    exponent, modulus = reader.positive(), reader.positive()
    bits = modulus.bit_length()
    if not MIN_RSA_BITS <= bits <= MAX_RSA_BITS:
        raise UnsupportedKey(f"has an RSA key of {bits:,} bits; use {MIN_RSA_BITS:,} to {MAX_RSA_BITS:,}")
    if exponent.bit_length() > _EXPONENT_BITS:
        raise UnsupportedKey(f"has an RSA key with an exponent of more than {_EXPONENT_BITS} bits")
    try:
        return _Rsa(rsa.RSAPublicNumbers(exponent, modulus).public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidSSH("has numbers that are no RSA key") from None


def _fido_ed25519(reader: Reader) -> _Fido:
    key = _ed25519(reader).key
    return _Fido(key.verify, ("sk-ssh-ed25519@openssh.com",), reader.string())


def _fido_ecdsa(reader: Reader) -> _Fido:
    key = _P256(reader).key

    def verify(signature: bytes, data: bytes) -> None:
        key.verify(_der(signature), data, ec.ECDSA(hashes.SHA256()))

    return _Fido(verify, ("sk-ecdsa-sha2-nistp256@openssh.com",), reader.string())


class _Type(NamedTuple):
    short: str
    read: Callable[[Reader], _Algorithm]


_P256: Final = _curve("nistp256", ec.SECP256R1(), hashes.SHA256())
_TYPES: Final[dict[str, _Type]] = {
    "ssh-ed25519": _Type("ED25519", _ed25519),
    "ecdsa-sha2-nistp256": _Type("ECDSA", _P256),
    "ecdsa-sha2-nistp384": _Type("ECDSA", _curve("nistp384", ec.SECP384R1(), hashes.SHA384())),
    "ssh-rsa": _Type("RSA", _rsa),
    "sk-ssh-ed25519@openssh.com": _Type("ED25519-SK", _fido_ed25519),
    "sk-ecdsa-sha2-nistp256@openssh.com": _Type("ECDSA-SK", _fido_ecdsa),
}
TYPES: Final = frozenset(_TYPES)


def is_key_type(name: str) -> bool:
    """Whether this is the name of a type of key in OpenSSH."""
    return name in _TYPES or name in _UNSUPPORTED


@lru_cache(maxsize=256)
def parse_key(blob: bytes) -> PublicKey:
    """The key that these bytes encode. `UnsupportedKey` if it isn't accepted, `InvalidSSH` if it is malformed.

    Parsed keys are remembered, because the commits of a history are signed by a few.
    """
    reader = Reader(blob)
    key = read_key(reader, reader.text())
    reader.end()
    return key


def read_key(reader: Reader, key_type: str) -> PublicKey:
    """A key of this type from its numbers, which also stand in a certificate. Raises as `parse_key` does."""
    found = _TYPES.get(key_type)
    if found is None:
        raise UnsupportedKey(f"has a key of the type {key_type[:64]!r}; accepted are {', '.join(_TYPES)}")
    start = reader.at
    algorithm = found.read(reader)
    return PublicKey(key_type, string(key_type.encode()) + reader.since(start), algorithm)
