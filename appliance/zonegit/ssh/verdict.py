"""The verdict on a signature: whose it is, or why it doesn't count."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from zonegit.errors import InvalidSSH
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.ssh.certificate import VERIFY_REQUIRED, Certificate
from zonegit.ssh.envelope import NAMESPACE, Envelope, decode_envelope
from zonegit.ssh.public_key import VERIFIED, FidoDetails, PublicKey


class State(Enum):
    """What a signature is worth."""

    GOOD = "good"
    UNSIGNED = "unsigned"
    BAD = "bad"
    WRONG_NAMESPACE = "wrong-namespace"
    UNKNOWN_KEY = "unknown-key"
    NOT_VALID = "not-valid-at-that-time"
    PRINCIPAL_MISMATCH = "principal-mismatch"


class Signature(NamedTuple):
    """The verdict on one signature."""

    state: State
    principal: str = ""
    """Whose it is, if it is good; the last one, if it had to match several principals."""
    fingerprint: str = ""
    key_type: str = ""
    """The key, as OpenSSH shows it: `SHA256:…` and `ED25519`; empty if the signature can't be read."""
    reason: str = ""
    """Why it isn't good."""

    @property
    def is_good(self) -> bool:
        return self.state is State.GOOD

    def __str__(self) -> str:
        key = f"{self.key_type} key {self.fingerprint}"
        if self.is_good:
            return f"good, by {self.principal} with {key}"
        if not self.fingerprint:
            return self.reason
        return f"not good, with {key}: {self.reason}"


UNSIGNED = Signature(State.UNSIGNED, reason="unsigned")


def bad(reason: str) -> Signature:
    """A signature that can't be read."""
    return Signature(State.BAD, reason=f"bad: {reason}")


def judge(
    blob: bytes,
    message: bytes,
    allowed: AllowedSigners,
    when: int,
    principals: Sequence[str],
    namespace: str = NAMESPACE,
) -> Signature:
    """The verdict on an SSHSIG of `message`, made at a Unix time. It must match all of these principals.

    What is wrong with the signature itself counts first, then the key, its namespaces and its time, and last the
    principals.
    """
    try:
        envelope = decode_envelope(blob)
    except InvalidSSH as error:
        return bad(f"it {error}")
    key, certificate = envelope.key, envelope.certificate
    verdict = _Verdict(key, certificate)
    if envelope.namespace != namespace:
        return verdict(State.WRONG_NAMESPACE, f"it is for the namespace {envelope.namespace[:40]}")
    if reason := _flaw(envelope, message):
        return verdict(State.BAD, reason)
    entries = allowed.of(key, certificate)
    if not entries:
        whose = "its certificate's authority" if certificate else "the key"
        return verdict(State.UNKNOWN_KEY, f"{whose} is not among the allowed signers")
    entries = [entry for entry in entries if entry.permits(namespace)]
    if not entries:
        return verdict(State.WRONG_NAMESPACE, f"the key may not sign for the namespace {namespace}")
    entries = [entry for entry in entries if entry.is_valid_at(when)]
    if not entries or (certificate and not certificate.is_valid_at(when)):
        return verdict(State.NOT_VALID, "the key was not valid at that time")
    for principal in principals:
        if not any(entry.names(principal, certificate) for entry in entries):
            return verdict(State.PRINCIPAL_MISMATCH, f"the key is not {principal}'s")
    return verdict(State.GOOD, principal=principals[-1])


def own_key(blob: bytes, message: bytes, namespace: str = NAMESPACE) -> PublicKey:
    """The key that an SSHSIG of `message` holds and was made with, whoever's it is. `InvalidSSH` if it is wrong."""
    envelope = decode_envelope(blob)
    if envelope.namespace != namespace:
        raise InvalidSSH(f"is for the namespace {envelope.namespace[:40]}")
    envelope.verify(message)
    return envelope.key


class _Verdict:
    """Makes verdicts on signatures by one key."""

    def __init__(self, key: PublicKey, certificate: Certificate | None) -> None:
        self._fingerprint = key.fingerprint
        self._type = f"{key.short_type}-CERT" if certificate else key.short_type

    def __call__(self, state: State, reason: str = "", principal: str = "") -> Signature:
        return Signature(state, principal, self._fingerprint, self._type, reason)


def _flaw(envelope: Envelope, message: bytes) -> str:
    """What is wrong with a signature, whoever made it; empty if nothing is."""
    try:
        details = envelope.verify(message)
    except InvalidSSH as error:
        return f"it {error}"
    certificate = envelope.certificate
    if certificate and VERIFY_REQUIRED in certificate.options and not _verified(details):
        return "the certificate requires the authenticator to verify its user, and it didn't"
    return ""


def _verified(details: FidoDetails | None) -> bool:
    return details is not None and bool(details.flags & VERIFIED)
