"""Who validly signed a commit or a tag.

    signer_of(data, read_allowed_signers(path)).is_good

The key must be that of the author and of the committer, by the mail that their names hold. As in git, the time that
counts is the committer's, not the present: a key that expires doesn't spoil what it has signed.
"""

import binascii
import re
from base64 import b64decode, b64encode
from typing import Final

from zonegit.errors import InvalidObject
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, kind_of
from zonegit.repo.signing import SIGNATURE, without_signature
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.ssh.verdict import UNSIGNED, Signature, State, bad, judge

__all__ = ["AllowedSigners", "Signature", "State", "mail_of", "signature_of", "signer_of"]

_MAIL: Final = re.compile(r"[^<>]*<([^<>]+)>")


def signer_of(data: bytes, allowed: AllowedSigners) -> Signature:
    """The verdict on the signature of a commit or tag, given by its bytes. `InvalidObject` for anything else."""
    kind = kind_of(data)
    if kind is Kind.COMMIT:
        return signature_of(Commit.decode(data), allowed)
    if kind is Kind.TAG:
        return signature_of(Tag.decode(data), allowed)
    raise InvalidObject(f"a {kind.name.lower()} has no signature")


def signature_of(made: Commit | Tag, allowed: AllowedSigners) -> Signature:
    """The same for a decoded object."""
    found = [value for name, value in made.extra if name == SIGNATURE]
    if not found:
        return UNSIGNED
    if len(found) > 1:
        return bad("the object has several")
    try:
        blob = b64decode(found[0], validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    if b64encode(blob).decode() != found[0]:
        return bad("the header is not base64")
    if isinstance(made, Commit):
        stamps, message = [made.author, made.committer], without_signature(made).encode()
    else:
        stamps, message = [made.tagger], without_signature(made).encode()
    return judge(blob, message, allowed, stamps[-1].time, [mail_of(stamp.name) for stamp in stamps])


def mail_of(name: str) -> str:
    """The principal of an author, committer or tagger: the mail in `Name <mail>`, else the whole name."""
    match = _MAIL.fullmatch(name)
    return match[1] if match else name
