"""`undo` and `redo`: the last operation on a branch taken back, and one that was taken back made again.

Each move of a branch is one operation, whatever made it: a commit, an import, a merge, a reset. Its reflog entry
names the version from before. `undo` makes a new commit with the content of that version, so nothing is lost and
the serial rises. The reflog is also the record of what can be redone: an entry that begins with `undo:` takes back
the newest operation that still counted, one that begins with `redo:` cancels the newest `undo:`, and any other
operation ends what can be redone. There is nothing to merge, because only the last operation is ever taken back.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final, TypeVar

from zonegit.errors import NotFound, Refused
from zonegit.model import refs
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.repo.changes import differences
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import draft_changes, make_commit
from zonegit.repo.history import read_commit
from zonegit.repo.labels import RENAMED_FROM, RENAMED_TO, move
from zonegit.repo.results import MAX_LISTED, Committed, Entry, Position, Revision, TakenBack
from zonegit.repo.serials import next_seq
from zonegit.repo.signed import Signatures, dnssec_keys, is_signed, refuse_change, refuse_serial
from zonegit.repo.writing import Intent, check_writable
from zonegit.store.port import Reader, RefLogEntry, RefUpdate

UNDO: Final = "undo: "
REDO: Final = "redo: "

T = TypeVar("T")


def undo(context: Context, place: Position, intent: Intent) -> TakenBack:
    """Take back the last operation on a branch that isn't undone yet. `Refused` where nothing is left."""
    check_writable(context, place.zone)
    tip, operation = _found(context, place, last_done)
    if operation is None:
        raise Refused(
            f"nothing left to undo: what {place.branch} was before isn't in its reflog; "
            "`zonegit revert COMMIT` takes an older commit back, `zonegit reset --hard REV` all since REV"
        )
    if operation.old is None:
        raise Refused(f"nothing left to undo: {place.branch} began with {operation.reason!r}")
    return _put_back(context, place, tip, operation.old, operation, UNDO, intent)


def redo(context: Context, place: Position, intent: Intent) -> TakenBack:
    """Make the operation again that was undone last. `Refused` where none was, or another one came after it."""
    check_writable(context, place.zone)

    def find(log: Iterator[Entry]) -> tuple[Entry, Entry | None] | None:
        """The undo, and the operation that it took back: it stands below that in the reflog."""
        undoing = last_undone(log)
        return (undoing, last_done(log)) if undoing else None

    tip, found = _found(context, place, find)
    undoing, operation = found or (None, None)
    if undoing is None or undoing.old is None or operation is None:
        raise Refused(f"nothing to redo: the last operation on {place.branch} is not an undo")
    return _put_back(context, place, tip, undoing.old, operation, REDO, intent)


def last_done(log: Iterable[Entry]) -> Entry | None:
    """The newest operation of a reflog (newest first) that isn't undone; None where the reflog ends before it."""
    undone = redone = 0
    for entry in log:
        if entry.old is None or entry.new is None:  # where the branch began, or began again
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
    """The entry of the newest undo that isn't redone, if no other operation came after it."""
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


def _found(context: Context, place: Position, find: Callable[[Iterator[Entry]], T]) -> tuple[Content, T]:
    """The tip of a branch, and what is found in its moves, newest first, of which no more are read than it takes.

    `Refused` where the last of them didn't lead to the tip.
    """
    with context.store.read() as reader:
        tip = reader.ref(refs.head(place.zone, place.branch)) or context.tip(place).revision.id
        moves = _moves(reader, place)
        newest = next(moves, None)
        if newest is None or newest.new != tip:
            raise Refused(
                f"the reflog of {place.branch} doesn't say how it came to {short(tip)}, so there is no last "
                "operation; 'zonegit reset --hard REV' goes back to any version"
            )
        found = find(chain((newest,), moves))
    return Content.of(context.nodes, read_commit(context.nodes.source, tip)), found


def _moves(reader: Reader, place: Position) -> Iterator[Entry]:
    """The moves of a branch, newest first, also those under names that it had before; counted from 0 on.

    A name's log is read on from where it was left, so that a branch which was renamed to and fro comes to an end.
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
        yield Entry(number, entry.old, entry.new, entry.who, entry.reason)
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
    commit = make_commit(tip, place.zone, root, seq, context.stamp(intent.who), message, None)
    objects = [*objects, commit.encode()]
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
            raise NotFound(f"what {place.branch} was before, {short(oid)}, is no longer in this repository")
    return read_commit(context.nodes.source, oid)


def _check_signatures(tip: Content, onto: Content, signatures: Signatures) -> None:
    """`Refused` for signed content: it would need another serial than the one that was signed."""
    if signatures != "keep":
        return
    zone, serial = tip.revision.commit.zone, tip.revision.commit.serial
    if is_signed(tip.tree):
        raise refuse_change(zone)
    if is_signed(onto.tree):
        raise refuse_serial(zone, "the version before it", onto.revision.commit.serial, serial)


def _message(prefix: str, operation: Entry, source: Revision) -> str:
    """`Undo commit: set www A`, and which version it goes back to."""
    subject = f"{prefix.removesuffix(': ').capitalize()} {operation.reason}"
    return f"{subject}\n\nThe content is that of serial {source.commit.serial}."
