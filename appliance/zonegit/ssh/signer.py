"""A configured signing key, ready to sign: by this process if it can, else by ssh-keygen."""

from collections.abc import Callable
from pathlib import Path

from zonegit.errors import InvalidSSH, SigningFailed
from zonegit.ssh.envelope import NAMESPACE, decode_envelope
from zonegit.ssh.files import read_private_key
from zonegit.ssh.signing import sign
from zonegit.ssh.ssh_keygen import sign_by_program

Signer = Callable[[bytes], bytes]
"""From a message to its SSHSIG. Raises `SigningFailed`."""


def signer(path: Path) -> Signer:
    """The signer with the key in a file: a private one, or a public one whose private half an agent has.

    `SigningFailed` if there is no such key.
    """
    key = read_private_key(path)

    def signed(message: bytes) -> bytes:
        try:
            blob = sign(key, message) if key else sign_by_program(path, message)
            envelope = decode_envelope(blob)
            envelope.verify(message)
        except InvalidSSH as error:
            raise SigningFailed(f"{path}: the key can't sign here: its signature {error}") from None
        if envelope.namespace != NAMESPACE:
            raise SigningFailed(f"{path}: ssh-keygen signed for another namespace")
        return blob

    return signed
