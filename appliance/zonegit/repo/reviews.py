"""Reviews: signed tag objects that approve or reject exactly one commit.

The tag is called `approve` or `reject`; the header `force 1` says that an approval lifts the limits of a policy. A
later review by the same reviewer counts in place of the one before. Whether a review counts is up to whoever reads
it: its signature has to be that of an allowed approver, in whose name it is made. `repo.review_refs` has its ref.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, InvalidObject, Refused
from zonegit.model import refs
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import RefKind
from zonegit.repo import review_refs
from zonegit.repo.context import Context
from zonegit.repo.messages import checked_message
from zonegit.repo.results import Revision
from zonegit.repo.review_refs import keep, reviews_of
from zonegit.repo.signatures import AllowedSigners, Signature, mail_of, signature_of, signing_key
from zonegit.repo.signing import encoded
from zonegit.store.port import Reader

FORCE: Final = ("force", "1")


class Opinion(StrEnum):
    """What a reviewer thinks of a commit."""

    APPROVE = review_refs.APPROVE
    REJECT = review_refs.REJECT


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


Person = frozenset[str]
"""Mails, and fingerprints of keys, that are taken for one person's."""


class Counted(NamedTuple):
    """A review by an allowed approver."""

    review: Review
    person: Person
    """The reviewer and the key."""


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

    `Refused` for an approval by who made the commit: no policy would count it.
    """
    stamp = context.stamp(who)
    mail = mail_of(stamp.name)
    zone = commit.commit.zone
    made_by = maker(commit.commit) if opinion is Opinion.APPROVE else frozenset()
    if mail in made_by:
        raise Refused(f"{mail} made commit {short(commit.id)}, and so can't approve it: somebody else has to")
    text = f"{opinion.capitalize()} {short(commit.id)}" if message is None else checked_message(message)
    with context.store.read() as reader:
        before = [each.tag.tagger.time for each in reviews(reader, zone, commit.id) if each.reviewer == mail]
    stamp = stamp._replace(time=max([stamp.time, *(time + 1 for time in before)]))
    made = Tag(commit.id, zone, opinion, stamp, f"{text}\n", (FORCE,) if force else ())
    data = encoded(context, made, True, dry_run=dry_run)
    tag = Tag.decode(data)
    if not dry_run and signing_key(tag).fingerprint in made_by:
        raise Refused(
            f"the same key signed commit {short(commit.id)}, and so can't approve it: somebody else has to"
        )
    if not dry_run:
        keep(context, tag, f"review: {opinion} {short(commit.id)}")
    return Review(commit.id, opinion, force, tag)


def maker(commit: Commit) -> Person:
    """Who made a commit: its author, its committer, and the key that signed it."""
    mails = frozenset((mail_of(commit.author.name), mail_of(commit.committer.name)))
    with suppress(InvalidObject):
        return mails | {signing_key(commit).fingerprint}
    return mails


def reviews(
    reader: Reader, zone: str, commit: ObjectId | None = None, ends: Container[str] | None = None
) -> Iterator[Review]:
    """The reviews of a zone's commits, or of one of them, in the order of their refs. What isn't a review is left
    out. `ends`: only those whose names end so (`repo.review_refs`).
    """
    below = reviews_of(commit) if commit else ""
    for name, oid in reader.refs(f"refs/{RefKind.REVIEW}/{zone}/{below}", lambda _: None):
        if ends is not None and name.rpartition("/")[2] not in ends:
            continue
        try:
            ref, tag = refs.parse(name), Tag.decode(reader.get(oid))
            opinion = Opinion(tag.name)
        except (InvalidData, ValueError):
            continue
        if ref.zone == zone and ref.name.startswith(reviews_of(tag.target)) and commit in (None, tag.target):
            yield Review(tag.target, opinion, FORCE in tag.extra, tag)


def counted(found: Iterable[Review], approvers: AllowedSigners) -> Mapping[ObjectId, list[Counted]]:
    """The reviews that allowed approvers signed, by commits: of each reviewer, and of each key, the last one."""
    by_commit: dict[ObjectId, list[Counted]] = {}
    for each in sorted(found, key=lambda each: (each.tag.tagger.time, object_id(each.tag.encode()))):
        signature = verdict(each, approvers)
        if signature.is_good:
            person = frozenset((each.reviewer, signature.fingerprint))
            others = [other for other in by_commit.get(each.commit, ()) if person.isdisjoint(other.person)]
            by_commit[each.commit] = [*others, Counted(each, person)]
    return by_commit


def verdict(made: Review, approvers: AllowedSigners) -> Signature:
    """Whether a review is signed by an allowed approver, in whose name it is made."""
    return signature_of(made.tag, approvers)
