"""Change the state of a key in its file: `promote` makes clients sign with it, `retire` makes servers refuse it.

A file is replaced atomically, and keeps its mode and owner, so that a daemon that reloads meanwhile reads the old
or the new one. Its comments are lost. Nothing is changed in a directory with a bad file. During a rotation
`auth.choice` decides which key a client signs with.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from zonegit.auth.key import Key, State
from zonegit.auth.keyfile import SUFFIX, key_text, read_secret
from zonegit.auth.keyring import Keyring
from zonegit.auth.scheme import encode64
from zonegit.errors import KeyFileError, NotFound, Refused

Change = tuple[str, State]
"""A key's id and its state after the change."""


def promotion(directory: Path, kid: str, now: float) -> list[Change]:
    """The changes that promote a key, in the order to write them: it gets `sign`, those that had it get `accept`.

    `NotFound`, `Refused` for a key that isn't valid now, `KeyFileError`.
    """
    keys, key = _find(directory, kid)
    if not key.valid(now):
        raise Refused(f"the key {kid} is retired or not valid now; promote another one, or write a new one")
    others: list[Change] = [(other.kid, State.ACCEPT) for other in keys if _signs(other) and other.kid != kid]
    return [(kid, State.SIGN), *others] if key.state is not State.SIGN else others


def retirement(directory: Path, kid: str, now: float, *, force: bool = False) -> list[Change]:
    """The changes that retire a key. `Refused` for the last valid `sign` key, unless `force`; `NotFound`."""
    keys, key = _find(directory, kid)
    others = [other for other in keys if _signs(other) and other.kid != kid and other.valid(now)]
    if _signs(key) and not others and not force:
        raise Refused(
            f"the key {kid} is the only one in state `sign`: promote its successor first, or retire it with --force"
        )
    return [(kid, State.RETIRED)] if key.state is not State.RETIRED else []


def write_states(directory: Path, changes: list[Change], random: Callable[[int], bytes]) -> None:
    """Write the changes, one file after the other. `random(n)` returns n bytes."""
    for kid, state in changes:
        path = directory / f"{kid}{SUFFIX}"
        key, secret = read_secret(path)
        text = key_text(replace(key, state=state), secret)
        try:
            _replace(path, directory / f".{kid}.{encode64(random(6))}", text.encode())
        except OSError as error:
            raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from None


def _find(directory: Path, kid: str) -> tuple[Keyring, Key]:
    keys = Keyring.load(directory)
    key = keys.get(kid)
    if key is None:
        raise NotFound(f"{directory}: has no key {kid[:80]!r}; see `zonegit key list --keys {directory}`")
    return keys, key


def _signs(key: Key) -> bool:
    return key.state is State.SIGN


def _replace(path: Path, temporary: Path, data: bytes) -> None:
    found = path.stat()
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), found.st_uid, found.st_gid)
            os.fchmod(file.fileno(), found.st_mode & 0o777)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
