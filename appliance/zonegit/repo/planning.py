"""Makes plans, carries them out, and makes them again on a branch that has moved."""

import dataclasses
from collections.abc import Callable
from itertools import islice
from typing import Final, NamedTuple

from zonegit.errors import Conflict, InvalidData, InvalidZone
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.desired import base_content, merged, refuse_together, towards
from zonegit.repo.draft import draft_changes
from zonegit.repo.history import Range, ancestry
from zonegit.repo.judging import refuse
from zonegit.repo.plan import Plan, Step
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Position
from zonegit.repo.writing import Intent, commit_changes, commit_draft
from zonegit.zonefile.reader import ParsedZone

_SHOWN: Final = 3
"""Commits that came since a plan was made, and that its refusal names."""
_LOOKED_AT: Final = 1_000
"""Of those commits, how many are looked at for one that applied the plan."""


class Planned(NamedTuple):
    """A plan, and what it would do now."""

    plan: Plan
    would: Committed
    """As of a dry run. Where it changes nothing, the plan has no steps and can't be written."""


def plan(context: Context, place: Position, wanted: ParsedZone, intent: Intent) -> Planned:
    """The plan by which a branch comes to hold a state."""
    refuse(place.zone, wanted.warnings, intent.strict)
    made = _plan(context, place, lambda content: towards(content, wanted, intent.signatures), intent)
    would = dataclasses.replace(made.would, findings=[*wanted.warnings, *made.would.findings])
    return Planned(made.plan, would)


def rebase(context: Context, old: Plan, intent: Intent) -> Planned:
    """The plan that does to the branch as it is now what `old` does to its base. `MergeConflict`."""
    base = base_content(context, old.base, old.zone)
    try:
        made = _plan(context, place_of(old), lambda tip: merged(base, changes_of(old), tip), intent)
    except InvalidZone as error:
        refuse_together(base, changes_of(old), intent, error)
        raise
    return Planned(dataclasses.replace(made.plan, message=old.message, author=old.author), made.would)


def _plan(context: Context, place: Position, change: Callable[[Content], Changes], intent: Intent) -> Planned:
    seen: list[tuple[Content, tuple[Step, ...]]] = []

    def changes(content: Content) -> Changes:
        wanted = change(content)
        steps = ((key, content.tree.payload(key), new) for key, new in sorted(wanted.items()))
        seen.append((content, tuple(step for step in steps if step[1] != step[2])))
        return wanted

    would = commit_changes(context, place, changes, dataclasses.replace(intent, dry_run=True))
    content, steps = seen[-1]
    serials = (content.revision.commit.serial, would.serial)
    made = Plan(
        place.zone,
        place.branch,
        content.revision.id,
        serials,
        intent.message,
        intent.author or context.stamp(intent.who),
        intent.signatures,
        steps,
    )
    return Planned(made, would)


def carry_out(context: Context, chosen: Plan, intent: Intent) -> Committed:
    """Make exactly the change of a plan. `Conflict` where the branch's tip isn't the plan's base.

    The commit's message ends with the plan's hash.
    """
    intent = dataclasses.replace(intent, message=f"{intent.message.rstrip()}\n\nPlan: {chosen.hash}")
    place = place_of(chosen)
    content = context.tip(place)
    if content.revision.id != chosen.base:
        raise _moved(context, chosen, content)
    if any(content.tree.payload(key) != old for key, old, _ in chosen.steps):
        raise InvalidData("the plan changes what its base doesn't hold: make a new one")
    draft = draft_changes(content, changes_of(chosen), intent.strict)
    try:
        return commit_draft(context, place, content, draft, intent)
    except Conflict:
        tip = context.tip(place)
        if tip.revision.id == chosen.base:
            raise
        raise _moved(context, chosen, tip) from None


def place_of(chosen: Plan) -> Position:
    """The branch that a plan changes."""
    return Position(chosen.zone, chosen.branch)


def changes_of(chosen: Plan) -> Changes:
    """What a plan makes of its base."""
    return {key: new for key, _, new in chosen.steps}


def _moved(context: Context, chosen: Plan, tip: Content) -> Conflict:
    """Says which commits came since the plan was made."""
    base = base_content(context, chosen.base, chosen.zone)
    since = [*islice(ancestry(context.nodes.source, Range((tip.revision,), (base.revision,))), _LOOKED_AT)]
    for each in since:
        if each.commit.message.rstrip().endswith(f"\n\nPlan: {chosen.hash}"):
            who = printable(each.commit.committer.name)
            return Conflict(
                f"the plan was applied to {chosen.zone} {chosen.branch} already, by {who} as {short(each.id)}; "
                "where that was taken back, `zonegit apply PLAN --rebase -o NEW` makes a new plan"
            )
    named = [
        f"{short(each.id)} {printable(each.commit.subject)!r} by {printable(each.commit.author.name)}"
        for each in since[: _SHOWN + 1]
    ]
    came = ", ".join(named[:_SHOWN]) + (" and more" if len(named) > _SHOWN else "")
    how = f"{came} came since" if named else f"it was moved back to {short(tip.revision.id)}"
    return Conflict(
        f"{chosen.zone} {chosen.branch} isn't where it was when the plan was made: {how}; "
        "`zonegit apply PLAN --rebase -o NEW` makes a new plan"
    )
