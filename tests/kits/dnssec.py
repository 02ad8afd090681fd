"""Keys in memory that sign, and plans to sign zones by."""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import dns.dnssec
import dns.dnssectypes
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from zonegit.dnssec.policy import DAY, Denial
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan, Times
from zonegit.model.names import parse_apex

NOW = 1_795_000_000
"""In November 2026."""
CSK, KSK, ZSK = 257, 257, 256
_CURVES = {13: (ec.SECP256R1(), hashes.SHA256(), 32), 14: (ec.SECP384R1(), hashes.SHA384(), 48)}
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256; below that of P-384."""


class MemorySigner:
    """A `Signer` that counts its calls."""

    def __init__(self, private: Any, algorithm: int) -> None:
        self._private = private
        self._algorithm = algorithm
        self.calls: list[int] = []
        """The number of messages of each."""

    def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        self.calls.append(len(messages))
        return [self._signature(message) for message in messages]

    def _signature(self, message: bytes) -> bytes:
        if self._algorithm == 15:
            return bytes(self._private.sign(message))
        if self._algorithm == 8:
            return bytes(self._private.sign(message, padding.PKCS1v15(), hashes.SHA256()))
        _, digest, size = _CURVES[self._algorithm]
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@cache
def _private(algorithm: int, number: int) -> Any:
    """The private key of this number: always the same one, but for RSA."""
    seed = sha256(b"%d %d" % (algorithm, number)).digest()
    if algorithm == 15:
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    if algorithm == 8:
        return rsa.generate_private_key(65537, 2048)
    return ec.derive_private_key(1 + int.from_bytes(seed, "big") % (_ORDER - 1), _CURVES[algorithm][0])


def signing_key(algorithm: int = 15, flags: int = CSK, number: int = 0) -> SigningKey:
    """One of any number of keys. Ed25519 signs the same bytes always alike."""
    private = _private(algorithm, number)
    made = dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm(algorithm), flags)
    return SigningKey(made.to_wire(), MemorySigner(private, algorithm))


def plan_of(
    apex: str = "example.org.", key: SigningKey | None = None, *, denial: Denial = Denial.NSEC, **changes: Any
) -> SigningPlan:
    """A plan with one key that signs everything; `changes` are other fields of the plan."""
    csk = key or signing_key()
    plan = SigningPlan(
        apex=parse_apex(apex),
        zone_keys=(csk,),
        dnskey_keys=(csk,),
        dnskeys=(csk.dnskey,),
        cds=(),
        cdnskeys=(),
        dnskey_ttl=3600,
        denial=denial,
        zonemd=False,
        serial=2026112001,
        times=Times(NOW, 14 * DAY, parse_apex(apex)),
    )
    return plan._replace(**changes)
