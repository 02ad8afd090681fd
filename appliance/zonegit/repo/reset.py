"""`reset --hard`: a branch moved to any version, without its serial falling."""

from zonegit.model import refs
from zonegit.model.ids import object_id, short
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import differences, make_commit
from zonegit.repo.labels import move
from zonegit.repo.results import MAX_LISTED, Committed, Position, Revision
from zonegit.repo.serials import is_ahead, seq_on
from zonegit.repo.writing import check_writable
from zonegit.store.port import RefUpdate


def reset(context: Context, place: Position, target: Revision, who: str | None, dry_run: bool) -> Committed:
    """Move a branch to any commit of its zone. The way back is in its reflog.

    A served serial never falls (RFC 1982): where the target's isn't ahead of the tip's, the branch gets one more
    commit on top of the target, with the target's very content and the next serial.
    """
    check_writable(context, place.zone)
    old = context.tip(place).revision
    stamp = context.stamp(who)
    if target.id == old.id:
        return Committed(place.zone, place.branch, old.id, old.id, old.commit.serial, 0)
    objects = []
    tip = target
    if target.commit.seq <= old.commit.seq or not is_ahead(target.commit.seq, old.commit.seq):
        onto = Content.of(context.nodes, target)
        message = f"Reset to {short(target.id)}\n\nThe content is that of serial {target.commit.serial}."
        seq = seq_on(target.commit.seq, served=old.commit.seq)
        commit = make_commit(onto, place.zone, target.commit.zone_root, seq, stamp, message, None)
        objects = [commit.encode()]
        tip = Revision(object_id(objects[0]), commit)
    changes = list(differences(context.nodes, old.commit.zone_root, target.commit.zone_root))
    update = RefUpdate(refs.head(place.zone, place.branch), old.id, tip.id)
    move(context, [update], who, f"reset: moving to {short(target.id)}", dry_run, objects)
    listed = changes if len(changes) <= MAX_LISTED else []
    new = None if dry_run else tip.id
    return Committed(place.zone, place.branch, old.id, new, tip.commit.serial, len(changes), listed)
