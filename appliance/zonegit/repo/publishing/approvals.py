"""Who approved of commits that aren't published yet: what the gate's policy counts.

An approval is of one exact commit, and of all that it builds on: whoever approves of a commit has seen what would
be served. What it builds on isn't served alone by that: its content may be quite different. An approval never
counts for a commit that the approver made. A rejection counts for one commit, and so holds what builds on it.

One person may have several mails and keys: whoever shares either with the commit's maker, or with another approver,
is taken for the same person.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.repo.review_refs import ends_of
from zonegit.repo.reviews import Counted, Opinion, Person, Review, counted, maker, reviews
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.store.port import Reader

_NOBODY: Final = frozenset[Person]()


class Approvals(NamedTuple):
    """The reviews that count."""

    approvers: Mapping[ObjectId, frozenset[Person]] = {}
    """By commits, who approved of them or of what builds on them."""
    seen: frozenset[ObjectId] = frozenset()
    """Commits that somebody approved of themselves who didn't make them."""
    rejections: Mapping[ObjectId, Review] = {}
    forced: frozenset[ObjectId] = frozenset()
    """Commits whose approval lifts the limits."""

    def how_many(self, oid: ObjectId, commit: Commit) -> int:
        """How many people approved of a commit, without those who made it."""
        approvers = self.approvers.get(oid, _NOBODY)
        return _others(approvers, commit) if approvers else 0


def approvals(reader: Reader, zone: str, new: Mapping[ObjectId, Commit], allowed: AllowedSigners) -> Approvals:
    """The reviews of these commits, which are given parents first."""
    ends = ends_of(allowed)  # strangers may have pushed any number of reviews: those aren't even read
    found = counted((each for oid in new for each in reviews(reader, zone, oid, ends)), allowed)
    approvers = {oid: frozenset(each.person for each in found.get(oid, ()) if _approves(each)) for oid in new}
    seen = frozenset(oid for oid, people in approvers.items() if people and _others(people, new[oid]))
    for oid, commit in reversed(list(new.items())):
        for parent in commit.parents:
            if parent in new:
                approvers[parent] |= approvers[oid]
    every = [each.review for of_commit in found.values() for each in of_commit]
    rejections = {each.commit: each for each in every if each.opinion is Opinion.REJECT}
    forced = (each for of_commit in found.values() for each in of_commit if _approves(each) and each.review.force)
    lifting = frozenset(each.review.commit for each in forced if not _made_any(each, new))
    return Approvals(approvers, seen, rejections, lifting)


def _others(found: Iterable[Person], commit: Commit) -> int:
    """How many people these are, without those who made the commit."""
    makers = maker(commit)
    return sum(makers.isdisjoint(each) for each in _apart([makers, *found]))


def _approves(each: Counted) -> bool:
    return each.review.opinion is Opinion.APPROVE


def _made_any(each: Counted, new: Mapping[ObjectId, Commit]) -> bool:
    """Whether a reviewer made any of what would be published with the commit."""
    todo, seen = [each.review.commit], set[ObjectId]()
    while todo:
        oid = todo.pop()
        if oid in new and oid not in seen:
            if not each.person.isdisjoint(maker(new[oid])):
                return True
            seen.add(oid)
            todo += new[oid].parents
    return False


def _apart(found: Iterable[Person]) -> list[Person]:
    """The same with those put together that have something in common."""
    people: list[Person] = []
    for each in found:
        same = [other for other in people if not each.isdisjoint(other)]
        people = [*(other for other in people if other not in same), each.union(*same)]
    return people
