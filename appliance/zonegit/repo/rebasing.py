"""`pull --rebase`: applies a branch's own commits on top of another version, all of them or none."""

from typing import NamedTuple

from zonegit.errors import MergeConflict, Refused
from zonegit.model import refs
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import object_id, short
from zonegit.repo.admission import check_entering
from zonegit.repo.ancestry import is_ancestor, missing_commits
from zonegit.repo.combining import Plan, draft_plan
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft, make_commit
from zonegit.repo.merges import other_side
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.serials import is_ahead, next_seq, seq_on
from zonegit.repo.stopped import Stopped, refuse_second
from zonegit.repo.writing import CommitOptions, check_writable, intent_of
from zonegit.store.port import RefUpdate


def rebase(context: Context, place: Position, name: str, options: CommitOptions) -> Committed:
    """Apply the commits that only this branch has on top of the commit that `name` names.

    Authors, messages and times are kept. Merge commits are left out, since the commits that they merged are applied
    or are part of the new base. `MergeConflict` if a commit contradicts the version that it is applied to; nothing
    is changed then. `Conflict` if the branch has moved meanwhile.
    """
    check_writable(context, place)
    with context.store.read() as reader:
        refuse_second(reader, context)
    onto = other_side(context, place, name)
    ours = context.tip(place)
    old = ours.revision
    with context.store.read() as reader:
        check_entering(reader, place.zone, [onto.id])
        if is_ancestor(reader, onto.id, old.id):
            return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0)
        own = missing_commits(reader, [old.id], [onto.id])
    _refuse_tombstones(place, [onto.commit, *own.values()])
    mine = [Revision(oid, commit) for oid, commit in own.items() if len(commit.parents) < 2]
    start = Content.of(ours.tree.nodes, onto)
    made = _on_top(context, place, start, mine, options, next_seq(onto.commit.seq))
    tip = made.content.revision
    # Fewer commits than before may end below the served serial. Then they are made again with higher numbers.
    if not is_ahead(tip.commit.seq, old.commit.seq) and tip.id != onto.id:
        made = _on_top(context, place, start, mine, options, seq_on(onto.commit.seq, old.commit.seq))
        tip = made.content.revision
    if not is_ahead(tip.commit.seq, old.commit.seq):
        raise Refused(
            f"the serial of {place.branch} of {place.zone} would fall from {old.commit.serial} to "
            f"{tip.commit.serial}, and secondaries wouldn't follow: merge instead, without --rebase"
        )
    if not options.get("dry_run", False):
        update = RefUpdate(refs.head(place.zone, place.branch), old.id, tip.id)
        with context.store.write() as writer:
            writer.insert(made.objects)
            writer.move_refs([update], context.stamp(options.get("who")), f"rebase: onto {name}")
    new = None if options.get("dry_run", False) else tip.id
    return Committed(place.zone, place.branch, old.id, new, tip.commit.serial, made.changes)


class _Made(NamedTuple):
    """The new commits."""

    content: Content
    """The content of the last one."""
    objects: list[bytes]
    changes: int
    """How many RRsets they change."""


def _on_top(
    context: Context, place: Position, content: Content, mine: list[Revision], options: CommitOptions, seq: int
) -> _Made:
    """Apply commits on top of `content`, without empty ones; the first new one gets the sequence number `seq`."""
    made: list[bytes] = []
    changes = 0
    for revision in mine:
        draft, author = _draft(context, place, content, revision, options)
        if not draft.change_count:
            continue
        root = object_id(draft.objects[-1])
        stamp = context.stamp(options.get("who"))
        own = revision.commit
        commit = make_commit(
            content, place.zone, root, seq, stamp, own.message, None, author, not_before=own.not_before
        )
        objects = [*draft.objects, commit.encode()]
        nodes = content.tree.nodes.over({object_id(each): each for each in objects})
        content = Content.of(nodes, Revision(object_id(objects[-1]), commit))
        made += objects
        changes += draft.change_count
        seq = next_seq(seq)
    return _Made(content, made, changes)


def _draft(
    context: Context, place: Position, onto: Content, own: Revision, options: CommitOptions
) -> tuple[Draft, Stamp]:
    """`onto` with the change of a commit applied, and the commit's author."""
    state = Stopped("cherry-pick", place, onto.revision.id, own.id, short(own.id), own.commit.message)
    how: CommitOptions = {**options, "message": None}
    try:
        return draft_plan(context, Plan(state, intent_of(how, own.commit.message, None)), onto), own.commit.author
    except MergeConflict as conflict:
        what = f"{short(own.id)} ({own.commit.subject[:60]}) contradicts the version that it is applied to"
        raise MergeConflict(f"{what}: {conflict}", conflict.conflicts, conflict.together) from None


def _refuse_tombstones(place: Position, commits: list[Commit]) -> None:
    if any(commit.is_tombstone for commit in commits):
        raise Refused(f"{place.branch} of {place.zone} was removed on one side: merge instead, without --rebase")
