"""What `merge`, `revert` and `cherry-pick` share: a three-way merge with a branch's tip, checked and committed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from zonegit.errors import Conflict as Lost
from zonegit.errors import InvalidZone, MergeConflict, Refused
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import absolute, owner_key, to_text
from zonegit.model.rrset import RRKey, rr_key
from zonegit.repo.content import Content, Tree
from zonegit.repo.context import Context
from zonegit.repo.contradictions import Authors, conflict_of, contradictions, named
from zonegit.repo.draft import Draft, draft_changes
from zonegit.repo.entering import check_entering
from zonegit.repo.history import Range, read_commit
from zonegit.repo.judging import refuse
from zonegit.repo.merging import Choice, Sides, base_of, three_way, tree_of
from zonegit.repo.results import Committed, Contradiction, Revision
from zonegit.repo.signed import dnssec_keys, is_dnssec, is_signed, refuse_change
from zonegit.repo.stopped import Stopped, check_held, print_of, set_stopped
from zonegit.repo.writing import TRIES, Intent, commit_draft, store_ahead
from zonegit.store.port import Writer
from zonegit.tree.build import build
from zonegit.tree.merge import Conflict
from zonegit.tree.source import Nodes
from zonegit.zonefile.check import check_owners
from zonegit.zonefile.findings import Finding

_NAMED: Final = 3
"""RRsets that an error's one line names."""
_ROOTLESS: Final = "has no common ancestor with"


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stopped or new operation is to end."""

    state: Stopped
    intent: Intent
    accepts: bool = False
    """Whether warnings that neither side has are no conflict."""
    held: Stopped | None = None
    """The state that is kept already, as it was read; None for a new operation."""
    begins: bool = True
    """Whether it hasn't stopped yet, so that what stops does so at the tip that it meets."""


@dataclass(frozen=True, slots=True)
class _Change:
    """What is combined with a branch's tip: the change from `base` to `theirs`, which are roots of trees."""

    nodes: Nodes
    base: ObjectId
    theirs: ObjectId
    authors: Authors


@dataclass(frozen=True, slots=True)
class _Found:
    """What a three-way merge comes to with all choices made."""

    changes: dict[RRKey, bytes | None]
    left: dict[RRKey, Conflict] = field(default_factory=dict)
    changed: frozenset[RRKey] = frozenset()
    """Keys that are left because they changed on the branch since they were resolved."""


def commit_plan(context: Context, plan: Plan, then: Stopped | None = None) -> Committed:
    """Commit the merge with the branch's tip, and keep in the same transaction what comes `then`.

    `MergeConflict`, which keeps the state but for a dry run. `NotFound` or `Conflict` where another process went on
    with what is held. If the tip moves meanwhile it is merged again, the last time while other writers wait.
    """
    for _ in range(TRIES):
        ours = context.tip(plan.state.place)
        plan = _begun_at(plan, ours)
        try:
            draft = draft_plan(context, plan, ours)
        except MergeConflict:
            if not plan.intent.dry_run:
                with context.store.write() as writer:
                    _keep(context, plan, writer)
            raise
        try:
            if plan.intent.dry_run or not (plan.held or then):
                return commit_draft(context, plan.state.place, ours, draft, plan.intent)
            draft = replace(draft, objects=store_ahead(context, draft.objects))
            with context.store.write() as writer:
                return _committed(context, plan, ours, draft, then, writer)
        except Lost:
            if context.tip(plan.state.place).revision.id == ours.revision.id:
                raise
    with context.store.write() as writer:
        ours = context.tip(plan.state.place)
        plan = _begun_at(plan, ours)
        try:
            draft = draft_plan(context, plan, ours)
        except MergeConflict as error:
            conflict = error
            _keep(context, plan, writer)
        else:
            return _committed(context, plan, ours, draft, then, writer)
    raise conflict


def _begun_at(plan: Plan, ours: Content) -> Plan:
    """The plan of what stops, if it does, at this tip."""
    tip = ours.revision.id
    return replace(plan, state=replace(plan.state, ours=tip, preferred_at=tip)) if plan.begins else plan


def _keep(context: Context, plan: Plan, writer: Writer) -> None:
    """Keep what stopped. `Refused` where something else of the same user stopped meanwhile."""
    check_held(writer, context, plan.held)
    set_stopped(writer, context, plan.state)


def _committed(
    context: Context, plan: Plan, ours: Content, draft: Draft, then: Stopped | None, writer: Writer
) -> Committed:
    """Commit, and keep what comes then in the place of the state, both or neither."""
    if plan.held or then:
        check_held(writer, context, plan.held)
    done = commit_draft(context, plan.state.place, ours, draft, plan.intent, writer)
    if plan.held or then:
        set_stopped(writer, context, then and behind(then, done))
    return done


def behind(state: Stopped, done: Committed) -> Stopped:
    """The state of what comes next, once the commit before it is made."""
    return replace(state, ours=done.new) if done.new else state


def draft_plan(context: Context, plan: Plan, ours: Content) -> Draft:
    """What `ours` becomes. `MergeConflict` for what is left to be resolved, `InvalidZone` for what is strict."""
    state, intent = plan.state, plan.intent
    target = read_commit(context.nodes.source, state.theirs)
    change = _change(context, state, ours, target)
    _check_signatures(ours, change, intent)
    if intent.others:
        with context.store.read() as reader:
            check_entering(reader, state.place.zone, [target.id])
    found = _combined(context, plan, ours, change)
    if found.left:
        serial = ours.revision.commit.serial
        listed = contradictions(change.nodes, found.left, change.authors, serial)
        raise _changed_since(conflict_of(state.place.zone, _what(state), listed, ()), state, found, listed)
    try:
        draft = draft_changes(ours, found.changes)
    except InvalidZone as error:
        raise conflict_of(state.place.zone, _what(state), (), [str(error)]) from None
    if not plan.accepts:
        together = [_told(each, ours) for each in _of_neither(draft.findings, ours, change)]
        if together:
            raise conflict_of(state.place.zone, _what(state), (), together)
    refuse(state.place.zone, draft.findings, intent.strict)
    return draft


def _what(state: Stopped) -> str:
    return f"{state.operation} {state.name}"


def _change(context: Context, state: Stopped, ours: Content, target: Revision) -> _Change:
    nodes = ours.tree.nodes
    since = Range((ours.revision,), (target,))
    if state.operation == "merge":
        found = base_of(nodes, ours.revision.id, target.id, ours.zone.shape)
        if found is None:
            raise Refused(
                f"{state.name} {_ROOTLESS} {state.place.branch}: they began apart, so nobody knows what either "
                "changed; 'zonegit cherry-pick' takes single commits, 'zonegit reset --hard' all of it"
            )
        over, base = found
        theirs = tree_of(nodes, target.commit)
        return _Change(over, base, theirs, Authors(since, Range((target,), (ours.revision,))))
    parents = target.commit.parents
    after = tree_of(nodes, target.commit)
    if parents:
        parent = read_commit(nodes.source, parents[max(state.mainline, 1) - 1])
        before = tree_of(nodes, parent.commit)
    else:
        empty = build(ours.zone.shape, [])
        nodes = nodes.over({object_id(data): data for data in empty.objects})
        before = empty.root
    if state.operation == "revert":
        return _Change(nodes, after, before, Authors(since, None))
    return _Change(nodes, before, after, Authors(since, target))


def _check_signatures(ours: Content, change: _Change, intent: Intent) -> None:
    """`Refused` where signatures wouldn't fit the merge."""
    if intent.signatures != "keep":
        return
    if is_signed(ours.tree) or is_signed(Tree(change.nodes, change.theirs)):
        raise refuse_change(ours.revision.commit.zone)


def _combined(context: Context, plan: Plan, ours: Content, change: _Change) -> _Found:
    state, sides = plan.state, Sides(change.base, ours.tree.root, change.theirs)
    preferred = _content_at(context, state.preferred_at, ours) if state.prefer else ours
    at = {key: _at(key, ours, change) for key in state.choices}
    choices = {key: each.choice for key, each in state.choices.items() if each.over == print_of(at[key].sides[0])}
    changed = state.choices.keys() - choices.keys()

    def is_as_preferred(key: RRKey) -> bool:
        return preferred is ours or preferred.tree.payload(key) == ours.tree.payload(key)

    if state.prefer:
        choices |= {key: state.prefer for key in changed if is_as_preferred(key)}
    changed -= choices.keys()
    held = _settled_on_the_branch(context, state, preferred, change) - state.choices.keys()

    def resolve(key: RRKey, conflict: Conflict) -> Choice | None:
        if key in choices or key in changed:
            return choices.get(key)
        if key in held:
            return Choice.OURS
        return state.prefer if is_as_preferred(key) else None

    merged = three_way(change.nodes, sides, resolve)
    left = {**merged.conflicts, **{key: at[key] for key in changed}}
    changes = {key: value for key, value in merged.changes.items() if key not in held and key not in changed}
    changes |= {key: choice.of(at[key]) for key, choice in choices.items()}
    if plan.intent.signatures == "unsign":
        left = {key: conflict for key, conflict in left.items() if not is_dnssec(key)}
        changes = {key: value for key, value in changes.items() if not is_dnssec(key)}
        changes |= dict.fromkeys(dnssec_keys(ours.tree))
    again = (key for key in left if key in changed or not is_as_preferred(key))
    return _Found(changes, dict(sorted(left.items())), frozenset(again))


def _changed_since(
    error: MergeConflict, state: Stopped, found: _Found, listed: Sequence[Contradiction]
) -> MergeConflict:
    """The error, with what was resolved once, and changed on the branch since."""
    again = [
        named(each, state.place.zone)
        for each in listed
        if rr_key(owner_key(each.owner), each.rtype) in found.changed
    ]
    if not again:
        return error
    more = f" and {len(again) - _NAMED:,} more" if len(again) > _NAMED else ""
    what = (
        f"{', '.join(again[:_NAMED])}{more} changed on {state.place.branch} since the choice was made: choose again"
    )
    return MergeConflict(f"{error}; {what}", error.conflicts, error.together)


def _content_at(context: Context, commit: ObjectId | None, ours: Content) -> Content:
    """The branch as it was at a commit."""
    if commit is None or commit == ours.revision.id:
        return ours
    return Content.of(context.nodes, read_commit(context.nodes.source, commit))


def conflicts_at(context: Context, state: Stopped, keys: Iterable[RRKey]) -> dict[RRKey, Conflict]:
    """What stands under keys in the base, on the branch and on the other side."""
    ours = context.tip(state.place)
    change = _change(context, state, ours, read_commit(context.nodes.source, state.theirs))
    return {key: _at(key, ours, change) for key in keys}


def _at(key: RRKey, ours: Content, change: _Change) -> Conflict:
    base, theirs = (Tree(change.nodes, root).payload(key) for root in (change.base, change.theirs))
    return Conflict(base, (ours.tree.payload(key), theirs))


def _settled_on_the_branch(context: Context, state: Stopped, ours: Content, change: _Change) -> set[RRKey]:
    """Keys that conflicted when it stopped, and stand otherwise in `ours`: the branch has them right."""
    if ours.revision.id == state.ours:
        return set()
    then = _content_at(context, state.ours, ours)
    conflicts = three_way(change.nodes, Sides(change.base, then.tree.root, change.theirs)).conflicts
    return {key for key in conflicts if then.tree.payload(key) != ours.tree.payload(key)}


def _of_neither(findings: list[Finding], ours: Content, change: _Change) -> Iterator[Finding]:
    """Warnings about the merge that are true of neither side."""
    if not findings:
        return
    owners = sorted({owner_key(each.owner) for each in findings})
    theirs = Tree(change.nodes, change.theirs)
    known = {*check_owners(ours.apex, owners, ours.tree), *check_owners(ours.apex, owners, theirs)}
    yield from (each for each in findings if each not in known)


def _told(each: Finding, ours: Content) -> str:
    return f"{to_text(absolute(each.owner, ours.apex))}: {each.told} [{each.check}]"
