"""Private keys in the PEM of other programs: all that OpenSSL reads, and what GnuTLS writes for ECDSA.

RFC 5915 §3 gives the private number of an ECDSA key the length of the curve's order. GnuTLS, and so Knot DNS,
writes it as a signed number: one more byte for every second key, and fewer for a few. OpenSSL refuses those.
"""

import re
from base64 import b64decode
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import CURVES, PrivateKey, from_pem
from zonegit.errors import DnssecError

_PEM: Final = re.compile(rb"-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----")
_INTEGER: Final = 0x02
_OCTETS: Final = 0x04
_OBJECT: Final = 0x06
_SEQUENCE: Final = 0x30
_EC_PUBLIC_KEY: Final = bytes.fromhex("2a8648ce3d0201")
_CURVES: Final = {
    bytes.fromhex("2a8648ce3d030107"): CURVES[Algorithm.ECDSAP256SHA256].curve,
    bytes.fromhex("2b81040022"): CURVES[Algorithm.ECDSAP384SHA384].curve,
}


def read_pem(text: bytes) -> PrivateKey:
    """The key in PEM. `DnssecError`, whose message starts with `it`."""
    try:
        return from_pem(text)
    except DnssecError:
        key = _of_gnutls(text)
        if key is None:
            raise
        return key


def _of_gnutls(text: bytes) -> PrivateKey | None:
    """The ECDSA key in PKCS#8 of GnuTLS; None if it is anything else."""
    found = _PEM.search(text)
    try:
        der = b64decode(found[1]) if found else b""
        info, rest = _value(der, _SEQUENCE)
        _, info = _value(info, _INTEGER)
        algorithm, info = _value(info, _SEQUENCE)
        kind, algorithm = _value(algorithm, _OBJECT)
        curve, _ = _value(algorithm, _OBJECT)
        outer, _ = _value(info, _OCTETS)
        key, _ = _value(outer, _SEQUENCE)
        _, key = _value(key, _INTEGER)
        number, public = _value(key, _OCTETS)
        if rest or kind != _EC_PUBLIC_KEY or curve not in _CURVES:
            return None
        made = PrivateKey(ec.derive_private_key(int.from_bytes(number, "big"), _CURVES[curve]))
    except ValueError:
        return None
    return made if not public or public.endswith(made.dnskey(0)[4:]) else None


def _value(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """The contents of the element of this tag at the beginning (X.690 §8.1), and what follows. ValueError."""
    if len(der) < 2 or der[0] != tag:
        raise ValueError
    size, at = der[1], 2
    if size & 0x80:
        at += size & 0x7F
        size = int.from_bytes(der[2:at], "big")
    if len(der) < at + size:
        raise ValueError
    return der[at : at + size], der[at + size :]
