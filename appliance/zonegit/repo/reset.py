"""`reset --hard`: a branch moved to any version, without its serial falling."""

from zonegit.model import refs
from zonegit.model.ids import object_id, short
from zonegit.repo.changes import differences
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import Draft, draft_changes, make_commit
from zonegit.repo.labels import move
from zonegit.repo.results import MAX_LISTED, Committed, Position, Revision, reset_subject
from zonegit.repo.serials import is_ahead, seq_on
from zonegit.repo.signed import Signatures, dnssec_keys, is_signed, refuse_serial, refuse_unsigned
from zonegit.repo.writing import check_writable
from zonegit.store.port import RefUpdate


def reset(
    context: Context, place: Position, target: Revision, who: str | None, dry_run: bool, signatures: Signatures
) -> Committed:
    """Move a branch to any commit of its zone. The way back is in its reflog.

    A served serial never falls (RFC 1982): where the target's isn't ahead of the tip's, the branch gets one more
    commit on top of the target, with the target's very content and the next serial. A signed target is only taken
    with its own serial, which its signatures cover; `unsign` makes that commit without its DNSSEC records.
    """
    check_writable(context, place.zone)
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
    if draft or not forward:
        root = object_id(draft.objects[-1]) if draft else root
        served = target if forward else old
        seq = seq_on(target.commit.seq, served=served.commit.seq)
        commit = make_commit(onto, place.zone, root, seq, stamp, _message(target, draft), None)
        objects = [*objects, commit.encode()]
        tip = Revision(object_id(objects[-1]), commit)
    nodes = context.nodes.over({object_id(data): data for data in objects})
    changes = list(differences(nodes, old.commit.zone_root, root))
    update = RefUpdate(refs.head(place.zone, place.branch), old.id, tip.id)
    move(context, [update], who, f"reset: moving to {short(target.id)}", dry_run, target, objects)
    listed = changes if len(changes) <= MAX_LISTED else []
    new = None if dry_run else tip.id
    return Committed(place.zone, place.branch, old.id, new, tip.commit.serial, len(changes), listed)


def _unsigned(content: Content) -> Draft | None:
    """A version without its DNSSEC records; None where it has none."""
    keys = list(dnssec_keys(content.tree))
    return draft_changes(content, dict.fromkeys(keys)) if keys else None


def _check_signatures(before: Content, onto: Content) -> None:
    """`Refused` where the target's signatures would be wrong, or a signed zone would become an unsigned one."""
    old, target = before.revision.commit, onto.revision.commit
    if is_signed(onto.tree):
        if not _is_forward(before.revision, onto.revision):
            raise refuse_serial(old.zone, "that version", target.serial, old.serial)
    elif is_signed(before.tree):
        raise refuse_unsigned(old.zone, "that version")


def _is_forward(old: Revision, target: Revision) -> bool:
    """Whether secondaries that have the one take the other."""
    return target.commit.seq > old.commit.seq and is_ahead(target.commit.seq, old.commit.seq)


def _message(target: Revision, draft: Draft | None) -> str:
    without = ", without its DNSSEC records" if draft else ""
    return f"{reset_subject(target.id)}\n\nThe content is that of serial {target.commit.serial}{without}."
