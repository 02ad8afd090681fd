"""What can be done with a merge, revert or cherry-pick that stopped: see it, resolve it, go on, give up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from zonegit.errors import CorruptStore, InvalidRecord, MergeConflict, NotFound, Refused, ZonegitError
from zonegit.model.names import from_text, owner_key, parse_apex, to_text
from zonegit.model.rrset import RRKey, key_parts, rr_key
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.combining import Plan, commit_plan, conflicts_at, draft_plan
from zonegit.repo.context import Context, owner_of
from zonegit.repo.history import read_commit
from zonegit.repo.merges import Side, plan_of
from zonegit.repo.merging import Choice
from zonegit.repo.picking import go_through
from zonegit.repo.results import Committed, Contradiction, Unfinished
from zonegit.repo.signed import Signatures
from zonegit.repo.stopped import Stopped, set_stopped, stopped, the_stopped
from zonegit.repo.writing import CommitOptions, Intent
from zonegit.zonefile.types import type_text

Resolutions = Sequence[tuple[str, int, str]]
"""Names as they are typed, types, and `ours`, `theirs`, `base` or `both`."""


def unfinished(context: Context) -> Unfinished | None:
    """What has stopped, merged again with the branch's tip."""
    state = stopped(context)
    return _left_of(context, state) if state else None


def _left_of(context: Context, state: Stopped) -> Unfinished:
    place = state.place
    chosen = tuple((*key_parts(key), choice.value) for key, choice in state.choices.items())
    found = Unfinished(
        state.operation, place.zone, place.branch, state.theirs, state.name, [], [], len(state.todo), chosen=chosen
    )
    try:
        draft_plan(context, _look(context, state), context.tip(state.place))
    except MergeConflict as conflict:
        left = [each for each in conflict.conflicts if isinstance(each, Contradiction)]
        return replace(found, left=left, together=list(conflict.together))
    except ZonegitError as error:
        return replace(found, problem=str(error))
    return found


def _look(context: Context, state: Stopped) -> Plan:
    others = (read_commit(context.nodes.source, state.theirs),) if state.operation == "merge" else ()
    return Plan(state, Intent(state.message, None, dry_run=True, signatures=_signatures(state), others=others))


def _signatures(state: Stopped) -> Signatures:
    """As it was given, but that nothing is refused."""
    return "break" if state.signatures == "keep" else state.signatures


def resolve(
    context: Context, operation: str, resolutions: Resolutions, every: Side | None, *, dry_run: bool = False
) -> Unfinished:
    """Keep choices for a later `--continue`; returns what is left, or would be.

    `NotFound` for what neither side changed.
    """
    state = _still_there(context, the_stopped(context, operation))
    state = replace(state, choices={**state.choices, **_chosen(context, state, resolutions)})
    if every:
        state = replace(state, choices={**_all_left(context, state, every), **state.choices})
    if dry_run:
        return _left_of(context, state)
    with context.store.write() as writer:
        set_stopped(writer, context, state)
    return unfinished(context) or _gone()


def _still_there(context: Context, state: Stopped) -> Stopped:
    """The state, if its branch and its commits are there. `NotFound` with what to do."""
    try:
        context.tip(state.place)
        for oid in (state.theirs, *state.todo):
            read_commit(context.nodes.source, oid)
    except NotFound as error:
        raise NotFound(f"{error}; give it up with 'zonegit {state.operation} --abort'") from None
    return state


def _gone() -> Unfinished:
    raise NotFound("what had stopped was finished or given up by another process meanwhile")


def _chosen(context: Context, state: Stopped, resolutions: Resolutions) -> dict[RRKey, Choice]:
    apex = parse_apex(state.place.zone)
    chosen = {
        rr_key(owner_key(owner_of(name, apex)), rtype): (name, rtype, Choice(choice))
        for name, rtype, choice in resolutions
    }
    at = conflicts_at(context, state, chosen) if chosen else {}
    for key, (name, rtype, choice) in chosen.items():
        conflict = at[key]
        what = f"{to_text(from_text(name, apex))} {type_text(rtype)}"
        if all(side == conflict.base for side in conflict.sides):
            raise NotFound(f"neither side changed {what}; 'zonegit status' lists the conflicts")
        try:
            choice.of(conflict)
        except InvalidRecord as error:
            raise Refused(f"{what}: {error}") from None
    return {key: choice for key, (_, _, choice) in chosen.items()}


def _all_left(context: Context, state: Stopped, side: Side) -> Mapping[RRKey, Choice]:
    try:
        draft_plan(context, _look(context, state), context.tip(state.place))
    except MergeConflict as conflict:
        left = [each for each in conflict.conflicts if isinstance(each, Contradiction)]
        return {rr_key(owner_key(each.owner), each.rtype): Choice(side) for each in left}
    return {}


def go_on(
    context: Context, operation: str, resolutions: Resolutions, every: Side | None, options: CommitOptions
) -> list[Committed]:
    """Finish what stopped, and what comes after it. `MergeConflict` for what is left: the choices are kept."""
    state = _still_there(context, the_stopped(context, operation))
    state = replace(state, choices={**state.choices, **_chosen(context, state, resolutions)})
    theirs = read_commit(context.nodes.source, state.theirs)
    if state.operation == "merge" and _is_merged(context, state):
        return [_forgotten(context, state, dry_run=options.get("dry_run", False))]
    plan = plan_of(state, theirs, options, every, of_pick=state.operation == "cherry-pick")
    done = commit_plan(context, plan, kept=True)
    if plan.intent.dry_run:
        return [done]
    return go_through(context, state, state.todo, {**options, "message": None}, [done])


def _is_merged(context: Context, state: Stopped) -> bool:
    """Whether somebody else merged the same meanwhile."""
    tip = context.tip(state.place).revision.id
    with context.store.read() as reader:
        return is_ancestor(reader, state.theirs, tip)


def _forgotten(context: Context, state: Stopped, *, dry_run: bool) -> Committed:
    tip = context.tip(state.place).revision
    if not dry_run:
        with context.store.write() as writer:
            set_stopped(writer, context, None)
    return Committed(state.place.zone, state.place.branch, tip.id, tip.id, tip.commit.serial, 0)


def skip(context: Context, operation: str, options: CommitOptions) -> list[Committed]:
    """Leave the commit out that stopped, and go on with what comes after it."""
    state = the_stopped(context, operation)
    _still_there(context, state)
    if operation == "merge":
        raise Refused("a merge is one commit, which can't be skipped; 'zonegit merge --abort' gives it up")
    if not options.get("dry_run", False):
        with context.store.write() as writer:
            set_stopped(writer, context, None)
    return go_through(context, state, state.todo, {**options, "message": None}, [])


def abort(context: Context, operation: str, *, dry_run: bool = False) -> str:
    """Forget what stopped, whatever became of it; returns what it was called. The branch stays as it is."""
    try:
        state = the_stopped(context, operation)
        name = state.name
    except CorruptStore:
        name = ""
    if not dry_run:
        with context.store.write() as writer:
            set_stopped(writer, context, None)
    return name
