"""Who validly signed a commit or a tag.

    signer_of(data, read_allowed_signers(path)).is_good

The key must be that of the author and of the committer, by the mail that their names hold. As in git, the time that
counts is the committer's, not the present: a key that expires doesn't spoil what it has signed.
"""

import binascii
import re
from base64 import b64decode, b64encode
from typing import Final

from zonegit.errors import InvalidObject, InvalidSSH
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, kind_of
from zonegit.repo.signing import SIGNATURE, is_signed_object, without_signature
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.ssh.public_key import PublicKey
from zonegit.ssh.verdict import UNSIGNED, Signature, State, bad, judge, own_key

__all__ = ["AllowedSigners", "Signature", "State", "mail_of", "signature_of", "signer_of", "signing_key"]

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
    if not is_signed_object(made):
        return UNSIGNED
    try:
        blob = _blob(made)
    except InvalidSSH as error:
        return bad(str(error))
    stamps = [made.author, made.committer] if isinstance(made, Commit) else [made.tagger]
    return judge(blob, _signed(made), allowed, stamps[-1].time, [mail_of(stamp.name) for stamp in stamps])


def signing_key(made: Commit | Tag) -> PublicKey:
    """The key that validly signed an object, whoever's it is. `InvalidObject` if none did."""
    try:
        return own_key(_blob(made), _signed(made))
    except InvalidSSH as error:
        raise InvalidObject(f"the signature can't be read or is wrong: {error}") from None


def _signed(made: Commit | Tag) -> bytes:
    """What a signature of an object is of."""
    if isinstance(made, Commit):
        return without_signature(made).encode()
    return without_signature(made).encode()


def _blob(made: Commit | Tag) -> bytes:
    """The SSHSIG in an object's header. `InvalidSSH` if there isn't exactly one."""
    found = [value for name, value in made.extra if name == SIGNATURE]
    if len(found) != 1:
        raise InvalidSSH("the object has several" if found else "the object has none")
    try:
        blob = b64decode(found[0], validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    if b64encode(blob).decode() != found[0]:
        raise InvalidSSH("the header is not base64")
    return blob


def mail_of(name: str) -> str:
    """The principal of an author, committer or tagger: the mail in `Name <mail>`, else the whole name."""
    match = _MAIL.fullmatch(name)
    return match[1] if match else name
