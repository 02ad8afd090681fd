"""SSHSIG (OpenSSH's PROTOCOL.sshsig): a signature with its key, and with the namespace that it was made for."""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import sha256, sha512
from typing import Any, Final, NamedTuple

from zonegit.errors import InvalidSSH
from zonegit.ssh.certificate import Certificate, is_certificate, parse_certificate
from zonegit.ssh.public_key import FidoDetails, PublicKey, parse_key
from zonegit.ssh.wire import Reader, string

NAMESPACE: Final = "zonegit"
"""The namespace of what zonegit signs. A signature for another one (`git`, `file`) doesn't count."""
HASH: Final = "sha512"
"""The hash that zonegit signs with."""
_HASHES: Final[dict[str, Callable[[bytes], Any]]] = {"sha256": sha256, "sha512": sha512}
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_BEGIN: Final = "-----BEGIN SSH SIGNATURE-----"
_END: Final = "-----END SSH SIGNATURE-----"


class Envelope(NamedTuple):
    """A signature as SSHSIG holds it, not verified yet."""

    key: PublicKey
    certificate: Certificate | None
    """What the signature holds in place of the bare key."""
    namespace: str
    hash: str
    signature: bytes

    def verify(self, message: bytes) -> FidoDetails | None:
        """Verify it as a signature of `message`. `InvalidSSH`."""
        return self.key.verify(self.signature, signed_bytes(message, self.namespace, self.hash))


def signed_bytes(message: bytes, namespace: str, hash_name: str = HASH) -> bytes:
    """What the key signs."""
    digest: bytes = _HASHES[hash_name](message).digest()
    return _MAGIC + string(namespace.encode()) + string(b"") + string(hash_name.encode()) + string(digest)


def encode_envelope(key: bytes, signature: bytes, namespace: str, hash_name: str = HASH) -> bytes:
    """The SSHSIG of an encoded key (or certificate) and an encoded signature."""
    head = _MAGIC + _VERSION.to_bytes(4, "big") + string(key)
    return head + string(namespace.encode()) + string(b"") + string(hash_name.encode()) + string(signature)


def decode_envelope(blob: bytes) -> Envelope:
    """Read an SSHSIG. `InvalidSSH` if it isn't one, or has a key or hash that isn't accepted."""
    reader = Reader(blob)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise InvalidSSH("is not an SSH signature")
    if (version := reader.uint32()) != _VERSION:
        raise InvalidSSH(f"is of version {version}; expected {_VERSION}")
    key_blob = reader.string()
    certificate = parse_certificate(key_blob) if is_certificate(key_blob) else None
    key = certificate.key if certificate else parse_key(key_blob)
    namespace = reader.text()
    if not namespace:
        raise InvalidSSH("has no namespace")
    if reader.string():
        raise InvalidSSH("has bytes in its reserved field")
    hash_name = reader.text()
    if hash_name not in _HASHES:
        raise InvalidSSH(f"uses the hash {hash_name[:32]!r}; accepted are {', '.join(_HASHES)}")
    signature = reader.string()
    reader.end()
    return Envelope(key, certificate, namespace, hash_name, signature)


def armored(blob: bytes) -> str:
    """The text that `ssh-keygen` reads and writes."""
    text = b64encode(blob).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join([_BEGIN, *lines, _END, ""])


def unarmored(text: str) -> bytes:
    """The bytes of such a text. `InvalidSSH`."""
    lines = text.split()
    body = text.strip().removeprefix(_BEGIN).removesuffix(_END)
    if len(lines) < 3 or not text.startswith(_BEGIN) or not text.rstrip().endswith(_END):
        raise InvalidSSH("is not between BEGIN SSH SIGNATURE and END SSH SIGNATURE")
    try:
        return b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSSH("is not base64") from None
