"""Makes commits: turns a change into a draft, and the draft into the branch's new tip, or refuses it."""

from collections.abc import Callable, Collection, Sequence
from itertools import chain, groupby
from typing import NamedTuple, TypedDict

from zonegit.errors import Conflict, Refused
from zonegit.model import refs
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft, draft_changes, make_commit
from zonegit.repo.incoming.state import transfer_state, transferred_from
from zonegit.repo.judging import refuse
from zonegit.repo.messages import checked_message
from zonegit.repo.mirrors import made_here, mirror_setting
from zonegit.repo.new_zones import check_may_begin
from zonegit.repo.position import HEAD
from zonegit.repo.publishing.at_once import publish_at_once
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
from zonegit.repo.signing import encoded
from zonegit.repo.store_ahead import store_ahead
from zonegit.repo.tombstones import removed_tip, tombstone_at
from zonegit.store.port import RefUpdate, Writer
from zonegit.zonefile.progress import Report, silent
from zonegit.zonefile.serial import check_serial
from zonegit.zonefile.strict import strict_checks

TRIES = 3
"""How many drafts are made without holding the store; the one after them is made while other writers wait."""


class Intent(NamedTuple):
    """How a commit is to be made, apart from what it changes."""

    message: str
    who: str | None
    dry_run: bool
    serial: int | None = None
    """The SOA serial that the caller asked for; used if it is ahead."""
    imported: str | None = None
    """The name of the file, or of the server, for an import."""
    keep_serial: bool = False
    """Whether to refuse the commit if `serial` isn't ahead."""
    signatures: Signatures = "keep"
    strict: frozenset[str] = frozenset()
    """Checks whose warnings refuse the commit."""
    operation: str = "commit"
    """The first word of the reason in the reflog, as in git."""
    author: Stamp | None = None
    """Who made the change, if that isn't the committer."""
    others: tuple[Revision, ...] = ()
    """Parents of the commit besides the branch's tip."""
    imported_over: ObjectId | None = None
    """The version that an imported file came from, if it was merged."""
    not_before: int | None = None
    """When it is to be published, in Unix seconds."""
    sign: bool | None = False
    """Whether to sign it (`repo.signing`); None: if the user's settings say so."""
    what: str = "the file"
    """What is imported, in errors."""
    accept: frozenset[str] = frozenset()
    """Checks whose errors are warnings, since the zone is served elsewhere already."""
    is_made_here: bool = False
    """Whether zonegitd makes the zone by itself, so that nobody else may commit to it."""


class Ready(NamedTuple):
    """A commit that only has to be stored."""

    done: Committed
    stamp: Stamp
    update: RefUpdate | None = None
    """None: nothing is to be stored, because nothing changes or it is a dry run."""
    reason: str = ""
    objects: Sequence[bytes] = ()
    """The draft's objects, and the commit last."""


class CommitOptions(TypedDict, total=False):
    """The options that every writing call takes."""

    zone: str | None
    branch: str | None
    who: str | None
    message: str | None
    dry_run: bool
    signatures: Signatures
    strict: Collection[str]
    """Names of checks whose warnings refuse the commit; `all` is every one."""
    not_before: int | None
    """When it is to be published at the earliest, in Unix seconds (`repo.publishing`)."""
    sign: bool | None
    """Whether to sign the commit with the user's key. None: if the setting `commit.sign` says so. Default: no."""


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
    """The intent of a call with these options; `message` is the default message."""
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
        not_before=options.get("not_before"),
        sign=options.get("sign", False),
    )


def check_not_mirrored(context: Context, zone: str) -> None:
    """`Refused` for a mirrored zone: its history is made elsewhere."""
    with context.store.read() as reader:
        peer = reader.setting(mirror_setting(zone))
    if peer:
        raise Refused(
            f"{zone} is mirrored from {peer.decode()}: make the change there, and it will be replicated here"
        )


def check_writable(context: Context, place: Position, *, is_made_here: bool = False) -> None:
    """`Refused` for a branch that others write: of a mirrored zone, one that is transferred here, or, unless
    `is_made_here`, a catalog that zonegitd makes."""
    check_not_mirrored(context, place.zone)
    if not is_made_here:
        _check_not_made(context, place.zone)
    with context.store.read() as reader:
        servers = transferred_from(reader, place)
    if servers is not None:
        raise Refused(
            f"{place.zone} {place.branch} is transferred from {servers}: make the change there, or on a branch"
        )


def _check_not_made(context: Context, zone: str) -> None:
    with context.store.read() as reader:
        why = made_here(reader, zone)
    if why is not None:
        raise Refused(why)


def check_zone_writable(context: Context, zone: str) -> None:
    """`Refused` for a zone with a branch that others write."""
    from zonegit.repo.catalog.membership import member_here  # commits don't need it

    check_not_mirrored(context, zone)
    _check_not_made(context, zone)
    with context.store.read() as reader:
        state, member = transfer_state(reader, zone), member_here(reader, zone)
    if member is not None and state is not None:  # else its catalog isn't followed any more
        raise Refused(f"{zone} came from the catalog {member[0]}: remove it there, and it will be removed here")
    if state is not None:
        raise Refused(
            f"{zone} is transferred from {', '.join(state.primaries)}: first remove its 'primaries' from "
            "zonegitd.toml, and reload zonegitd"
        )


def commit_changes(
    context: Context, place: Position, changes: Callable[[Content], Changes], intent: Intent
) -> Committed:
    """Commit the `changes` to the branch's tip.

    The draft is made without holding the store. If the tip moves meanwhile, the draft is made again, the last time
    while other writers wait, so that no writer starves.
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
    """The draft of these changes, and of the deletions of `--unsign`."""
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
    report: Report = silent,
    confirm: Callable[[Content], None] = lambda content: None,
) -> Committed:
    """Commit a draft on top of `content`, in `writer` or in its own transaction. `Conflict` if the tip has moved.

    `confirm` is called last, when nothing else refuses the commit, and raises if `content` mustn't be replaced.
    """
    ready = make_ready(context, place, content, draft, intent, confirm)
    if writer is not None:
        return store_ready(context, writer, ready)
    if ready.update is None:
        return ready.done
    with context.store.read() as reader:
        reader.learn(draft.facts)
    rest = store_ahead(context, list(ready.objects), report)
    with context.store.write() as own:
        return store_ready(context, own, ready._replace(objects=rest))


def make_ready(
    context: Context,
    place: Position,
    content: Content | None,
    draft: Draft,
    intent: Intent,
    confirm: Callable[[Content], None] = lambda content: None,
) -> Ready:
    """Make the commit that puts a draft on top of `content`, and sign it if that is wanted.

    Call it without holding the store where that can be: a signature may wait for a passphrase.
    """
    check_writable(context, place, is_made_here=intent.is_made_here)
    if content is None:
        check_may_begin(context, place.zone)
    stamp = context.stamp(intent.who)
    old = content.revision if content else None
    root = object_id(draft.objects[-1])
    tombstone = None if old else tombstone_at(context, place)
    last = old or tombstone or removed_tip(context, place)
    seq = _seq_after(context, place, last, intent)
    serial = seq & 0xFFFFFFFF
    is_asked = intent.serial == serial
    same = old is not None and root == old.commit.zone_root
    if intent.keep_serial and last and not is_asked and not (same and intent.serial == last.commit.serial):
        what = f"serial {intent.serial} is not ahead of {last.commit.serial}"
        raise Refused(f"{what}; raise it in {intent.what}, or drop --keep-serial")
    if old and same and not is_asked and not intent.others:
        unchanged = Committed(
            place.zone, place.branch, old.id, old.id, old.commit.serial, 0, findings=draft.findings
        )
        return Ready(unchanged, stamp)
    of_serial = check_serial(serial)
    refuse(place.zone, of_serial, intent.strict)
    _check_signatures(place.zone, content, draft, serial, last, intent)
    if content is not None:
        confirm(content)
    commit = make_commit(
        content,
        place.zone,
        root,
        seq,
        stamp,
        intent.message,
        intent.imported,
        author=intent.author,
        others=(*([tombstone] if tombstone else []), *intent.others),
        imported_over=intent.imported_over,
        not_before=intent.not_before,
    )
    data = encoded(context, commit, intent.sign, dry_run=intent.dry_run)
    new = None if intent.dry_run else object_id(data)
    done = Committed(
        place.zone,
        place.branch,
        old.id if old else None,
        new,
        commit.serial,
        draft.change_count,
        draft.changes,
        [*draft.findings, *of_serial],
    )
    if new is None:
        return Ready(done, stamp)
    before = old or tombstone
    update = RefUpdate(refs.head(place.zone, place.branch), before.id if before else None, new)
    reason = f"{intent.operation}: {commit.subject.removeprefix(f'{intent.operation} ')}"
    return Ready(done, stamp, update, reason, [*draft.objects, data])


def store_ready(context: Context, writer: Writer, ready: Ready) -> Committed:
    """Store a commit and move its branch. HEAD names it if it named nothing yet. `Conflict` if the tip moved.

    If a policy lets it through at once, it is published in the same transaction.
    """
    (done,) = store_all(context, writer, [ready])
    return done


def store_all(context: Context, writer: Writer, ready: Sequence[Ready]) -> list[Committed]:
    """The same for several commits of different branches."""
    moved: list[RefUpdate] = []
    for (stamp, reason), alike in groupby(ready, lambda each: (each.stamp, each.reason)):
        group = [each for each in alike if each.update is not None]
        updates = [each.update for each in group if each.update is not None]
        writer.insert(chain.from_iterable(each.objects for each in group))
        writer.move_refs(updates, stamp, reason)
        moved += updates
    if moved and writer.setting(HEAD) is None:
        writer.set_setting(HEAD, moved[0].name.encode())
    if moved:
        publish_at_once(writer, context.nodes.through(writer), moved, ready[0].stamp)
    return [each.done for each in ready]


def _seq_after(context: Context, place: Position, last: Revision | None, intent: Intent) -> int:
    """The sequence number of a commit after `last`, the branch's tip or what was its tip (None: a new branch)."""
    served = _served(context, place, last)
    if served is None:
        return intent.serial or 0
    if last is None or not intent.others:
        return next_seq(served, intent.serial)
    from zonegit.repo.canonical import seq_of  # only merges need it

    return seq_of_merge(served, seq_of(context.nodes, [last.id, *(each.id for each in intent.others)]))


def _served(context: Context, place: Position, last: Revision | None) -> int | None:
    """The highest sequence number that secondaries may have of a branch; None for a new one.

    A published version may be ahead of the branch, since its number rises also when no commit is made.
    """
    with context.store.read() as reader:
        version = reader.ref(refs.published(place.zone, place.branch))
        published = () if version is None else (Commit.decode(reader.get(version)).seq,)
    return max((*published, *((last.commit.seq,) if last else ())), default=None)


def _check_signatures(
    zone: str, content: Content | None, draft: Draft, serial: int, last: Revision | None, intent: Intent
) -> None:
    """`Refused` if signatures of the old or the new version would be invalid, or would be lost."""
    signed = content is not None and is_signed(content.tree)
    if intent.signatures != "keep" or not (signed or draft.signed):
        return
    if intent.imported is None:
        raise refuse_change(zone)
    if not draft.signed:
        raise refuse_unsigned(zone, intent.what)
    if last is not None and intent.serial is not None and serial != intent.serial:
        raise refuse_serial(zone, intent.what, intent.serial, last.commit.serial)
