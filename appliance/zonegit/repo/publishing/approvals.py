"""Who approved of commits that aren't published yet: what the gate's policy counts.

An approval is of one exact commit, and of all that it builds on: whoever approves of a commit has seen what would
be served. What it builds on isn't served alone by that: its content may be quite different. An approval never
counts for a commit that the approver made. A rejection counts for one commit, and so holds what
builds on it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.repo.results import Revision
from zonegit.repo.reviews import Opinion, Review, authors, counted, reviews
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.store.port import Reader

_NONE: frozenset[str] = frozenset()


class Approvals(NamedTuple):
    """The reviews that count."""

    approvers: Mapping[ObjectId, frozenset[str]] = {}
    """By commits, the mails of who approved of them or of what builds on them."""
    seen: frozenset[ObjectId] = frozenset()
    """Commits that somebody approved of themselves who didn't make them."""
    rejections: Mapping[ObjectId, Review] = {}
    forced: frozenset[ObjectId] = frozenset()
    """Commits whose approval lifts the limits."""

    def of(self, oid: ObjectId, commit: Commit) -> frozenset[str]:
        """The mails of who approved of a commit, without those of who made it."""
        return self.approvers.get(oid, _NONE) - authors(Revision(oid, commit))


def approvals(reader: Reader, zone: str, new: Mapping[ObjectId, Commit], allowed: AllowedSigners) -> Approvals:
    """The reviews of these commits, which are given parents first."""
    found = counted((each for each in reviews(reader, zone) if each.commit in new), allowed)
    approvers = {oid: frozenset(each.reviewer for each in found.get(oid, ()) if _approves(each)) for oid in new}
    seen = frozenset(oid for oid, commit in new.items() if approvers[oid] - authors(Revision(oid, commit)))
    for oid, commit in reversed(list(new.items())):
        for parent in commit.parents:
            if parent in new:
                approvers[parent] |= approvers[oid]
    every = [each for of_commit in found.values() for each in of_commit]
    rejections = {each.commit: each for each in every if not _approves(each)}
    forced = frozenset(each.commit for each in every if _lifts_limits(each, new))
    return Approvals(approvers, seen, rejections, forced)


def _approves(each: Review) -> bool:
    return each.opinion is Opinion.APPROVE


def _lifts_limits(each: Review, new: Mapping[ObjectId, Commit]) -> bool:
    made_it = authors(Revision(each.commit, new[each.commit]))
    return _approves(each) and each.force and each.reviewer not in made_it
