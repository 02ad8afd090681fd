"""Continues, skips or aborts a stopped merge, revert or cherry-pick, and resolves its conflicts, as git does."""

from collections.abc import Mapping, Sequence

from zonegit.errors import CorruptStore, InvalidRecord, MergeConflict, NotFound, Refused, ZonegitError
from zonegit.model.names import from_text, owner_key, parse_apex, to_text
from zonegit.model.rrset import RRKey, key_parts, rr_key
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.combining import Plan, conflicts_at, draft_plan
from zonegit.repo.context import Context, owner_of
from zonegit.repo.history import read_commit
from zonegit.repo.merges import Side, plan_of
from zonegit.repo.merging import Choice
from zonegit.repo.picking import go_through, next_plan
from zonegit.repo.results import Committed, Contradiction, Unfinished
from zonegit.repo.signed import Signatures
from zonegit.repo.stopped import Chosen, Stopped, fingerprint, replace_stopped, set_stopped, stopped, the_stopped
from zonegit.repo.writing import CommitOptions, Intent
from zonegit.zonefile.types import type_text

Resolutions = Sequence[tuple[str, int, str]]
"""Names as typed, types, and `ours`, `theirs`, `base` or `both`."""


def unfinished(context: Context) -> Unfinished | None:
    """The user's stopped operation, with the conflicts of another merge with the branch's present tip."""
    state = stopped(context)
    return _left_of(context, state) if state else None


def _left_of(context: Context, state: Stopped) -> Unfinished:
    place = state.place
    found = Unfinished(
        state.operation,
        place.zone,
        place.branch,
        state.theirs,
        state.name,
        [],
        [],
        len(state.todo),
        chosen=tuple((*key_parts(key), each.choice.value) for key, each in state.choices.items()),
    )
    try:
        draft_plan(context, _look(context, state), context.tip(state.place))
    except MergeConflict as conflict:
        left = [each for each in conflict.conflicts if isinstance(each, Contradiction)]
        open_ = {(each.owner, each.rtype) for each in left}
        chosen = tuple(each for each in found.chosen if each[:2] not in open_)
        return found._replace(left=left, together=list(conflict.together), chosen=chosen)
    except ZonegitError as error:
        return found._replace(problem=str(error))
    return found


def _look(context: Context, state: Stopped) -> Plan:
    others = (read_commit(context.nodes.source, state.theirs),) if state.operation == "merge" else ()
    return Plan(state, Intent(state.message, None, dry_run=True, signatures=_signatures(state), others=others))


def _signatures(state: Stopped) -> Signatures:
    """The option as given, except that nothing is refused because of signatures."""
    return "break" if state.signatures == "keep" else state.signatures


def resolve(
    context: Context, operation: str, resolutions: Resolutions, every: Side | None, *, dry_run: bool = False
) -> Unfinished:
    """Record choices for a later `--continue`; returns what is left to resolve, or would be.

    `NotFound` for an RRset that neither side changed.
    """
    held = _still_there(context, the_stopped(context, operation))
    state = held._replace(choices={**held.choices, **_chosen(context, held, resolutions)})
    if every:
        state = state._replace(choices={**state.choices, **_all_left(context, state, every)})
    if not dry_run:
        replace_stopped(context, held, state)
    return _left_of(context, state)


def _still_there(context: Context, state: Stopped) -> Stopped:
    """Return the state. `NotFound`, saying what to do, if its branch or one of its commits is gone."""
    try:
        context.tip(state.place)
        for oid in (state.theirs, *state.todo):
            read_commit(context.nodes.source, oid)
    except NotFound as error:
        raise NotFound(f"{error}; give it up with 'zonegit {state.operation} --abort'") from None
    return state


def _chosen(context: Context, state: Stopped, resolutions: Resolutions) -> dict[RRKey, Chosen]:
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
    return {key: Chosen(choice, fingerprint(at[key].sides[0])) for key, (_, _, choice) in chosen.items()}


def _all_left(context: Context, state: Stopped, side: Side) -> Mapping[RRKey, Chosen]:
    try:
        draft_plan(context, _look(context, state), context.tip(state.place))
    except MergeConflict as conflict:
        left = [each for each in conflict.conflicts if isinstance(each, Contradiction)]
        keys = [rr_key(owner_key(each.owner), each.rtype) for each in left]
        at = conflicts_at(context, state, keys)
        return {key: Chosen(Choice(side), fingerprint(at[key].sides[0])) for key in keys}
    return {}


def go_on(
    context: Context, operation: str, resolutions: Resolutions, every: Side | None, options: CommitOptions
) -> list[Committed]:
    """Finish the stopped commit and what follows it. `MergeConflict` if conflicts remain; the choices are kept."""
    held = _still_there(context, the_stopped(context, operation))
    state = held._replace(choices={**held.choices, **_chosen(context, held, resolutions)})
    theirs = read_commit(context.nodes.source, state.theirs)
    if state.operation == "merge" and _is_merged(context, state):
        return [_forgotten(context, held, dry_run=options.get("dry_run", False))]
    plan = plan_of(state, theirs, options, every, of_pick=state.operation == "cherry-pick")
    chosen_at = context.tip(state.place).revision.id if every else state.preferred_at
    kept = plan.state._replace(preferred_at=chosen_at)
    return go_through(context, plan._replace(state=kept, held=held, begins=False), options)


def _is_merged(context: Context, state: Stopped) -> bool:
    """Whether somebody else has merged the same commit meanwhile."""
    tip = context.tip(state.place).revision.id
    with context.store.read() as reader:
        return is_ancestor(reader, state.theirs, tip)


def _forgotten(context: Context, state: Stopped, *, dry_run: bool) -> Committed:
    tip = context.tip(state.place).revision
    if not dry_run:
        replace_stopped(context, state, None)
    return Committed(state.place.zone, state.place.branch, tip.id, tip.id, tip.commit.serial, 0)


def skip(context: Context, operation: str, options: CommitOptions) -> list[Committed]:
    """Skip the commit that stopped, and continue with what follows it."""
    state = the_stopped(context, operation)
    _still_there(context, state)
    if operation == "merge":
        raise Refused("a merge is a single commit and can't be skipped; 'zonegit merge --abort' gives it up")
    plan = next_plan(context, state, {**options, "message": None})
    if not options.get("dry_run", False):
        then = plan.state._replace(ours=context.tip(state.place).revision.id) if plan else None
        replace_stopped(context, state, then)
        plan = plan._replace(held=then) if plan else None
    return go_through(context, plan, options)


def abort(context: Context, operation: str, *, dry_run: bool = False) -> str:
    """Give up the stopped operation, even if its state is damaged, and return its revision. The branch stays as it
    is.
    """
    try:
        state = the_stopped(context, operation)
    except CorruptStore:
        if not dry_run:
            with context.store.write() as writer:
                set_stopped(writer, context, None)
        return ""
    if not dry_run:
        replace_stopped(context, state, None)
    return state.name
