"""`merge`: merges another version into a branch, by a fast-forward or a merge commit."""

from contextlib import suppress
from typing import Final, Literal

from zonegit.errors import Conflict as Lost
from zonegit.errors import InvalidName, OtherZone, Refused, UsageError
from zonegit.model import refs
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.branches_tags import move
from zonegit.repo.changes import differences
from zonegit.repo.combining import Plan, commit_plan
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import draft_changes
from zonegit.repo.merging import Choice
from zonegit.repo.results import MAX_LISTED, Committed, Position, Revision
from zonegit.repo.serials import is_ahead
from zonegit.repo.signed import is_signed, refuse_unsigned
from zonegit.repo.stopped import Stopped, refuse_second
from zonegit.repo.writing import TRIES, CommitOptions, check_writable, commit_draft, intent_of
from zonegit.store.port import RefUpdate

FastForward = Literal["allow", "only", "never"]
Side = Literal["ours", "theirs"]
ACCEPTED: Final = ("none",)
"""The value of `strict` that accepts warnings that neither side has."""


def merge(
    context: Context,
    place: Position,
    name: str,
    ff: FastForward,
    prefer: Side | None,
    options: CommitOptions,
) -> Committed:
    """Merge the commit that `name` names into a branch. Tries again if the branch moves during a fast-forward.

    A merge that is to be published at a time is never a fast-forward: that commit has a time of its own, or none.
    """
    if options.get("not_before") is not None:
        if ff == "only":
            raise UsageError("--ff-only makes no commit that --at could apply to: merge without it")
        ff = "never"
    for _ in range(TRIES - 1):
        with suppress(Lost):
            return _merge(context, place, name, ff, prefer, options)
    return _merge(context, place, name, ff, prefer, options)


def _merge(
    context: Context,
    place: Position,
    name: str,
    ff: FastForward,
    prefer: Side | None,
    options: CommitOptions,
) -> Committed:
    check_writable(context, place)
    with context.store.read() as reader:
        refuse_second(reader, context)
    theirs = other_side(context, place, name)
    ours = context.tip(place)
    old = ours.revision
    with context.store.read() as reader:
        if is_ancestor(reader, theirs.id, old.id):
            return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0)
    if theirs.commit.is_tombstone:
        return _kept(context, place, ours, theirs, name, prefer, options)
    if ff != "never" and may_forward(context, old, theirs, options):
        return fast_forward(context, place, ours, theirs, name, options)
    if ff == "only":
        raise no_fast_forward(context, place, name, old, theirs)
    state = Stopped("merge", place, old.id, theirs.id, printable(name), message_of(context, place, name))
    return commit_plan(context, plan_of(state, theirs, options, prefer))


def _kept(
    context: Context,
    place: Position,
    ours: Content,
    removal: Revision,
    name: str,
    prefer: Side | None,
    options: CommitOptions,
) -> Committed:
    """Keep a branch although another node has removed it, by a merge commit that has the removal as a parent."""
    if prefer != "ours":
        raise Refused(
            f"{printable(name)} was removed, so there is nothing to merge: 'zonegit merge --ours' of it keeps the "
            "branch here, 'zonegit zone remove' or 'branch -D' removes it here too"
        )
    intent = intent_of(
        options, message_of(context, place, name), None, operation=f"merge {printable(name)}", others=(removal,)
    )
    return commit_draft(context, place, ours, draft_changes(ours, {}), intent)


def other_side(context: Context, place: Position, name: str) -> Revision:
    """The commit that a revision names. `Refused` for one of another zone."""
    try:
        return context.resolve(name, place.zone)
    except OtherZone as error:
        raise Refused(
            f"{error.args[0].partition(';')[0]}: only commits of the same zone can be merged or picked"
        ) from None


def plan_of(
    state: Stopped, theirs: Revision, options: CommitOptions, prefer: Side | None = None, *, of_pick: bool = False
) -> Plan:
    """The plan of a new or continued merge, revert or cherry-pick."""
    strict = tuple(options.get("strict", ()))
    accepts = strict == ACCEPTED
    signatures = options.get("signatures", "keep")
    if signatures == "keep":
        signatures = state.signatures
    given: CommitOptions = {**options, "strict": () if accepts else strict, "signatures": signatures}
    if given.get("not_before") is None:
        given["not_before"] = state.not_before or (theirs.commit.not_before if of_pick else None)
    merges = state.operation == "merge"
    intent = intent_of(
        given,
        state.message,
        None,
        operation=f"merge {state.name}" if merges else state.operation,
        author=theirs.commit.author if of_pick else None,
        others=(theirs,) if merges else (),
    )
    holds = Choice(prefer) if prefer else state.prefer
    kept = state._replace(
        message=intent.message,
        signatures=signatures,
        prefer=holds,
        not_before=options.get("not_before") or state.not_before,
    )
    return Plan(kept, intent, accepts)


def may_forward(context: Context, old: Revision, new: Revision, options: CommitOptions) -> bool:
    """Whether a branch can move from one version to the other without a commit."""
    if options.get("signatures", "keep") == "unsign" or not _is_forward(old, new):
        return False
    with context.store.read() as reader:
        return is_ancestor(reader, old.id, new.id)


def fast_forward(
    context: Context, place: Position, ours: Content, theirs: Revision, name: str, options: CommitOptions
) -> Committed:
    """Move the branch to a descendant of its tip. `Conflict` if it has moved meanwhile."""
    old, commit = ours.revision, theirs.commit
    after = Content.of(context.nodes, theirs)
    if options.get("signatures", "keep") == "keep" and is_signed(ours.tree) and not is_signed(after.tree):
        raise refuse_unsigned(place.zone, printable(name))
    changes = list(differences(context.nodes, old.commit.zone_root, commit.zone_root))
    update = RefUpdate(refs.head(place.zone, place.branch), old.id, theirs.id)
    dry_run = options.get("dry_run", False)
    reason = f"merge {printable(name)}: Fast-forward"
    move(context, [update], options.get("who"), reason, dry_run, theirs)
    listed = changes if len(changes) <= MAX_LISTED else []
    new = None if dry_run else theirs.id
    return Committed(place.zone, place.branch, old.id, new, commit.serial, len(changes), listed)


def _is_forward(old: Revision, new: Revision) -> bool:
    """Whether secondaries that have `old` accept `new`."""
    return is_ahead(new.commit.seq, old.commit.seq)


def no_fast_forward(context: Context, place: Position, name: str, old: Revision, theirs: Revision) -> Refused:
    """The error for `--ff-only`."""
    with context.store.read() as reader:
        behind = is_ancestor(reader, old.id, theirs.id)
    if behind and not _is_forward(old, theirs):
        why = f"its serial {theirs.commit.serial} isn't ahead of {old.commit.serial}"
    elif behind:
        why = "--unsign needs a commit of its own"
    else:
        why = f"{place.branch} has commits that it lacks ({short(old.id)})"
    return Refused(f"no fast-forward to {printable(name)}: {why}; without --ff-only a merge commit is made")


def message_of(context: Context, place: Position, name: str) -> str:
    """The message as git words it: `Merge branch 'feature'`, with `into BRANCH` unless that is the default one."""
    what = f"Merge {_kind(context, place.zone, name)} '{printable(name)[:80]}'"
    return what if place.branch == refs.DEFAULT_BRANCH else f"{what} into {place.branch}"


def _kind(context: Context, zone: str, name: str) -> str:
    peer, _, branch = name.partition("/")
    with context.store.read() as reader:
        try:
            if reader.live(refs.head(zone, name)):
                return "branch"
            if reader.live(refs.tag(zone, name)):
                return "tag"
            if branch and refs.is_plain(peer) and reader.live(refs.remote(peer, zone, branch)):
                return "remote-tracking branch"
        except InvalidName:
            pass
    return "commit"
