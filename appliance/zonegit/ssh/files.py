"""The files of the room: private keys, allowed signers, and new key pairs."""

import binascii
import os
import stat
from base64 import b64decode
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from zonegit.errors import AllowedSignersError, InvalidSSH, KeyFileExists, SigningFailed
from zonegit.ssh.allowed_signers import MAX_FILE, AllowedSigners, parse_allowed_signers
from zonegit.ssh.public_key import PublicKey
from zonegit.ssh.signing import PRIVATE_KEYS, PrivateKey
from zonegit.ssh.wire import Reader

_MAX_KEY: Final = 64 << 10
_BEGIN: Final = b"-----BEGIN OPENSSH PRIVATE KEY-----"
_END: Final = b"-----END OPENSSH PRIVATE KEY-----"
_MAGIC: Final = b"openssh-key-v1\0"
_SAFELY: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC


def read_private_key(path: Path) -> PrivateKey | None:
    """The private key in a file; None if only ssh-keygen can use it (a passphrase, an agent, an authenticator).

    `SigningFailed` if the file can't be read, if others than its owner can read it, or if its key is damaged.
    """
    try:
        data, status = _read(path, _MAX_KEY)
    except OSError as error:
        raise SigningFailed(f"{path}: the signing key can't be read: {error.strerror}") from None
    if not data.startswith(_BEGIN):
        return None
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise SigningFailed(f"{path}: mode {mode:04o} lets others use the key; run: chmod 0600 {path}")
    try:
        if _is_encrypted(data):
            return None
        key = load_ssh_private_key(data, None)
    except UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError, InvalidSSH):
        raise SigningFailed(f"{path}: the signing key is damaged") from None
    return key if isinstance(key, PRIVATE_KEYS) else None


def _is_encrypted(data: bytes) -> bool:
    """Whether the key in OpenSSH's format (PROTOCOL.key) needs a passphrase, or is on an authenticator."""
    body = data.removeprefix(_BEGIN).partition(_END)[0]
    try:
        reader = Reader(b64decode(b"".join(body.split()), validate=True))
    except binascii.Error:
        raise InvalidSSH("is not base64") from None
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise InvalidSSH("is not OpenSSH's format")
    cipher = reader.string()
    reader.string()  # the key derivation function
    reader.string()
    if reader.uint32() != 1:
        raise InvalidSSH("has several keys")
    return cipher != b"none" or Reader(reader.string()).text().startswith("sk-")


def read_allowed_signers(path: Path) -> AllowedSigners:
    """The allowed signers in a file. `AllowedSignersError`. An unchanged file isn't parsed again."""
    try:
        data, _ = _read(path, MAX_FILE)
    except OSError as error:
        raise AllowedSignersError(f"{path}: the allowed signers can't be read: {error.strerror}") from None
    return _parsed(data, str(path))


_parsed = lru_cache(maxsize=16)(parse_allowed_signers)


def _read(path: Path, most: int) -> tuple[bytes, os.stat_result]:
    """A file's bytes, one more than `most` if it has more, and its status. OSError for anything but a file."""
    descriptor = os.open(path, _SAFELY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "it is not a regular file")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(most + 1), status
    finally:
        os.close(descriptor)


def write_key_pair(path: Path, private: bytes, public: PublicKey, comment: str) -> Path:
    """Write a new key pair; returns the path of the public half, which ends with `.pub`.

    `KeyFileExists` if either file exists, and `SigningFailed` if it can't be written. Then neither is left.
    """
    other = path.with_name(f"{path.name}.pub")
    made: list[Path] = []
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each, data, mode in ((path, private, 0o600), (other, _public_text(public, comment), 0o644)):
            descriptor = os.open(each, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
            made.append(each)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        for each in made:
            with suppress(OSError):
                each.unlink()
        name = error.filename or path
        if isinstance(error, FileExistsError):
            raise KeyFileExists(f"{name}: already exists; choose another name") from None
        raise SigningFailed(f"{name}: the key can't be written: {error.strerror}") from None
    return other


def _public_text(public: PublicKey, comment: str) -> bytes:
    return f"{public.line} {comment}".rstrip().encode() + b"\n"
