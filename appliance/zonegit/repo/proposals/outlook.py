"""What would change if a proposal landed now: the merge with its target, not the branch alone."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple

from zonegit.errors import AllowedSignersError, InvalidZone, MergeConflict, Refused
from zonegit.model.foreign import one_line
from zonegit.model.ids import object_id
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.canonical import seq_of
from zonegit.repo.changes import change
from zonegit.repo.combining import Plan, draft_plan
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft, make_commit
from zonegit.repo.history import read_commit
from zonegit.repo.judging import Edit, findings_of
from zonegit.repo.merges import may_forward, plan_of
from zonegit.repo.proposals.reading import Proposal
from zonegit.repo.publishing.gate import REPAIR, Gate
from zonegit.repo.publishing.policy import Held, PublishPolicy, Reason, Validate
from zonegit.repo.publishing.reading import published_at
from zonegit.repo.results import MAX_LISTED, Change, Contradiction, Revision
from zonegit.repo.stopped import Stopped
from zonegit.repo.tombstones import refuse_tombstone
from zonegit.repo.writing import CommitOptions
from zonegit.tree.diff import diff
from zonegit.zonefile.findings import Finding

_SUBJECT: Final = 200
"""The most characters of a proposal's subject in the message of its merge."""


_REMEDIES: Final[Mapping[Reason, str]] = {
    Reason.NOT_BEFORE: "wait",
    Reason.REJECTED: "have it approved by the same reviewer",
    Reason.UNSIGNED: "make its commits again with -S, and propose that",
}
"""The remedies before it has landed: the target has nothing to go back from."""


class Way(StrEnum):
    """How a proposal lands."""

    FORWARD = "fast-forward"
    MERGE = "merge"
    BLOCKED = "blocked"
    """Not at all, as it stands."""


class Difference(NamedTuple):
    """What would change in the target."""

    changes: list[Change]
    """At most `MAX_LISTED`."""
    total: int
    findings: list[Finding]
    """What `zonegit check` says about it."""


class Outlook(NamedTuple):
    """What would become of a proposal's target if it landed now."""

    way: Way
    onto: Revision
    """The target's tip."""
    commits: list[Revision]
    """Those that the target lacks, newest first."""
    result: Revision | None
    """The target's tip afterwards; of a merge this commit isn't stored. None if it can't land."""
    difference: Difference = Difference([], 0, [])
    obstacle: str = ""
    """Why it can't land."""
    conflicts: tuple[Contradiction, ...] = ()
    together: tuple[str, ...] = ()
    """Errors of the merged zone, if each side alone is valid."""
    held: Held | None = None
    """What would hold the target's tip; of a merge, apart from approvals and a signature of its own."""


def outlook(
    context: Context, proposal: Proposal, policy: PublishPolicy | None = None, validate: Validate | None = None
) -> Outlook:
    """What would become of the target, and with a `policy` of it also what would hold it.

    `NotFound` if the target is gone. Without `validate`, the policy's validator isn't asked.
    """
    ours = context.tip(proposal.target)
    theirs = read_commit(context.nodes.source, proposal.tip)
    with context.store.read() as reader:
        missing = missing_commits(reader, [theirs.id], [ours.revision.id])
    commits = [Revision(*item) for item in reversed(missing.items())]
    try:
        refuse_tombstone(theirs)
        if may_forward(context, ours.revision, theirs, {}):
            way, over, result = Way.FORWARD, context, theirs
        else:
            draft = draft_plan(context, merge_plan(context, proposal, ours, theirs, {}), ours)
            way, (over, result) = Way.MERGE, _merged(context, proposal, ours, theirs, draft)
    except MergeConflict as conflict:
        found = tuple(each for each in conflict.conflicts if isinstance(each, Contradiction))
        return Outlook(
            Way.BLOCKED,
            ours.revision,
            commits,
            None,
            Difference([], 0, []),
            str(conflict),
            found,
            tuple(conflict.together),
        )
    except (Refused, InvalidZone) as error:
        return Outlook(Way.BLOCKED, ours.revision, commits, None, obstacle=str(error))
    difference = _difference(over, ours, result)
    held = _held(over, proposal, policy, validate, result, way) if policy else None
    return Outlook(way, ours.revision, commits, result, difference, held=held)


def merge_plan(
    context: Context, proposal: Proposal, ours: Content, theirs: Revision, options: CommitOptions
) -> Plan:
    """The merge of a proposal, as `repo.combining` carries it out."""
    name = f"proposal {proposal.name}"
    message = f"Merge {name}: {one_line(proposal.subject, _SUBJECT)}"
    state = Stopped("merge", proposal.target, ours.revision.id, theirs.id, name, message)
    return plan_of(state, theirs, options)


def _merged(
    context: Context, proposal: Proposal, ours: Content, theirs: Revision, draft: Draft
) -> tuple[Context, Revision]:
    """The merge commit as it would be, and a context that has its content."""
    nodes = context.nodes.over({object_id(data): data for data in draft.objects})
    commit = make_commit(
        ours,
        proposal.zone,
        object_id(draft.objects[-1]),
        seq_of(context.nodes, [ours.revision.id, theirs.id]),
        context.stamp(proposal.tag.tagger.name),
        f"Merge proposal {proposal.name}\n",
        None,
        others=(theirs,),
    )
    return context._replace(nodes=nodes), Revision(object_id(commit.encode()), commit)


def _difference(over: Context, ours: Content, result: Revision) -> Difference:
    new = Content.of(over.nodes, result)
    found = list(diff(over.nodes, ours.tree.root, new.tree.root))
    before = {key: was for key, was, _ in found}
    after = {key: now for key, _, now in found}
    findings = findings_of(Edit(ours, before, after, new.tree, new.zone.records))
    return Difference([change(each) for each in islice(found, MAX_LISTED)], len(found), findings)


def _held(
    over: Context,
    proposal: Proposal,
    policy: PublishPolicy,
    validate: Validate | None,
    result: Revision,
    way: Way,
) -> Held | None:
    """What would hold the target's tip. None also if nothing is published of the target yet.

    Approvals come last: who is asked for one wants to know what would hold the tip all the same.
    """
    with over.store.read() as reader:
        published = published_at(reader, proposal.target)
    if published is None:
        return None
    ask, now = validate or _unasked, int(over.now())
    gate, approved = (
        Gate(over.store.read, over.nodes, proposal.target, each, ask, now)
        for each in (policy, policy._replace(approvals=0))
    )
    try:
        if way is Way.MERGE:
            held = gate.foresee(published, result)
        else:
            held = approved.judge(published, result).held or gate.judge(published, result).held
    except AllowedSignersError as error:
        return Held(result.id, Reason.APPROVALS, str(error), REPAIR)
    if held is None or held.remedy == REPAIR:
        return held
    return held._replace(remedy=_REMEDIES.get(held.reason, held.remedy))


def _unasked(*_: object) -> None:
    return None
