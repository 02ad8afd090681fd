"""Commits: from a change that a caller describes to a branch that has moved, or a clear refusal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from zonegit.errors import Conflict, NotFound, Refused, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import object_id
from zonegit.model.names import WireName, to_text
from zonegit.model.rrset import RRKey
from zonegit.model.zone import SALT_SIZE, Shape
from zonegit.repo.content import Content
from zonegit.repo.context import HEAD, Context
from zonegit.repo.draft import Changes, Draft, draft_changes, draft_records, make_commit
from zonegit.repo.results import Committed, Position
from zonegit.repo.serials import is_ahead, next_seq
from zonegit.store.port import RefUpdate, Writer
from zonegit.zonefile.findings import Finding
from zonegit.zonefile.serial import check_serial

_TRIES = 3
_GROUP = 10_000


@dataclass(frozen=True, slots=True)
class Intent:
    """How a commit is to be made, apart from what it changes."""

    message: str
    who: str | None
    dry_run: bool
    serial: int | None = None
    """The SOA serial that the caller asked for; taken if it is ahead."""
    imported: str | None = None


class CommitOptions(TypedDict, total=False):
    """What every writing call takes beside its change."""

    zone: str | None
    branch: str | None
    who: str | None
    message: str | None
    dry_run: bool


def intent_of(options: CommitOptions, message: str, serial: int | None, imported: str | None = None) -> Intent:
    """The intent that a call's options make, with `message` where they have none."""
    given = options.get("message")
    text = message if given is None else checked_message(given)
    return Intent(text, options.get("who"), options.get("dry_run", False), serial, imported)


def checked_message(text: str) -> str:
    """The message that somebody gives a commit or a tag. `UsageError` if it is none that a terminal may show."""
    if not text.strip() or not all(char.isprintable() or char in "\n\t" for char in text):
        raise UsageError("--message is empty, or holds control characters; write a line of plain text")
    return text


def mirror_setting(zone: str) -> str:
    """Name of the setting that holds the peer from which a zone is mirrored."""
    return f"mirror/{zone}"


def check_writable(context: Context, zone: str) -> None:
    """`Refused` for a mirrored zone: its history is made elsewhere."""
    with context.store.read() as reader:
        peer = reader.setting(mirror_setting(zone))
    if peer:
        raise Refused(f"{zone} is mirrored from {peer.decode()}: make the change there, and it arrives by itself")


def commit_changes(
    context: Context, place: Position, changes: Callable[[Content], Changes], intent: Intent
) -> Committed:
    """Commit what `changes` makes of the branch's tip.

    The draft is made without holding the store. If the tip moves meanwhile it is made again, the last time while
    other writers wait: however many they are, none starves.
    """
    for _ in range(_TRIES):
        content = context.tip(place)
        try:
            return _commit(context, place, content, draft_changes(content, changes(content)), intent)
        except Conflict:
            continue
    with context.store.write() as writer:
        content = context.tip(place)
        return _commit(context, place, content, draft_changes(content, changes(content)), intent, writer)


def commit_records(
    context: Context,
    apex: WireName,
    branch: str | None,
    entries: list[tuple[RRKey, bytes]],
    intent: Intent,
    warnings: Sequence[Finding] = (),
) -> Committed:
    """Commit a version that holds exactly these entries; begins the zone's history if there is none.

    `warnings` are those of whoever read the entries; they are given back with the findings about the zone.
    """
    zone = to_text(apex)
    content: Content | None
    try:
        place = context.place(zone, branch)
    except NotFound:
        place = Position(zone, branch or refs.DEFAULT_BRANCH)
        content = None
        shape = Shape(context.random(SALT_SIZE))
    else:
        content = context.tip(place)
        shape = content.zone.shape
    draft = draft_records(apex, content, entries, shape, warnings)
    done = _commit(context, place, content, draft, intent)
    if content is None and done.new and place.branch == refs.DEFAULT_BRANCH:
        with context.store.write() as writer:
            writer.show(refs.head(place.zone, place.branch))
    return done


def _commit(
    context: Context,
    place: Position,
    content: Content | None,
    draft: Draft,
    intent: Intent,
    writer: Writer | None = None,
) -> Committed:
    """Put a draft on top of `content`, in `writer` or in a transaction of its own. `Conflict` if the tip moved."""
    check_writable(context, place.zone)
    stamp = context.stamp(intent.who)
    old = content.revision if content else None
    root = object_id(draft.objects[-1])
    seq = intent.serial or 0
    if old:
        seq = next_seq(old.commit.seq, intent.serial)
        if root == old.commit.zone_root and (intent.serial is None or seq & 0xFFFFFFFF != intent.serial):
            return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0)
    commit = make_commit(content, place.zone, root, seq, stamp, intent.message, intent.imported)
    data = commit.encode()
    new = None if intent.dry_run else object_id(data)
    if new:
        update = RefUpdate(refs.head(place.zone, place.branch), old.id if old else None, new)
        reason = f"{'import' if intent.imported else 'commit'}: {commit.subject}"
        if writer is None:
            rest = _store_ahead(context, draft.objects)
            with context.store.write() as own:
                _store(own, [*rest, data], update, stamp, reason)
        else:
            _store(writer, [*draft.objects, data], update, stamp, reason)
    return Committed(
        place.zone,
        place.branch,
        old.id if old else None,
        new,
        commit.serial,
        draft.change_count,
        draft.changes,
        [*draft.findings, *check_serial(commit.serial)],
    )


def _store(writer: Writer, objects: list[bytes], update: RefUpdate, stamp: Stamp, reason: str) -> None:
    """Take objects in and move the branch; HEAD names it if it names nothing yet."""
    writer.insert(objects)
    writer.move_refs([update], stamp, reason)
    if writer.setting(HEAD) is None:
        writer.set_setting(HEAD, update.name.encode())


def _store_ahead(context: Context, objects: list[bytes]) -> list[bytes]:
    """Store a large draft's objects in groups, so that others can write between; returns the last group."""
    at = 0
    while len(objects) - at > _GROUP:
        with context.store.write() as writer:
            writer.insert(objects[at : at + _GROUP])
        at += _GROUP
    return objects[at:]


def check_import(
    context: Context, zone: str, branch: str | None, serial: int, replace: bool, keep_serial: bool
) -> None:
    """`Refused` when an import would hide a change made by hand, or couldn't keep its serial (RFC 1982)."""
    try:
        tip = context.tip(context.place(zone, branch)).revision.commit
    except NotFound:
        return
    if not replace and "imported" not in dict(tip.extra):
        raise Refused(f"{zone} was changed since its last import ({tip.subject!r}); --replace lets the file win")
    if keep_serial and not is_ahead(serial, tip.serial):
        raise Refused(f"serial {serial} is not ahead of {tip.serial}; raise it in the file, or drop --keep-serial")
