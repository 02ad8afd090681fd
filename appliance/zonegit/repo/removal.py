"""A zone removed as a whole, and brought back as it was, from the reflogs of its branches and tags."""

from zonegit.errors import Conflict, NotFound
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefKind, RefName
from zonegit.repo.context import Context
from zonegit.repo.entering import check_entering
from zonegit.repo.labels import DELETED, RENAMED_TO
from zonegit.repo.listing import commit_of, named
from zonegit.repo.position import default_branch, standing
from zonegit.repo.results import Restored
from zonegit.repo.viewing import show_default
from zonegit.repo.writing import check_writable
from zonegit.store.port import Reader, RefUpdate


def remove_zone(context: Context, zone: str, who: str | None, dry_run: bool) -> None:
    """Delete all refs of a zone. Objects and reflogs stay, and HEAD stays where it is (`repo.position`)."""
    check_writable(context, zone)
    updates = []
    with context.store.read() as reader:
        for kind in (RefKind.HEAD, RefKind.TAG):
            updates += [
                RefUpdate(name, oid, None)
                for name, oid in reader.refs(f"refs/{kind}/{zone}/")
                if refs.parse(name).zone == zone
            ]
    if not dry_run:
        with context.store.write() as writer:
            writer.move_refs(updates, context.stamp(who), "zone: removed")


def restore_zone(context: Context, zone: str, who: str | None, dry_run: bool) -> Restored:
    """Bring back what was deleted together with the zone's last branch, in one transaction.

    Each branch and tag comes back at its old id, so no serial falls. `Conflict` where there is a zone of this name,
    `NotFound` where none was removed, `InvalidZone` where a version of its history is unfit.
    """
    check_writable(context, zone)
    if named(context, RefKind.HEAD, zone):
        raise Conflict(
            f"there is a zone {zone} here; its branches' reflogs name what was removed ('zonegit reflog'), and "
            "'zonegit reset --hard ID' makes it this zone's content"
        )
    with context.store.read() as reader:
        removed = _removed(reader, zone)
        if not all(map(reader.has, removed.values())):
            raise NotFound(f"what {zone} was is no longer in this repository: 'zonegit gc' has deleted it")
        check_entering(reader, zone, removed.values())
        tips, tags = (_of_kind(kind, reader, removed) for kind in (RefKind.HEAD, RefKind.TAG))
    if not tips:
        raise NotFound(f"no zone {zone} was removed here; 'zonegit zone list' shows those that are here")
    branch = default_branch(tips)
    current = False
    if not dry_run:
        with context.store.write() as writer:
            updates = [RefUpdate(name, None, oid) for name, oid in removed.items()]
            writer.move_refs(updates, context.stamp(who), "zone: restored")
            head = standing(writer, context.seat).head
            current = head is not None and head.zone == zone
        show_default(context, zone, branch)
    return Restored(zone, branch, tips, tags, current)


def _of_kind(kind: RefKind, reader: Reader, removed: dict[RefName, ObjectId]) -> dict[str, ObjectId]:
    """The branches or the tags among refs, and their commits."""
    found = ((refs.parse(name), oid) for name, oid in removed.items())
    return {ref.name: commit_of(reader, oid) for ref, oid in found if ref.kind is kind}


def _removed(reader: Reader, zone: str) -> dict[RefName, ObjectId]:
    """What each of a zone's refs was when the zone was removed last, without those that were deleted before."""
    gone: dict[tuple[int, str, str], dict[RefName, ObjectId]] = {}
    for kind in (RefKind.HEAD, RefKind.TAG):
        for name in reader.logged(f"refs/{kind}/{zone}/"):
            last = next(reader.reflog(name))
            left_before = last.reason == DELETED or last.reason.startswith(RENAMED_TO)
            if last.new is None and last.old and not left_before and refs.parse(name).zone == zone:
                gone.setdefault((last.who.time, last.who.name, last.reason), {})[name] = last.old
    ends = [key for key, found in gone.items() if any(refs.parse(name).kind is RefKind.HEAD for name in found)]
    return gone[max(ends)] if ends else {}
