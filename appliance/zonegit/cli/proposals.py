"""Proposals as text and as JSON: in lists, and each with what would change if it landed now."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.cli import checks, conflicts, render, shapes, verdicts
from zonegit.cli.output import Output, Style
from zonegit.cli.publishing import held_shape, held_text
from zonegit.model.foreign import one_line, printable
from zonegit.model.ids import short
from zonegit.model.names import parse_apex
from zonegit.repo.proposals.reading import State
from zonegit.repo.reviews import Opinion

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from zonegit.cli.shapes import JsonObject
    from zonegit.repo.proposals.judged import Judged, Tally
    from zonegit.repo.proposals.outlook import Outlook
    from zonegit.repo.proposals.reading import Proposal
    from zonegit.repo.publishing.policy import PublishPolicy
    from zonegit.repo.reviews import Review
    from zonegit.repo.signatures import Signature


_SUBJECT: Final = 72
"""The most characters of a subject in a line."""


class Seen(NamedTuple):
    """What `review N` shows."""

    proposal: Proposal
    signature: Signature | None
    """Of the proposal; None if it has none."""
    outlook: Outlook | None
    """None for a proposal that isn't open, or whose target is gone."""
    reviews: Sequence[Judged]
    policy: PublishPolicy | None
    where: str
    """The option that selects the zone; empty if HEAD names it."""


def line(proposal: Proposal) -> str:
    """`proposal 7 of example.org.: move -> main at 41db7761b767 Move the web server`"""
    what = f"{printable(proposal.branch)} -> {printable(proposal.target.branch)}"
    name = f"proposal {proposal.name} of {proposal.zone}"
    return f"{name}: {what} at {short(proposal.tip)} {one_line(proposal.subject, _SUBJECT)}"


def row(proposal: Proposal, tally: Tally | None, policy: PublishPolicy | None, *, states: bool) -> tuple[str, ...]:
    """A line of the list: its name, subject, branches, who, when, reviews, and its state if `states`."""
    made = proposal.tag.tagger
    return (
        proposal.name,
        one_line(proposal.subject, _SUBJECT),
        f"{proposal.branch} -> {proposal.target.branch}",
        made.name,
        render.short_date(made),
        *((str(proposal.state),) if states else ()),
        _tally_text(tally, policy) if proposal.state is State.OPEN else "",
    )


def _tally_text(tally: Tally | None, policy: PublishPolicy | None) -> str:
    if tally is None or policy is None:
        return ""
    if tally.rejections:
        return "rejected"
    return (
        f"{tally.approvals} of {policy.approvals} approvals" if policy.approvals else f"{tally.approvals} approvals"
    )


def shape(proposal: Proposal) -> JsonObject:
    """A proposal as JSON."""
    return {
        "name": proposal.name,
        "number": proposal.number,
        "zone": proposal.zone,
        "from": proposal.branch,
        "into": proposal.target.branch,
        "commit": proposal.tip.hex(),
        "state": str(proposal.state),
        "proposer": shapes.stamp(proposal.tag.tagger),
        "message": proposal.tag.message,
        "branch_tip": shapes.oid(proposal.branch_tip),
        "object": proposal.id.hex(),
    }


def shape_in_list(proposal: Proposal, tally: Tally | None) -> JsonObject:
    """The same in a list, with the reviews that count; null if no policy says which do."""
    return {
        **shape(proposal),
        "approvals": tally.approvals if tally else None,
        "rejections": tally.rejections if tally else None,
    }


def review_shape(made: Review) -> JsonObject:
    """A review as JSON."""
    tag = made.tag
    return {
        "commit": made.commit.hex(),
        "opinion": str(made.opinion),
        "force": made.force,
        "reviewer": made.reviewer,
        "time": tag.tagger.time,
        "message": tag.message,
    }


def shape_of_seen(seen: Seen) -> JsonObject:
    """All that `review N` shows, as JSON."""
    found = seen.outlook
    return {
        **shape(seen.proposal),
        "signature": verdicts.shape(seen.signature),
        "commits": [shapes.commit(each) for each in found.commits] if found else [],
        "landing": _landing_shape(found, seen) if found else None,
        "reviews": [
            {**review_shape(each.review), "counts": not each.why_not, "why_not": each.why_not or None}
            for each in seen.reviews
        ],
        "next": next_commands(seen),
    }


def _landing_shape(found: Outlook, seen: Seen) -> JsonObject:
    apex = parse_apex(seen.proposal.zone)
    return {
        "way": str(found.way),
        "onto": found.onto.id.hex(),
        "changes": [shapes.change(each, apex) for each in found.difference.changes],
        "change_count": found.difference.total,
        "findings": [shapes.finding(each, apex) for each in found.difference.findings],
        "obstacle": found.obstacle or None,
        "conflicts": [conflicts.shape(each, apex) for each in found.conflicts],
        "together": list(found.together),
        "policy": seen.policy is not None,
        "held": held_shape(found.held),
        "needs": _own_needs(found, seen.policy),
    }


def show(args: Namespace, out: Output, seen: Seen) -> None:
    """Print a proposal, and what would change if it landed now."""
    proposal = seen.proposal
    made = proposal.tag.tagger
    out.line(f"proposal {proposal.name} of {proposal.zone} ({proposal.state})", Style.HEADING)
    out.line(f"Merge:    {printable(proposal.branch)} -> {printable(proposal.target.branch)}")
    out.line(f"Commit:   {proposal.tip.hex()}")
    out.line(f"Proposer: {printable(made.name)}")
    out.line(f"Date:     {render.date(made)}")
    if seen.signature is not None:
        out.line(f"Signature: {verdicts.line(seen.signature)}")
    out.line()
    for text in proposal.tag.message.splitlines():
        out.line(f"    {printable(text)}".rstrip())
    if seen.outlook is not None:
        _show_outlook(args, out, seen.outlook, seen)
    if seen.reviews:
        out.line()
        for each in seen.reviews:
            out.line(_review_text(each))
    if seen.outlook is not None and seen.outlook.result is not None:
        out.line()
        for text in gate_lines(seen.outlook, proposal, seen.policy) or [_passes(seen)]:
            out.line(text)
    if proposal.state is State.OPEN and proposal.has_moved and proposal.branch_tip:
        tip = short(proposal.branch_tip)
        out.warn(f"{printable(proposal.branch)} has moved to {tip} since, which isn't part of this proposal")
    commands = next_commands(seen)
    if commands:
        out.line()
        for command in commands:
            out.line(f"  {command}")


def _show_outlook(args: Namespace, out: Output, found: Outlook, seen: Seen) -> None:
    out.line()
    for each in found.commits:
        who = printable(each.commit.author.name)
        out.line(f"{out.paint(short(each.id), Style.ID)} {printable(each.commit.subject)} ({who})")
    apex = parse_apex(seen.proposal.zone)
    target = printable(seen.proposal.target.branch)
    out.line()
    if found.result is None:
        out.line(f"cannot land on {target} at {short(found.onto.id)}: {found.obstacle}", Style.OLD)
        conflicts.show(out, found.conflicts, apex)
        for problem in found.together:
            out.line(f"conflict: both together: {problem}")
        return
    how = "a fast-forward" if found.result.id == seen.proposal.tip else "a merge commit"
    total = render.counted(found.difference.total, "RRset")
    out.line(f"landing on {target} at {short(found.onto.id)} would be {how}, and change {total}:", Style.HEADING)
    changes = [
        render.served(each, found.onto.commit.serial, found.result.commit.serial)
        for each in found.difference.changes
    ]
    render.show_changes(out, changes, apex)
    if found.difference.total > len(changes):
        more = found.difference.total - len(changes)
        out.note(f"{more:,} more; 'zonegit diff {target} {short(seen.proposal.tip)}' compares the branches")
    checks.show(args, out, found.difference.findings, apex)


def _review_text(each: Judged) -> str:
    """A review and whether it counts, in a line."""
    made = each.review
    done = "approved" if made.opinion is Opinion.APPROVE else "rejected"
    force = " with --force" if made.force else ""
    why = printable(made.tag.message.strip().partition("\n")[0])
    what = f"{done}{force} by {printable(made.reviewer)}, {render.short_date(made.tag.tagger)}: {why}"
    return f"{what} (doesn't count: {printable(each.why_not)})" if each.why_not else what


def gate_lines(found: Outlook, proposal: Proposal, policy: PublishPolicy | None) -> list[str]:
    """What would hold the target once the proposal landed."""
    lines = [f"the gate would hold it: {held_text(found.held)}"] if found.held else []
    needs = _own_needs(found, policy)
    if needs:
        lines.append(
            f"the merge commit would need {' and '.join(needs)} of its own; to land what is reviewed, merge "
            f"{printable(proposal.target.branch)} into {printable(proposal.branch)} first, and propose that again"
        )
    return lines


def _own_needs(found: Outlook, policy: PublishPolicy | None) -> list[str]:
    """What the policy asks of a merge commit, whatever the commits have that it merges."""
    from zonegit.repo.proposals.outlook import Way

    if policy is None or found.way is not Way.MERGE:
        return []
    signature = ["a signature"] if policy.require_signed else []
    return [*signature, *([render.counted(policy.approvals, "approval")] if policy.approvals else [])]


def _passes(seen: Seen) -> str:
    target = printable(seen.proposal.target.branch)
    if seen.policy is None:
        return f"{target} has no policy here: if it is served, what lands is served at once"
    return "the gate would let it through"


def next_commands(seen: Seen) -> list[str]:
    """The commands that come next."""
    proposal, found, where = seen.proposal, seen.outlook, seen.where
    if found is None:
        return []
    tip, branch = short(proposal.tip), shlex.quote(proposal.branch)
    again = f"zonegit propose --from {branch} --into {shlex.quote(proposal.target.branch)}{where}"
    commands = [f"zonegit approve {tip}{where}", f"zonegit reject {tip} -m TEXT{where}"]
    if found.result is None or _own_needs(found, seen.policy):
        if proposal.branch_tip is None:
            commands.append(f"zonegit branch {branch} {tip}{where}")
        update = f"zonegit merge {shlex.quote(proposal.target.branch)} --branch {branch}{where}"
        return [*commands, update, again]
    commands.append(f"zonegit land {proposal.name}{where}")
    return [*commands, again] if proposal.has_moved else commands
