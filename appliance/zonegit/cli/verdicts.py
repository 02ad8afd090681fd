"""Signatures of commits and tags in one line each, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.cli.output import Output, Style
from zonegit.errors import AllowedSignersError
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zonegit.cli.shapes import JsonObject
    from zonegit.model.commit import Commit, Tag
    from zonegit.repo import Repository
    from zonegit.repo.signatures import Signature


def verdicts(
    repo: Repository, out: Output, otherwise: Path | None = None
) -> Callable[[Commit | Tag], Signature | None]:
    """Judges objects by the configured allowed signers, else by those of the file `otherwise`; None for an object
    without a signature.

    If the file of allowed signers can't be read, a warning says so, and no key is trusted.
    """
    from zonegit.repo.signing import is_signed_object

    loaded: list[Callable[[Commit | Tag], Signature]] = []

    def judged(made: Commit | Tag) -> Signature | None:
        if not is_signed_object(made):
            return None
        if not loaded:
            loaded.append(_judge(repo, out, otherwise))
        return loaded[0](made)

    return judged


def _judge(repo: Repository, out: Output, otherwise: Path | None) -> Callable[[Commit | Tag], Signature]:
    try:
        allowed = repo.allowed_signers()
        if allowed is None and otherwise is not None:
            allowed = repo.allowed_signers(otherwise)
    except AllowedSignersError as error:
        out.warn(printable(str(error)))
        allowed = None
    return lambda made: repo.signature(made, allowed)


def shape(value: Signature | None) -> JsonObject | None:
    """A signature; null if there is none."""
    if value is None:
        return None
    return {
        "state": value.state.value,
        "principal": value.principal,
        "key_type": value.key_type,
        "fingerprint": value.fingerprint,
        "reason": value.reason,
    }


def line(value: Signature | None, none: str = "none") -> str:
    """What `show` and `log` print behind `Signature:`; `none` if there isn't any."""
    return printable(str(value)) if value else none


def style(value: Signature) -> Style:
    return Style.NEW if value.is_good else Style.OLD
