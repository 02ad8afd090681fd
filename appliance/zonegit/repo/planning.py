"""Makes plans, carries them out, and rebases them onto a branch that has moved."""

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
"""The most commits made after a plan that its refusal names."""
_SEARCHED: Final = 1_000
"""The most commits that are searched for one that applied the plan."""


class Planned(NamedTuple):
    """A plan, and what it would do now."""

    plan: Plan
    would: Committed
    """The result of a dry run. If it changes nothing, the plan has no steps and can't be written to a file."""


def make_plan(context: Context, place: Position, wanted: ParsedZone, intent: Intent) -> Planned:
    """The plan that gives a branch the state of a zone file."""
    refuse(place.zone, wanted.warnings, intent.strict)
    made = _planned(context, place, lambda content: towards(content, wanted, intent.signatures), intent)
    would = made.would._replace(findings=[*wanted.warnings, *made.would.findings])
    return Planned(made.plan, would)


def rebase(context: Context, old: Plan, intent: Intent) -> Planned:
    """The plan that makes the changes of `old` to the branch's present tip. `MergeConflict`."""
    base = base_content(context, old.base, old.zone)
    try:
        made = _planned(context, place_of(old), lambda tip: merged(base, changes_of(old), tip), intent)
    except InvalidZone as error:
        refuse_together(base, changes_of(old), intent, error)
        raise
    return Planned(made.plan._replace(message=old.message, author=old.author), made.would)


def _planned(context: Context, place: Position, change: Callable[[Content], Changes], intent: Intent) -> Planned:
    """The plan of a change to a branch's tip, made by a dry run."""
    seen: list[tuple[Content, tuple[Step, ...]]] = []

    def changes(content: Content) -> Changes:
        wanted = change(content)
        steps = ((key, content.tree.payload(key), new) for key, new in sorted(wanted.items()))
        seen.append((content, tuple(step for step in steps if step[1] != step[2])))
        return wanted

    would = commit_changes(context, place, changes, intent._replace(dry_run=True))
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


def carry_out(context: Context, plan: Plan, intent: Intent) -> Committed:
    """Commit exactly the change of a plan. `Conflict` if the branch's tip isn't the plan's base.

    The commit's message ends with the plan's hash.
    """
    intent = intent._replace(message=f"{intent.message.rstrip()}\n\nPlan: {plan.hash}")
    place = place_of(plan)
    content = context.tip(place)
    if content.revision.id != plan.base:
        raise _moved(context, plan, content)
    if any(content.tree.payload(key) != old for key, old, _ in plan.steps):
        raise InvalidData("the plan doesn't match its base: make a new one")
    draft = draft_changes(content, changes_of(plan), intent.strict)
    try:
        return commit_draft(context, place, content, draft, intent)
    except Conflict:
        tip = context.tip(place)
        if tip.revision.id == plan.base:
            raise
        raise _moved(context, plan, tip) from None


def place_of(plan: Plan) -> Position:
    """The branch that a plan changes."""
    return Position(plan.zone, plan.branch)


def changes_of(plan: Plan) -> Changes:
    """The changes of a plan to its base."""
    return {key: new for key, _, new in plan.steps}


def _moved(context: Context, plan: Plan, tip: Content) -> Conflict:
    """The error that names the commits made since the plan was."""
    base = base_content(context, plan.base, plan.zone)
    since = [*islice(ancestry(context.nodes.source, Range((tip.revision,), (base.revision,))), _SEARCHED)]
    for each in since:
        if each.commit.message.rstrip().endswith(f"\n\nPlan: {plan.hash}"):
            who = printable(each.commit.committer.name)
            return Conflict(
                f"the plan was already applied to {plan.zone} {plan.branch} by {who} as {short(each.id)}; "
                "if that was reverted, `zonegit apply PLAN --rebase -o NEW` makes a new plan"
            )
    named = [
        f"{short(each.id)} {printable(each.commit.subject)!r} by {printable(each.commit.author.name)}"
        for each in since[: _SHOWN + 1]
    ]
    came = ", ".join(named[:_SHOWN]) + (" and more" if len(named) > _SHOWN else "")
    how = f"{came} came since" if named else f"it was moved back to {short(tip.revision.id)}"
    return Conflict(
        f"{plan.zone} {plan.branch} has moved since the plan was made: {how}; "
        "`zonegit apply PLAN --rebase -o NEW` makes a new plan"
    )
