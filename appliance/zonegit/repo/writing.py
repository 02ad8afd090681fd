"""Commits: from a change that a caller describes to a branch that has moved, or a clear refusal."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypedDict

from zonegit.errors import Conflict, Refused, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft, draft_changes, make_commit
from zonegit.repo.history import read_commit
from zonegit.repo.judging import refuse
from zonegit.repo.position import HEAD
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.serials import next_seq, seq_of_merge
from zonegit.repo.signed import (
    Signatures,
    dnssec_keys,
    is_signed,
    refuse_change,
    refuse_serial,
    refuse_unsigned,
)
from zonegit.store.port import RefUpdate, Writer
from zonegit.zonefile.serial import check_serial
from zonegit.zonefile.steps import Told, silent
from zonegit.zonefile.strict import strict_checks

TRIES = 3
"""Drafts that are made without holding the store; the one after them is made while other writers wait."""
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
    keep_serial: bool = False
    """Whether `serial` must be ahead: nothing else will do."""
    signatures: Signatures = "keep"
    strict: frozenset[str] = frozenset()
    """Checks whose warnings refuse the commit."""
    operation: str = "commit"
    """What the reflog calls it: the first word of its reason, as git's."""
    author: Stamp | None = None
    """Who made the change, where that isn't who commits it."""
    others: tuple[Revision, ...] = ()
    """Parents of the commit beside the branch's tip."""
    over: ObjectId | None = None
    """The version that an imported file came from and was merged over, if it was."""


class CommitOptions(TypedDict, total=False):
    """What every writing call takes beside its change."""

    zone: str | None
    branch: str | None
    who: str | None
    message: str | None
    dry_run: bool
    signatures: Signatures
    strict: Collection[str]
    """Names of checks whose warnings refuse the commit; `all` is every one."""


def intent_of(
    options: CommitOptions,
    message: str,
    serial: int | None,
    imported: str | None = None,
    *,
    keep_serial: bool = False,
    operation: str = "commit",
    author: Stamp | None = None,
    others: tuple[Revision, ...] = (),
) -> Intent:
    """The intent that a call's options make, with `message` where they have none."""
    given = options.get("message")
    text = message if given is None else checked_message(given)
    return Intent(
        text,
        options.get("who"),
        options.get("dry_run", False),
        serial,
        imported,
        keep_serial,
        signatures=options.get("signatures", "keep"),
        strict=strict_checks(options.get("strict", ())),
        operation="import" if imported else operation,
        author=author,
        others=others,
    )


def checked_message(text: str) -> str:
    """The message that somebody gives a commit or a tag. `UsageError` if it is none that a terminal may show."""
    if not text.strip():
        raise UsageError("--message is empty; write a line of plain text")
    if byte := next((ord(char) - 0xDC00 for char in text if 0xDC80 <= ord(char) <= 0xDCFF), 0):
        raise UsageError(
            f"--message holds the byte 0x{byte:02X}, which is no UTF-8 there; write a line of plain text"
        )
    if bad := next((char for char in text if not (char.isprintable() or char in "\n\t")), ""):
        raise UsageError(f"--message holds U+{ord(bad):04X}, which can't be shown; write a line of plain text")
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

    for _ in range(TRIES):
        with context.store.keeping():
            content = context.tip(place)
            try:
                return commit_draft(context, place, content, drafted(content, changes(content), intent), intent)
            except Conflict:
                continue
    with context.store.write() as writer:
        content = context.tip(place)
        return commit_draft(context, place, content, drafted(content, changes(content), intent), intent, writer)


def drafted(content: Content, changes: Changes, intent: Intent) -> Draft:
    """The draft of these changes, and of what `--unsign` drops beside them."""
    if intent.signatures == "unsign":
        changes = {**dict.fromkeys(dnssec_keys(content.tree)), **changes}
    return draft_changes(content, changes, intent.strict)


def commit_draft(
    context: Context,
    place: Position,
    content: Content | None,
    draft: Draft,
    intent: Intent,
    writer: Writer | None = None,
    told: Told = silent,
    agree: Callable[[Content], None] = lambda content: None,
) -> Committed:
    """Put a draft on top of `content`, in `writer` or in a transaction of its own. `Conflict` if the tip moved.

    `agree` is asked last, when nothing else refuses the commit, and raises where `content` mustn't be replaced.
    """
    check_writable(context, place.zone)
    stamp = context.stamp(intent.who)
    old = content.revision if content else None
    root = object_id(draft.objects[-1])
    last = old or _removed_tip(context, place)
    seq = next_seq(last.commit.seq, intent.serial) if last else intent.serial or 0
    if last and intent.others:
        seq = seq_of_merge(last.commit.seq, [other.commit.seq for other in intent.others])
    taken = intent.serial == seq & 0xFFFFFFFF
    same = old is not None and root == old.commit.zone_root
    if intent.keep_serial and last and not taken and not (same and intent.serial == last.commit.serial):
        what = f"serial {intent.serial} is not ahead of {last.commit.serial}"
        raise Refused(f"{what}; raise it in the file, or drop --keep-serial")
    if old and same and not taken and not intent.others:
        return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0, findings=draft.findings)
    of_serial = check_serial(seq & 0xFFFFFFFF)
    refuse(place.zone, of_serial, intent.strict)
    _check_signatures(place.zone, content, draft, seq & 0xFFFFFFFF, last, intent)
    if content is not None:
        agree(content)
    commit = make_commit(
        content,
        place.zone,
        root,
        seq,
        stamp,
        intent.message,
        intent.imported,
        intent.author,
        intent.others,
        intent.over,
    )
    data = commit.encode()
    new = None if intent.dry_run else object_id(data)
    if new:
        update = RefUpdate(refs.head(place.zone, place.branch), old.id if old else None, new)
        reason = f"{intent.operation}: {commit.subject.removeprefix(f'{intent.operation} ')}"
        if writer is None:
            rest = store_ahead(context, draft.objects, told)
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
        [*draft.findings, *of_serial],
    )


def _removed_tip(context: Context, place: Position) -> Revision | None:
    """Where a branch was when its zone was removed, unless that is gone: secondaries still have that serial."""
    with context.store.read() as reader:
        removal = next(reader.reflog(refs.head(place.zone, place.branch)), None)
        old = removal.old if removal else None
        if old is None or not reader.has(old):
            return None
    return read_commit(context.nodes.source, old)


def _check_signatures(
    zone: str, content: Content | None, draft: Draft, serial: int, last: Revision | None, intent: Intent
) -> None:
    """`Refused` where the signatures of the version before, or of this one, would be wrong or gone."""
    signed = content is not None and is_signed(content.tree)
    if intent.signatures != "keep" or not (signed or draft.signed):
        return
    if intent.imported is None:
        raise refuse_change(zone)
    if not draft.signed:
        raise refuse_unsigned(zone, "the file")
    if last is not None and intent.serial is not None and serial != intent.serial:
        raise refuse_serial(zone, "the file", intent.serial, last.commit.serial)


def _store(writer: Writer, objects: list[bytes], update: RefUpdate, stamp: Stamp, reason: str) -> None:
    """Take objects in and move the branch; HEAD names it if it names nothing yet."""
    writer.insert(objects)
    writer.move_refs([update], stamp, reason)
    if writer.setting(HEAD) is None:
        writer.set_setting(HEAD, update.name.encode())


def store_ahead(context: Context, objects: list[bytes], told: Told = silent) -> list[bytes]:
    """Store a large draft's objects in groups, so that others can write between; returns the last group."""
    at = 0
    while len(objects) - at > _GROUP:
        with context.store.write() as writer:
            writer.insert(objects[at : at + _GROUP])
        at += _GROUP
        told(at / len(objects))
    return objects[at:]
