"""Lands proposals: merges the proposed commit into its target, wherever HEAD is."""

from contextlib import suppress
from typing import Final

from zonegit.errors import Conflict, Refused, UsageError
from zonegit.model import refs
from zonegit.model.foreign import one_line
from zonegit.model.ids import short
from zonegit.repo.ancestry import is_ancestor, missing_commits
from zonegit.repo.combining import draft_plan
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.merges import FastForward, fast_forward, may_forward, no_fast_forward
from zonegit.repo.proposals.outlook import merge_plan
from zonegit.repo.proposals.propose import refuse_closed
from zonegit.repo.proposals.reading import Proposal, State
from zonegit.repo.publishing.approvals import approvals
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.results import Committed
from zonegit.repo.tombstones import refuse_tombstone
from zonegit.repo.writing import TRIES, CommitOptions, check_writable, commit_draft
from zonegit.ssh.files import read_allowed_signers

_WHY: Final = 200
"""The most characters of a reviewer's name and message in an error."""


def land(
    context: Context,
    proposal: Proposal,
    policy: PublishPolicy | None,
    ff: FastForward,
    options: CommitOptions,
) -> Committed:
    """Merge a proposal into its target: a fast-forward where that is possible, so that what was reviewed is what
    gets served. If the target has it already, `old` and `new` are equal.

    `MergeConflict` changes nothing and leaves nothing to be continued. `Refused` if it isn't open, or if somebody
    whose reviews count under the `policy` rejected it.
    """
    if options.get("not_before") is not None:
        if ff == "only":
            raise UsageError("--ff-only makes no commit that --at could apply to: land it without")
        ff = "never"
    if proposal.state is not State.LANDED:
        refuse_closed(proposal)
    for _ in range(TRIES - 1):
        with suppress(Conflict):  # the target has moved meanwhile
            return _land(context, proposal, policy, ff, options)
    return _land(context, proposal, policy, ff, options)


def _land(
    context: Context,
    proposal: Proposal,
    policy: PublishPolicy | None,
    ff: FastForward,
    options: CommitOptions,
) -> Committed:
    place = proposal.target
    check_writable(context, place)
    ours, theirs = context.tip(place), read_commit(context.nodes.source, proposal.tip)
    old = ours.revision
    with context.store.read() as reader:
        if is_ancestor(reader, theirs.id, old.id):
            return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0)
    refuse_tombstone(theirs)
    if policy is not None:
        _refuse_rejected(context, proposal, policy)
    name = f"proposal {proposal.name}"
    if ff != "never" and may_forward(context, old, theirs, options):
        return fast_forward(context, place, ours, theirs, name, options)
    if ff == "only":
        raise no_fast_forward(context, place, name, old, theirs)
    plan = merge_plan(context, proposal, ours, theirs, options)
    return commit_draft(context, place, ours, draft_plan(context, plan, ours), plan.intent)


def _refuse_rejected(context: Context, proposal: Proposal, policy: PublishPolicy) -> None:
    """`Refused` if a commit that would land is rejected by a review that counts."""
    if policy.allowed_approvers is None:
        return
    allowed = read_allowed_signers(policy.allowed_approvers)
    with context.store.read() as reader:
        onto = reader.live(refs.head(proposal.zone, proposal.target.branch))
        new = missing_commits(reader, [proposal.tip], [onto] if onto else [])
        rejections = approvals(reader, proposal.zone, new, allowed).rejections
    for oid, rejection in rejections.items():
        who = one_line(rejection.reviewer, _WHY)
        why = one_line(rejection.tag.message.strip(), _WHY)
        raise Refused(
            f"{who} rejected commit {short(oid)}: {why}; proposal {proposal.name} can land once they approve of it"
        )
