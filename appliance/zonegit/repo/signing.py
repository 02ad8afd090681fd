"""Signing new commits and tags: the signature becomes one header, over all of the object's other bytes."""

from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from zonegit.errors import UsageError
from zonegit.model.commit import Commit, Tag
from zonegit.repo.context import Context
from zonegit.repo.settings import SIGN, SIGNING_KEY, settings

SIGNATURE: Final = "signature"
"""The name of the header."""

_Made = TypeVar("_Made", Commit, Tag)


def encoded(context: Context, made: _Made, sign: bool | None, *, dry_run: bool = False) -> bytes:
    """The bytes of a new object, signed if `sign` says so; None leaves that to the setting `commit.sign`.

    `UsageError` without a signing key, and `SigningFailed`. A dry run signs nothing.
    """
    data = made.encode()
    key = _key(context, sign)
    if key is None or dry_run:
        return data
    from zonegit.ssh.signer import signer

    return with_signature(made, signer(key)(data)).encode()


def encoder(context: Context, sign: bool | None, *, dry_run: bool = False) -> Callable[[Commit], bytes]:
    """The same, for those who make commits and know of no context."""
    return lambda commit: encoded(context, commit, sign, dry_run=dry_run)


def with_signature(made: _Made, blob: bytes) -> _Made:
    """The object with a signature's header."""
    header = (SIGNATURE, b64encode(blob).decode())
    return made._replace(extra=(*without_signature(made).extra, header))


def without_signature(made: _Made) -> _Made:
    """The object without any signature: what is signed."""
    return made._replace(extra=tuple(header for header in made.extra if header[0] != SIGNATURE))


def is_signed_object(made: Commit | Tag) -> bool:
    """Whether an object has a signature, good or not."""
    return any(name == SIGNATURE for name, _ in made.extra)


def _key(context: Context, sign: bool | None) -> Path | None:
    """The file of the key to sign with; None if nothing is to be signed."""
    if sign is False:
        return None
    with context.store.read() as reader:
        values = settings(reader, context.seat)
    if sign is None and values.get(SIGN) != "true":
        return None
    if SIGNING_KEY not in values:
        raise UsageError(
            f"there is no key to sign with: 'zonegit config {SIGNING_KEY} FILE' names one, "
            "'zonegit keygen' makes one"
        )
    return Path(values[SIGNING_KEY])
