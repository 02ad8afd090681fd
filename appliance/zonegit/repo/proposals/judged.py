"""The reviews of proposals, and which of them count."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from zonegit.errors import InvalidData, NotFound
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.history import read_commit
from zonegit.repo.proposals.reading import Proposal
from zonegit.repo.publishing.approvals import approvals
from zonegit.repo.results import Revision
from zonegit.repo.reviews import Counted, Opinion, Review, counted, maker, reviews, verdict
from zonegit.repo.signatures import AllowedSigners
from zonegit.store.port import Reader


class Judged(NamedTuple):
    """A review of a proposal, and whether it counts."""

    review: Review
    why_not: str
    """Why it doesn't count; empty if it does."""


class Tally(NamedTuple):
    """How many reviews of a proposal count."""

    approvals: int
    rejections: int


def judged(reader: Reader, proposal: Proposal, approvers: AllowedSigners | None) -> list[Judged]:
    """The reviews of a proposal's tip, of what it builds on and of its earlier tips, the oldest first.

    `approvers`: None without a policy that says whose reviews count.
    """
    onto = reader.live(refs.head(proposal.zone, proposal.target.branch))
    behind = {proposal.tip, *missing_commits(reader, [proposal.tip], [onto] if onto else [])}
    tips = behind.union(_tips_before(reader, proposal))
    found = [each for each in reviews(reader, proposal.zone) if each.commit in tips]
    found.sort(key=lambda each: each.tag.tagger.time)
    last = counted(found, approvers) if approvers else {}
    return [Judged(each, _why_not(reader, each, proposal, behind, approvers, last)) for each in found]


def tallies(
    reader: Reader, zone: str, found: Iterable[Proposal], approvers: AllowedSigners
) -> Mapping[ObjectId, Tally]:
    """How many reviews count, by the tips of proposals."""
    tips = sorted((read_commit(reader, oid) for oid in {each.tip for each in found}), key=_generation)
    reviewed = approvals(reader, zone, dict(tips), approvers)
    return {tip.id: Tally(reviewed.how_many(*tip), int(tip.id in reviewed.rejections)) for tip in tips}


def _generation(revision: Revision) -> int:
    return revision.commit.generation


def _why_not(
    reader: Reader,
    each: Review,
    proposal: Proposal,
    behind: Collection[ObjectId],
    approvers: AllowedSigners | None,
    last: Mapping[ObjectId, list[Counted]],
) -> str:
    rejects = each.opinion is Opinion.REJECT
    if each.commit != proposal.tip and not (rejects and each.commit in behind):
        return "of an earlier tip"
    if approvers is None:
        return "no policy says whose reviews count"
    signature = verdict(each, approvers)
    if not signature.is_good:
        return f"its signature is {signature}"
    person = frozenset((each.reviewer, signature.fingerprint))
    if not rejects and not person.isdisjoint(maker(read_commit(reader, each.commit).commit)):
        return "of their own commit"
    return "" if Counted(each, person) in last.get(each.commit, ()) else "replaced by a later one"


def _tips_before(reader: Reader, proposal: Proposal) -> Iterator[ObjectId]:
    """What was proposed here before."""
    for entry in reader.reflog(proposal.ref):
        try:
            if entry.old is not None:
                yield Tag.decode(reader.get(entry.old)).target
        except (NotFound, InvalidData):
            continue
