"""`revert` and `cherry-pick`: reverses or applies the changes of single commits, each by a new commit."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from zonegit.errors import Conflict, MergeConflict, NotFound, Refused, RevisionError, UsageError, ZonegitError
from zonegit.model.ids import object_id, short
from zonegit.repo.combining import Plan, after_commit, commit_plan, draft_plan
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.history import Range, ancestry, read_commit
from zonegit.repo.merges import other_side, plan_of
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.revisions import split_range
from zonegit.repo.serials import next_seq
from zonegit.repo.stopped import Stopped, refuse_second
from zonegit.repo.tombstones import refuse_tombstone
from zonegit.repo.writing import CommitOptions, check_writable
from zonegit.tree.zone_tree import Tree

Operation = Literal["revert", "cherry-pick"]
_REVERTED: Final = re.compile(r'Revert "(.*)"')


def pick(
    context: Context,
    place: Position,
    operation: Operation,
    revisions: Sequence[str],
    mainline: int,
    noted: bool,
    options: CommitOptions,
) -> list[Committed]:
    """Revert or pick commits. If one changes nothing, its `old` and `new` are equal."""
    check_writable(context, place)
    with context.store.read() as reader:
        refuse_second(reader, context)
    targets = _targets(context, place, operation, revisions)
    for target in targets:
        _check(operation, target, mainline)
    if options.get("message") is not None and len(targets) > 1:
        raise UsageError(f"--message is for a single commit, and there are {len(targets)}")
    tip = context.tip(place).revision.id
    ids = tuple(target.id for target in targets)
    like = Stopped(operation, place, tip, ids[0], "", "", mainline, ids, noted)
    return go_through(context, next_plan(context, like, options), options)


def go_through(context: Context, plan: Plan | None, options: CommitOptions) -> list[Committed]:
    """Make one commit after another, starting with this plan; stops at the first that conflicts or is refused.

    Each commit also stores the state of what follows it, so that the operation can be continued after any failure.
    """
    done: list[Committed] = []
    later: CommitOptions = {**options, "message": None}
    try:
        if plan and plan.intent.dry_run and plan.state.todo:
            done.extend(_rehearsed(context, plan, later))
            return done
        while plan:
            after = next_plan(context, plan.state, later)
            done.append(commit_plan(context, plan, after.state if after else None))
            plan = after._replace(held=after_commit(after.state, done[-1])) if after else None
    except MergeConflict as conflict:
        raise MergeConflict(str(conflict), conflict.conflicts, conflict.together, tuple(done)) from None
    except ZonegitError as error:
        if plan and plan.held and not plan.intent.dry_run and not isinstance(error, Conflict | NotFound):
            error.add_note(_advice(plan.held, len(done)))
        raise
    return done


def _advice(held: Stopped, done: int) -> str:
    """What a refused operation has done so far, and what the user can do now."""
    verb = f"zonegit {held.operation}"
    made = f"{done} earlier {'commit was' if done == 1 else 'commits were'} made" if done else "nothing moved"
    ways = f"continue with '{verb} --continue'"
    if held.operation != "merge":
        ways += f", skip {held.name} with '{verb} --skip'"
    return f"{held.operation} stopped at {held.name}, {made}: {ways}, or give it up with '{verb} --abort'"


def _rehearsed(context: Context, plan: Plan, options: CommitOptions) -> Iterator[Committed]:
    """The commits of a dry run, each on top of those before it; nothing is stored."""
    place = plan.state.place
    ours = context.tip(place)
    old, seq = ours.revision, ours.revision.commit.seq
    following: Plan | None = plan
    while following:
        draft = draft_plan(context, following, ours)
        seq = next_seq(seq) if draft.change_count else seq
        yield Committed(
            place.zone,
            place.branch,
            old.id,
            None if draft.change_count else old.id,
            seq & 0xFFFFFFFF,
            draft.change_count,
            draft.changes,
            draft.findings,
        )
        fresh = {object_id(data): data for data in draft.objects}
        ours = Content(old, draft.zone, Tree(ours.tree.nodes.over(fresh), draft.zone.tree))
        following = next_plan(context, following.state, options)


def next_plan(context: Context, like: Stopped, options: CommitOptions) -> Plan | None:
    """The plan of the next commit of an operation; None after the last."""
    if not like.todo:
        return None
    oid, *todo = like.todo
    target = read_commit(context.nodes.source, oid)
    message = _revert_message(target) if like.operation == "revert" else _pick_message(target, like.noted)
    state = Stopped(
        like.operation,
        like.place,
        like.ours,
        oid,
        short(oid),
        message,
        like.mainline,
        tuple(todo),
        like.noted,
        like.signatures,
        not_before=like.not_before,
    )
    return plan_of(state, target, options, of_pick=like.operation == "cherry-pick")


def _targets(context: Context, place: Position, operation: Operation, texts: Sequence[str]) -> list[Revision]:
    """The commits, in the order in which they are reverted (of a range the newest first) or picked."""
    found: list[Revision] = []
    for text in texts:
        if ".." not in text:
            found.append(other_side(context, place, text))
            continue
        chosen = split_range(text)
        if chosen.apart:
            raise RevisionError(f"{text[:80]!r} has commits of both sides: use A..B, the commits of B that A lacks")
        of, without = (
            tuple(other_side(context, place, each) for each in side) for side in (chosen.of, chosen.without)
        )
        newest_first = list(ancestry(context.nodes.source, Range(of, without)))
        found += newest_first if operation == "revert" else reversed(newest_first)
    if not found:
        raise Refused(f"{' '.join(texts)[:80]} contains no commits: A..B is the commits of B that A lacks")
    return list({each.id: each for each in found}.values())


def _check(operation: Operation, target: Revision, mainline: int) -> None:
    """`Refused` for a commit that has no single change to revert or pick."""
    if operation == "cherry-pick":
        refuse_tombstone(target)
    name, parents = short(target.id), len(target.commit.parents)
    if parents > 1 and not mainline:
        raise Refused(
            f"{name} is a merge of {parents} parents: choose the one to compare it with by -m N, "
            f"usually 'zonegit {operation} -m 1 {name}'"
        )
    if mainline > max(parents, 1):
        raise Refused(f"{name} has no parent {mainline}; it has {parents}")
    if operation == "revert" and not parents:
        raise Refused(
            f"{name} is the first commit of the zone, and reverting it would leave no zone; 'zonegit zone remove' "
            "deletes the zone"
        )


def _revert_message(target: Revision) -> str:
    """The message as git words it."""
    subject, oid = target.commit.subject, target.id.hex()
    again = _REVERTED.fullmatch(subject)
    head = f'Reapply "{again[1]}"' if again else f'Revert "{subject}"'
    merged = len(target.commit.parents) > 1
    more = f", reversing\nchanges made to {target.commit.parents[0].hex()}" if merged else ""
    return f"{head}\n\nThis reverts commit {oid}{more}."


def _pick_message(target: Revision, noted: bool) -> str:
    message = target.commit.message
    return f"{message.rstrip()}\n\n(cherry picked from commit {target.id.hex()})" if noted else message
