"""`undo` and `redo`: undoes the last operation on a branch, and redoes one that was undone.

Each move of a branch is one operation, whatever made it: a commit, an import, a merge, a reset. Its reflog entry
names the version before it. `undo` makes a new commit with the content of that version, so nothing is lost and the
serial rises. The reflog also records what can be redone: an entry that begins with `undo:` undoes the newest
operation that isn't undone yet, one that begins with `redo:` cancels the newest `undo:`, and after any other
operation nothing can be redone. There is nothing to merge, because only the last operation is ever undone.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, TypeVar

from zonegit.errors import NotFound, Refused
from zonegit.model import refs
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.branches_tags import move
from zonegit.repo.changes import differences
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import draft_changes, make_commit
from zonegit.repo.history import read_commit
from zonegit.repo.publishing.reading import published_at
from zonegit.repo.renamed import RENAMED_FROM, RENAMED_TO
from zonegit.repo.results import MAX_LISTED, Committed, Entry, Position, Revision, TakenBack
from zonegit.repo.serials import next_seq
from zonegit.repo.signed import Signatures, dnssec_keys, is_signed, refuse_change, refuse_serial
from zonegit.repo.signing import encoded
from zonegit.repo.tombstones import is_tombstone
from zonegit.repo.writing import Intent, check_writable
from zonegit.store.port import Reader, RefLogEntry, RefUpdate

UNDO: Final = "undo: "
REDO: Final = "redo: "

T = TypeVar("T")


def undo(context: Context, place: Position, intent: Intent) -> TakenBack:
    """Undo the last operation on a branch that isn't undone yet. `Refused` if there is none."""
    check_writable(context, place)
    tip, operation = _tip_and_found(context, place, last_done)
    if operation is None:
        raise Refused(
            f"nothing left to undo: the reflog of {place.branch} goes back no further; "
            "`zonegit revert COMMIT` reverts an older commit, `zonegit reset --hard REV` all since REV"
        )
    if operation.old is None:
        raise Refused(f"nothing left to undo: {place.branch} was created by {operation.reason!r}")
    return _put_back(context, place, tip, operation.old, operation, UNDO, intent)


def redo(context: Context, place: Position, intent: Intent) -> TakenBack:
    """Redo the operation that was undone last. `Refused` if there is none, or another operation followed it."""
    check_writable(context, place)

    def find(log: Iterator[Entry]) -> tuple[Entry, Entry | None] | None:
        """The undo, and the operation that it undid, which is further back in the reflog."""
        undoing = last_undone(log)
        return (undoing, last_done(log)) if undoing else None

    tip, found = _tip_and_found(context, place, find)
    undoing, operation = found or (None, None)
    if undoing is None or undoing.old is None or operation is None:
        raise Refused(f"nothing to redo: the last operation on {place.branch} is not an undo")
    return _put_back(context, place, tip, undoing.old, operation, REDO, intent)


def last_done(log: Iterable[Entry]) -> Entry | None:
    """The newest operation of a reflog (newest first) that isn't undone; None if the reflog ends before it."""
    undone = redone = 0  # how many undos, and redos, are still to be matched with what they undid or redid
    for entry in log:
        if entry.old is None or entry.new is None:  # the branch was created, or created again
            return entry
        if entry.reason.startswith(REDO):
            redone += 1
        elif entry.reason.startswith(UNDO):
            undone, redone = (undone, redone - 1) if redone else (undone + 1, 0)
        elif undone:
            undone -= 1
        else:
            return entry
    return None


def last_undone(log: Iterable[Entry]) -> Entry | None:
    """The entry of the newest undo that isn't redone, if no other operation followed it."""
    redone = 0
    for entry in log:
        if entry.reason.startswith(REDO):
            redone += 1
        elif not entry.reason.startswith(UNDO):
            return None
        elif redone:
            redone -= 1
        else:
            return entry
    return None


def _tip_and_found(context: Context, place: Position, find: Callable[[Iterator[Entry]], T]) -> tuple[Content, T]:
    """The tip of a branch, and what `find` returns for its moves. It gets them newest first, each read as needed.

    `Refused` if the newest move didn't lead to the tip.
    """
    with context.store.read() as reader:
        tip = reader.live(refs.head(place.zone, place.branch)) or context.tip(place).revision.id
        moves = _moves(reader, place)
        newest = next(moves, None)
        if newest is None or newest.new != tip:
            raise Refused(
                f"the reflog of {place.branch} doesn't say how it got to {short(tip)}, so the last operation isn't "
                "known; 'zonegit reset --hard REV' goes back to any version"
            )
        found = find(chain((newest,), moves))
    return Content.of(context.nodes, read_commit(context.nodes.source, tip)), found


def _moves(reader: Reader, place: Position) -> Iterator[Entry]:
    """The moves of a branch, newest first and numbered from 0, including those under its earlier names.

    When a name comes up again, its log continues where it was left, so that the walk ends for a branch that was
    renamed back and forth.
    """
    logs: dict[str, Iterator[RefLogEntry]] = {}

    def log(branch: str) -> Iterator[RefLogEntry]:
        return logs.setdefault(branch, reader.reflog(refs.head(place.zone, branch)))

    branch, number = place.branch, 0
    while (entry := next(log(branch), None)) is not None:
        if entry.old is None and entry.reason.startswith(RENAMED_FROM):
            before, branch = branch, entry.reason.removeprefix(RENAMED_FROM)
            there = f"{RENAMED_TO}{before}"
            leaving = (each for each in log(branch) if each.reason == there and each.old == entry.new)
            if next(leaving, None) is None:
                return
            continue
        began = entry.old is None or is_tombstone(reader, entry.old)
        yield Entry(number, None if began else entry.old, entry.new, entry.who, entry.reason)
        number += 1


def _put_back(
    context: Context,
    place: Position,
    tip: Content,
    source: ObjectId,
    operation: Entry,
    prefix: str,
    intent: Intent,
) -> TakenBack:
    """Commit the content of `source` on top of the tip."""
    onto = Content.of(context.nodes, _read(context, place, source))
    _check_signatures(tip, onto, intent.signatures)
    objects: list[bytes] = []
    if intent.signatures == "unsign" and (keys := list(dnssec_keys(onto.tree))):
        objects = draft_changes(onto, dict.fromkeys(keys)).objects
    root = object_id(objects[-1]) if objects else onto.revision.commit.zone_root
    old = tip.revision
    message = intent.message or _message(prefix, operation, onto.revision)
    seq = next_seq(old.commit.seq)
    again = operation.new if prefix == REDO else None
    start = intent.not_before or _time(context, place, onto.revision, again)
    commit = make_commit(
        tip, place.zone, root, seq, context.stamp(intent.who), message, imported=None, not_before=start
    )
    objects = [*objects, encoded(context, commit, intent.sign, dry_run=intent.dry_run)]
    new = object_id(objects[-1])
    nodes = context.nodes.over({object_id(data): data for data in objects})
    changes = list(differences(nodes, old.commit.zone_root, root))
    update = RefUpdate(refs.head(place.zone, place.branch), old.id, new)
    reason = f"{prefix}{operation.reason}"
    move(context, [update], intent.who, reason, intent.dry_run, onto.revision, objects)
    done = Committed(
        place.zone,
        place.branch,
        old.id,
        None if intent.dry_run else new,
        commit.serial,
        len(changes),
        changes if len(changes) <= MAX_LISTED else [],
    )
    return TakenBack(done, operation)


def _read(context: Context, place: Position, oid: ObjectId) -> Revision:
    with context.store.read() as reader:
        if not reader.has(oid):
            raise NotFound(
                f"the version of {place.branch} before that, {short(oid)}, is no longer in this repository"
            )
    return read_commit(context.nodes.source, oid)


def _time(context: Context, place: Position, source: Revision, again: ObjectId | None) -> int | None:
    """The time to come that the content of `source` waits for; None if there is none.

    It is the latest of the commit itself, of those behind it that aren't published, and of the commit that is made
    `again`: what was to be published later isn't published earlier by an undo and a redo.
    """
    with context.store.read() as reader:
        waiting = [source.commit]
        if again is not None and reader.has(again):
            waiting.append(read_commit(reader, again).commit)
        published = published_at(reader, place)
        if published is not None and reader.has(published.of):
            waiting += missing_commits(reader, [source.id], [published.of]).values()
    latest = max(commit.not_before or 0 for commit in waiting)
    return latest if latest > context.now() else None


def _check_signatures(tip: Content, onto: Content, signatures: Signatures) -> None:
    """`Refused` for signed content: its signatures wouldn't cover the new serial."""
    if signatures != "keep":
        return
    zone, serial = tip.revision.commit.zone, tip.revision.commit.serial
    if is_signed(tip.tree):
        raise refuse_change(zone)
    if is_signed(onto.tree):
        raise refuse_serial(zone, "the version before it", onto.revision.commit.serial, serial)


def _message(prefix: str, operation: Entry, source: Revision) -> str:
    """The message: `Undo commit: set www A`, and the version whose content it has."""
    subject = f"{prefix.removesuffix(': ').capitalize()} {operation.reason}"
    return f"{subject}\n\nThe content is that of serial {source.commit.serial}."
