"""What `merge`, `revert` and `cherry-pick` share: a three-way merge with a branch's tip, checked and committed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.errors import Conflict as TipMoved
from zonegit.errors import InvalidZone, MergeConflict, Refused
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import absolute, owner_key, to_text
from zonegit.model.rrset import RRKey, rr_key
from zonegit.repo.admission import check_entering
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.contradictions import Authors, conflict_of, contradictions, named
from zonegit.repo.draft import Draft, draft_changes
from zonegit.repo.history import Range, read_commit
from zonegit.repo.judging import refuse
from zonegit.repo.merging import Choice, Sides, base_of, three_way, tree_of
from zonegit.repo.results import Committed, Contradiction, Revision
from zonegit.repo.signed import dnssec_keys, is_dnssec, is_signed, refuse_change
from zonegit.repo.stopped import Stopped, check_held, fingerprint, set_stopped
from zonegit.repo.store_ahead import store_ahead
from zonegit.repo.writing import TRIES, Intent, Ready, commit_draft, make_ready, store_ready
from zonegit.store.port import Writer
from zonegit.tree.build import build
from zonegit.tree.merge import Conflict
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.check import check_owners
from zonegit.zonefile.findings import Finding

_NAMED: Final = 3
"""The most RRsets that an error names."""
_ROOTLESS: Final = "has no common ancestor with"


class Plan(NamedTuple):
    """A new or stopped operation, and how it is to be committed."""

    state: Stopped
    intent: Intent
    accepts: bool = False
    """Whether warnings that neither side has are accepted; otherwise they are conflicts."""
    held: Stopped | None = None
    """The stored state of a stopped operation, as it was read; None for a new operation."""
    begins: bool = True
    """Whether the operation is new. If a new one stops, the state records the tip at that time."""


class _Change(NamedTuple):
    """The change from `base` to `theirs` (roots of trees) that is combined with a branch's tip."""

    nodes: Nodes
    base: ObjectId
    theirs: ObjectId
    authors: Authors


class _Resolved(NamedTuple):
    """The result of a three-way merge with the choices applied."""

    changes: dict[RRKey, bytes | None]
    left: dict[RRKey, Conflict]
    changed: frozenset[RRKey] = frozenset()
    """Keys that conflict again because they changed on the branch after they were resolved."""


def commit_plan(context: Context, plan: Plan, following: Stopped | None = None) -> Committed:
    """Commit the merge with the branch's tip, and store the state of what is `following` in the same transaction.

    `MergeConflict` stores the state, except in a dry run. `NotFound` or `Conflict` if another process has continued
    the operation that is `held`. If the tip moves meanwhile, the merge is made again, the last time while other
    writers wait.
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
            if plan.intent.dry_run or not (plan.held or following):
                return commit_draft(context, plan.state.place, ours, draft, plan.intent)
            draft = draft._replace(objects=store_ahead(context, draft.objects))
            ready = make_ready(context, plan.state.place, ours, draft, plan.intent)
            with context.store.write() as writer:
                return _committed(context, plan, ready, following, writer)
        except TipMoved:
            if context.tip(plan.state.place).revision.id == ours.revision.id:
                raise
    with context.store.write() as writer:
        ours = context.tip(plan.state.place)
        plan = _begun_at(plan, ours)
        try:
            draft = draft_plan(context, plan, ours)
        except MergeConflict as error:
            conflict = error  # raised after the transaction, which stores the state
            _keep(context, plan, writer)
        else:
            ready = make_ready(context, plan.state.place, ours, draft, plan.intent)
            return _committed(context, plan, ready, following, writer)
    raise conflict


def _begun_at(plan: Plan, ours: Content) -> Plan:
    """The plan, with this tip as the one at which the operation stops if it does."""
    tip = ours.revision.id
    return plan._replace(state=plan.state._replace(ours=tip, preferred_at=tip)) if plan.begins else plan


def _keep(context: Context, plan: Plan, writer: Writer) -> None:
    """Store the state of a stopped operation. `Refused` if another one of the same user has stopped meanwhile."""
    check_held(writer, context, plan.held)
    set_stopped(writer, context, plan.state)


def _committed(context: Context, plan: Plan, ready: Ready, following: Stopped | None, writer: Writer) -> Committed:
    """Commit, and replace the stored state by that of what follows, in the same transaction."""
    if plan.held or following:
        check_held(writer, context, plan.held)
    done = store_ready(context, writer, ready)
    if plan.held or following:
        set_stopped(writer, context, following and after_commit(following, done))
    return done


def after_commit(state: Stopped, done: Committed) -> Stopped:
    """The state of an operation's next commit, once the one before it was made."""
    return state._replace(ours=done.new) if done.new else state


def draft_plan(context: Context, plan: Plan, ours: Content) -> Draft:
    """The draft of the merge with `ours`. `MergeConflict` if conflicts remain, `InvalidZone` for strict checks."""
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
        together = [_as_text(each, ours) for each in _new_warnings(draft.findings, ours, change)]
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
                f"{state.name} {_ROOTLESS} {state.place.branch}, so it isn't known what each of them changed; "
                "'zonegit cherry-pick' applies single commits, 'zonegit reset --hard' replaces all of it"
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
    """`Refused` where signatures would no longer match the merge."""
    if intent.signatures != "keep":
        return
    if is_signed(ours.tree) or is_signed(Tree(change.nodes, change.theirs)):
        raise refuse_change(ours.revision.commit.zone)


def _combined(context: Context, plan: Plan, ours: Content, change: _Change) -> _Resolved:
    """Merge, and resolve each conflict by the choice for its key, or else by `prefer`.

    Neither counts for an RRset that the branch has changed since the choice was made or `prefer` was given.
    """
    state, sides = plan.state, Sides(change.base, ours.tree.root, change.theirs)
    preferred = _content_at(context, state.preferred_at, ours) if state.prefer else ours
    at = {key: _at(key, ours, change) for key in state.choices}
    choices = {
        key: each.choice for key, each in state.choices.items() if each.over == fingerprint(at[key].sides[0])
    }
    changed = state.choices.keys() - choices.keys()

    def is_as_preferred(key: RRKey) -> bool:
        return preferred is ours or preferred.tree.payload(key) == ours.tree.payload(key)

    if state.prefer:
        choices |= {key: state.prefer for key in changed if is_as_preferred(key)}
    changed -= choices.keys()
    settled = _settled_on_the_branch(context, state, preferred, change) - state.choices.keys()

    def resolve(key: RRKey, conflict: Conflict) -> Choice | None:
        if key in choices or key in changed:
            return choices.get(key)
        if key in settled:
            return Choice.OURS
        return state.prefer if is_as_preferred(key) else None

    merged = three_way(change.nodes, sides, resolve)
    left = {**merged.conflicts, **{key: at[key] for key in changed}}
    changes = {key: value for key, value in merged.changes.items() if key not in settled and key not in changed}
    changes |= {key: choice.of(at[key]) for key, choice in choices.items()}
    if plan.intent.signatures == "unsign":
        left = {key: conflict for key, conflict in left.items() if not is_dnssec(key)}
        changes = {key: value for key, value in changes.items() if not is_dnssec(key)}
        changes |= dict.fromkeys(dnssec_keys(ours.tree))
    again = (key for key in left if key in changed or not is_as_preferred(key))
    return _Resolved(changes, dict(sorted(left.items())), frozenset(again))


def _changed_since(
    error: MergeConflict, state: Stopped, found: _Resolved, listed: Sequence[Contradiction]
) -> MergeConflict:
    """The error, with the RRsets that were resolved and that the branch has changed since."""
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
    """The RRsets under these keys in the base, on the branch and on the other side."""
    ours = context.tip(state.place)
    change = _change(context, state, ours, read_commit(context.nodes.source, state.theirs))
    return {key: _at(key, ours, change) for key in keys}


def _at(key: RRKey, ours: Content, change: _Change) -> Conflict:
    base, theirs = (Tree(change.nodes, root).payload(key) for root in (change.base, change.theirs))
    return Conflict(base, (ours.tree.payload(key), theirs))


def _settled_on_the_branch(context: Context, state: Stopped, ours: Content, change: _Change) -> set[RRKey]:
    """Keys that conflicted when it stopped and have changed on the branch since: that resolved them."""
    if ours.revision.id == state.ours:
        return set()
    then = _content_at(context, state.ours, ours)
    conflicts = three_way(change.nodes, Sides(change.base, then.tree.root, change.theirs)).conflicts
    return {key for key in conflicts if then.tree.payload(key) != ours.tree.payload(key)}


def _new_warnings(findings: list[Finding], ours: Content, change: _Change) -> Iterator[Finding]:
    """Warnings about the merge that hold for neither side."""
    if not findings:
        return
    owners = sorted({owner_key(each.owner) for each in findings})
    theirs = Tree(change.nodes, change.theirs)
    known = {*check_owners(ours.apex, owners, ours.tree), *check_owners(ours.apex, owners, theirs)}
    yield from (each for each in findings if each not in known)


def _as_text(each: Finding, ours: Content) -> str:
    return f"{to_text(absolute(each.owner, ours.apex))}: {each.full_message} [{each.check}]"
