"""`reset --hard`: moves a branch to any version, while its served serial still rises."""

from zonegit.model import refs
from zonegit.model.ids import object_id, short
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.branches_tags import move
from zonegit.repo.changes import differences
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft, draft_changes, make_commit
from zonegit.repo.results import MAX_LISTED, Committed, Position, Revision, reset_subject
from zonegit.repo.serials import is_ahead, seq_on
from zonegit.repo.signed import Signatures, dnssec_keys, is_signed, refuse_serial, refuse_unsigned
from zonegit.repo.signing import encoded
from zonegit.repo.tombstones import refuse_tombstone, seq_again
from zonegit.repo.writing import check_writable
from zonegit.store.port import RefUpdate


def reset(
    context: Context,
    place: Position,
    target: Revision,
    who: str | None,
    dry_run: bool,
    signatures: Signatures,
    keep_history: bool,
    sign: bool | None = False,
) -> Committed:
    """Move a branch to any commit of its zone. Its reflog has the way back.

    A served serial never falls (RFC 1982). So if the target's serial isn't ahead of the tip's, the branch gets one
    more commit on top of the target, with the target's exact content and the next serial. A signed target can only
    be used with its own serial, which its signatures cover; `unsign` makes that commit without DNSSEC records.

    With `keep_history` the new commit is on top of the branch's present tip, unless the target already has the tip
    in its history. Then nodes that have the tip follow; otherwise they would merge it again and bring back what the
    reset removed. If the tip doesn't have the target in its history, the target becomes a parent too.
    """
    check_writable(context, place)
    refuse_tombstone(target)
    before, onto = context.tip(place), Content.of(context.nodes, target)
    old = before.revision
    draft = _unsigned(onto) if signatures == "unsign" else None
    if target.id == old.id and draft is None:
        return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0)
    if signatures == "keep":
        _check_signatures(before, onto)
    stamp = context.stamp(who)
    tip = target
    root = target.commit.zone_root
    objects = draft.objects if draft else []
    forward = _is_forward(old, target)
    source = context.nodes.source
    kept = keep_history and not is_ancestor(source, old.id, target.id)
    if draft or kept or not forward:
        root = object_id(draft.objects[-1]) if draft else root
        served = target if forward else old
        seq = seq_on(target.commit.seq, served=served.commit.seq)
        if kept and forward and not draft and is_signed(onto.tree):
            seq = seq_again(target.commit.seq, target.commit.seq)
        others = (target,) if kept and not is_ancestor(source, target.id, old.id) else ()
        on = before if kept else onto
        start = target.commit.not_before
        commit = make_commit(
            on,
            place.zone,
            root,
            seq,
            stamp,
            _message(target, draft),
            None,
            others=others,
            not_before=start if start and start > context.now() else None,
        )
        objects = [*objects, encoded(context, commit, sign, dry_run=dry_run)]
        tip = Revision(object_id(objects[-1]), commit)
    nodes = context.nodes.over({object_id(data): data for data in objects})
    changes = list(differences(nodes, old.commit.zone_root, root))
    update = RefUpdate(refs.head(place.zone, place.branch), old.id, tip.id)
    move(context, [update], who, f"reset: moving to {short(target.id)}", dry_run, target, objects)
    listed = changes if len(changes) <= MAX_LISTED else []
    new = None if dry_run else tip.id
    return Committed(place.zone, place.branch, old.id, new, tip.commit.serial, len(changes), listed, kept=kept)


def _unsigned(content: Content) -> Draft | None:
    """A version without its DNSSEC records; None if it has none."""
    keys = list(dnssec_keys(content.tree))
    return draft_changes(content, dict.fromkeys(keys)) if keys else None


def _check_signatures(before: Content, onto: Content) -> None:
    """`Refused` if the target's signatures would be invalid, or a signed zone would become unsigned."""
    old, target = before.revision.commit, onto.revision.commit
    if is_signed(onto.tree):
        if not _is_forward(before.revision, onto.revision):
            raise refuse_serial(old.zone, "that version", target.serial, old.serial)
    elif is_signed(before.tree):
        raise refuse_unsigned(old.zone, "that version")


def _is_forward(old: Revision, target: Revision) -> bool:
    """Whether secondaries that have `old` accept `target`."""
    return target.commit.seq > old.commit.seq and is_ahead(target.commit.seq, old.commit.seq)


def _message(target: Revision, draft: Draft | None) -> str:
    without = ", without its DNSSEC records" if draft else ""
    return f"{reset_subject(target.id)}\n\nThe content is that of serial {target.commit.serial}{without}."
