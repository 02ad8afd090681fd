"""Reviews: signed tag objects that approve or reject exactly one commit, one of each reviewer.

    refs/reviews/<zone>/<first 40 digits of the commit's id>/<16 digits of BLAKE3 of the reviewer's mail>

The tag is called `approve` or `reject`; the header `force 1` says that an approval lifts the limits of a policy. A
later review by the same reviewer replaces the one before. Whether a review counts is up to whoever reads it: its
signature has to be that of an allowed approver, in whose name it is made.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from blake3 import blake3

from zonegit.errors import InvalidData, Refused
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import RefKind
from zonegit.repo.context import Context
from zonegit.repo.results import Revision
from zonegit.repo.signatures import AllowedSigners, Signature, mail_of, signature_of
from zonegit.repo.signing import encoded
from zonegit.repo.writing import checked_message
from zonegit.store.port import Reader, RefUpdate

FORCE: Final = ("force", "1")
_COMMIT: Final = 40
_REVIEWER: Final = 16
"""Hexadecimal digits in a ref's name."""


class Opinion(StrEnum):
    """What a reviewer thinks of a commit."""

    APPROVE = "approve"
    REJECT = "reject"


class Review(NamedTuple):
    """One review, whether it counts or not."""

    commit: ObjectId
    opinion: Opinion
    force: bool
    tag: Tag

    @property
    def reviewer(self) -> str:
        """The mail of who made it, as it says."""
        return mail_of(self.tag.tagger.name)


def review(
    context: Context,
    commit: Revision,
    opinion: Opinion,
    *,
    who: str | None,
    message: str | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> Review:
    """Sign a review of a commit, and keep it. `UsageError` without a signing key, `SigningFailed`.

    `Refused` for an approval by the commit's own author or committer: no policy would count it.
    """
    stamp = context.stamp(who)
    mail = mail_of(stamp.name)
    zone = commit.commit.zone
    if opinion is Opinion.APPROVE and mail in authors(commit):
        raise Refused(f"{mail} made commit {short(commit.id)}, and so can't approve it: somebody else has to")
    text = f"{opinion.capitalize()} {short(commit.id)}" if message is None else checked_message(message)
    made = Tag(commit.id, zone, opinion, stamp, f"{text}\n", (FORCE,) if force else ())
    data = encoded(context, made, True, dry_run=dry_run)
    if not dry_run:
        reviewer = blake3(mail.encode()).hexdigest()[:_REVIEWER]
        name = refs.review(zone, f"{commit.id.hex()[:_COMMIT]}/{reviewer}")
        with context.store.write() as writer:
            writer.insert([data])
            update = RefUpdate(name, writer.ref(name), object_id(data))
            writer.move_refs([update], stamp, f"review: {opinion} {short(commit.id)}")
    return Review(commit.id, opinion, force, Tag.decode(data))


def authors(commit: Revision) -> frozenset[str]:
    """The mails of who made a commit."""
    return frozenset((mail_of(commit.commit.author.name), mail_of(commit.commit.committer.name)))


def reviews(reader: Reader, zone: str) -> Iterator[Review]:
    """All reviews of a zone's commits, in the order of their refs. What isn't a review is left out."""
    for name, oid in reader.refs(f"refs/{RefKind.REVIEW}/{zone}/", lambda _: None):
        try:
            ref, tag = refs.parse(name), Tag.decode(reader.get(oid))
            opinion = Opinion(tag.name)
        except (InvalidData, ValueError):
            continue
        if ref.zone == zone and ref.name.startswith(f"{tag.target.hex()[:_COMMIT]}/"):
            yield Review(tag.target, opinion, FORCE in tag.extra, tag)


def counted(found: Iterator[Review], approvers: AllowedSigners) -> Mapping[ObjectId, list[Review]]:
    """The reviews that allowed approvers signed, by commits."""
    by_commit: dict[ObjectId, list[Review]] = {}
    for each in found:
        if verdict(each, approvers).is_good:
            by_commit.setdefault(each.commit, []).append(each)
    return by_commit


def verdict(made: Review, approvers: AllowedSigners) -> Signature:
    """Whether a review is signed by an allowed approver, in whose name it is made."""
    return signature_of(made.tag, approvers)
