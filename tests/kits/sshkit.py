"""SSH keys for tests, among them a software FIDO authenticator, and `ssh-keygen` to compare with.

Run as a program it writes `tests/vectors/ssh.json` anew: signatures by every accepted type of key.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from zonegit.ssh.allowed_signers import AllowedSigners, parse_allowed_signers
from zonegit.ssh.envelope import encode_envelope, signed_bytes
from zonegit.ssh.public_key import PublicKey, parse_key
from zonegit.ssh.signing import PrivateKey, public_key, sign
from zonegit.ssh.wire import positive, string

NAMESPACE = "zonegit"
PLAIN = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ssh-rsa")
FIDO = ("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com")
APPLICATION = b"ssh:"
VECTORS = Path(__file__).parents[1] / "vectors" / "ssh.json"


@cache
def private_key(kind: str = "ssh-ed25519", number: int = 0) -> PrivateKey:
    """One of any number of keys of a type."""
    if kind == "ssh-ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    if kind == "ssh-rsa":
        return rsa.generate_private_key(65537, 3072)
    return ec.generate_private_key(ec.SECP256R1() if kind.endswith("256") else ec.SECP384R1())


def private_text(key: PrivateKey) -> bytes:
    """The text of its file, in OpenSSH's format."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def write_key(path: Path, key: PrivateKey) -> Path:
    """A key's file, with the `.pub` beside it."""
    path.write_bytes(private_text(key))
    path.chmod(0o600)
    path.with_name(f"{path.name}.pub").write_text(f"{public_key(key).line}\n")
    return path


class Authenticator(NamedTuple):
    """A FIDO authenticator in software: it signs as PROTOCOL.u2f says, with any flags and counter."""

    kind: str
    private: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
    application: bytes = APPLICATION

    @classmethod
    def of(cls, kind: str, application: bytes = APPLICATION) -> "Authenticator":
        if kind == FIDO[0]:
            return cls(kind, ed25519.Ed25519PrivateKey.generate(), application)
        return cls(kind, ec.generate_private_key(ec.SECP256R1()), application)

    @property
    def public(self) -> PublicKey:
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            fields = string(raw)
        else:
            raw = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            fields = string(b"nistp256") + string(raw)
        return parse_key(string(self.kind.encode()) + fields + string(self.application))

    def sign(self, message: bytes, flags: int, counter: int, namespace: str = NAMESPACE) -> bytes:
        """An SSHSIG: the authenticator signs the hashes of its application and of the data, and what it says."""
        said = bytes([flags]) + counter.to_bytes(4, "big")
        digest = sha256(signed_bytes(message, namespace)).digest()
        data = sha256(self.application).digest() + said + digest
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            raw = self.private.sign(data)
        else:
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            raw = positive(r) + positive(s)
        return encode_envelope(self.public.blob, string(self.kind.encode()) + string(raw) + said, namespace)


def allowed(*lines: str) -> AllowedSigners:
    """Allowed signers of these lines."""
    return parse_allowed_signers("\n".join(lines).encode(), "allowed_signers")


class SshKeygen:
    """The real program, in a directory of its own."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program = program
        self.directory = directory

    def run(self, *words: str, data: bytes = b"", **environment: str) -> "subprocess.CompletedProcess[bytes]":
        """Run it with these arguments."""
        env = {**os.environ, "TZ": "UTC", "SSH_AUTH_SOCK": "", **environment}
        return subprocess.run(
            [self._program, *words], cwd=self.directory, input=data, capture_output=True, check=False, env=env
        )

    def make(self, name: str, *words: str) -> Path:
        """A new key."""
        self.run("-q", "-t", *words, "-N", "", "-C", name, "-f", name).check_returncode()
        return self.directory / name

    def sign(self, key: Path, message: bytes, namespace: str = NAMESPACE, *words: str) -> bytes:
        """An armored signature."""
        done = self.run("-Y", "sign", "-f", str(key), "-n", namespace, *words, data=message)
        done.check_returncode()
        return done.stdout

    def verifies(
        self,
        signature: bytes,
        message: bytes,
        signers: str,
        principal: str,
        when: str = "",
        namespace: str = NAMESPACE,
    ) -> bool:
        """Whether it accepts an armored signature."""
        (self.directory / "signers").write_text(signers)
        (self.directory / "signature").write_bytes(signature)
        at = [f"-Overify-time={when}"] if when else []
        words = ["-Y", "verify", "-f", "signers", "-I", principal, "-n", namespace, "-s", "signature", *at]
        return self.run(*words, data=message).returncode == 0

    def principals(self, signature: bytes, signers: str, when: str = "") -> list[str]:
        """What `-Y find-principals` finds."""
        (self.directory / "signers").write_text(signers)
        (self.directory / "signature").write_bytes(signature)
        at = [f"-Overify-time={when}"] if when else []
        done = self.run("-Y", "find-principals", "-f", "signers", "-s", "signature", *at)
        return done.stdout.decode().split() if not done.returncode else []

    def certify(self, authority: Path, public: Path, principals: Sequence[str], *words: str) -> Path:
        """A certificate of a key; returns its path."""
        named = ["-n", ",".join(principals)] if principals else []
        self.run("-q", "-s", str(authority), "-I", "test", *named, *words, str(public)).check_returncode()
        return public.with_name(f"{public.stem}-cert.pub")


def blob_in(path: Path) -> bytes:
    """The encoded key or certificate in a `.pub` file."""
    return b64decode(path.read_text().split()[1])


def vectors() -> list[dict[str, object]]:
    """Signatures by every accepted type: the plain ones as zonegit makes them, the others by the authenticator."""
    message = b"commit of zonegit\n"
    made: list[dict[str, object]] = []
    for kind in PLAIN:
        key = private_key(kind)
        made.append(_vector(public_key(key), message, sign(key, message), None))
    for kind in FIDO:
        for flags, counter in ((0x01, 7), (0x05, 0xFFFFFFFF), (0x00, 0)):
            authenticator = Authenticator.of(kind)
            signature = authenticator.sign(message, flags, counter)
            made.append(_vector(authenticator.public, message, signature, (flags, counter)))
    return made


def _vector(key: PublicKey, message: bytes, signature: bytes, said: tuple[int, int] | None) -> dict[str, object]:
    return {
        "key": key.line,
        "fingerprint": key.fingerprint,
        "message": message.decode(),
        "said": said,
        "signature": b64encode(signature).decode(),
    }


if __name__ == "__main__":
    VECTORS.write_text(json.dumps(vectors(), indent=1) + "\n")
    sys.stdout.write(f"wrote {VECTORS}\n")
