"""Signing with a private key that this process holds, and new keys."""

from base64 import b64decode
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from zonegit.errors import UnsupportedKey
from zonegit.ssh.envelope import NAMESPACE, encode_envelope, signed_bytes
from zonegit.ssh.public_key import RSA_SIGNATURE, PublicKey, parse_key
from zonegit.ssh.wire import positive, string

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PRIVATE_KEYS: Final = (ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)


def public_key(key: PrivateKey) -> PublicKey:
    """The public half. `UnsupportedKey` for a curve or size that isn't accepted."""
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return parse_key(b64decode(line.split()[1]))


def sign(key: PrivateKey, message: bytes, namespace: str = NAMESPACE) -> bytes:
    """The SSHSIG of a message. `UnsupportedKey` as above."""
    public = public_key(key)
    data = signed_bytes(message, namespace)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        kind, raw = public.type, key.sign(data)
    elif isinstance(key, rsa.RSAPrivateKey):
        kind, raw = RSA_SIGNATURE, key.sign(data, padding.PKCS1v15(), hashes.SHA512())
    else:
        digest = _DIGESTS.get(key.curve.name)
        if digest is None:
            raise UnsupportedKey(f"has a key on the curve {key.curve.name}, which is not accepted")
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(digest)))
        kind, raw = public.type, positive(r) + positive(s)
    return encode_envelope(public.blob, string(kind.encode()) + string(raw), namespace)


_DIGESTS: Final[dict[str, hashes.HashAlgorithm]] = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384()}


def new_key() -> tuple[bytes, PublicKey]:
    """A new Ed25519 key: the text of its file, which isn't encrypted, and its public half."""
    key = ed25519.Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), public_key(key)
