"""A zone removed as a whole, and brought back as it was, from the reflogs of its branches and tags."""

from zonegit.errors import Conflict, NotFound
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefKind, RefName
from zonegit.repo.context import Context
from zonegit.repo.labels import DELETED
from zonegit.repo.listing import named
from zonegit.repo.position import HEAD, default_branch, place_in
from zonegit.repo.results import Restored
from zonegit.repo.writing import check_writable
from zonegit.store.port import Reader, RefUpdate


def remove_zone(context: Context, zone: str, who: str | None, dry_run: bool) -> None:
    """Delete all refs of a zone. Objects and reflogs stay; HEAD goes to another zone, if there is one."""
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
            head = writer.setting(HEAD)
            if head and refs.parse(head.decode()).zone == zone:
                other = next((refs.parse(name).zone for name, _ in writer.refs("refs/heads/")), None)
                place = place_in(writer, other) if other else None
                writer.set_setting(HEAD, refs.head(place.zone, place.branch).encode() if place else None)


def restore_zone(context: Context, zone: str, who: str | None, dry_run: bool) -> Restored:
    """Bring back what was deleted together with the zone's last branch, in one transaction.

    Each branch and tag comes back at its old id, so no serial falls. `Conflict` where there is a zone of this name,
    `NotFound` where none was removed.
    """
    check_writable(context, zone)
    if named(context, RefKind.HEAD, zone):
        raise Conflict(f"there is a zone {zone} here; 'zonegit zone remove {zone}' it first, or keep it")
    with context.store.read() as reader:
        removed = _removed(reader, zone)
        current = reader.setting(HEAD) is None
    tips = {refs.parse(name).name: oid for name, oid in removed.items() if refs.parse(name).kind is RefKind.HEAD}
    if not tips:
        raise NotFound(f"no zone {zone} was removed here; 'zonegit zone list' shows those that are here")
    branch = default_branch(tips)
    if not dry_run:
        head = refs.head(zone, branch)
        with context.store.write() as writer:
            updates = [RefUpdate(name, None, oid) for name, oid in removed.items()]
            writer.move_refs(updates, context.stamp(who), "zone: restored")
            if current:
                writer.set_setting(HEAD, head.encode())
        if branch == refs.DEFAULT_BRANCH:
            with context.store.write() as writer:
                writer.show(head)
    tags = {refs.parse(name).name: oid for name, oid in removed.items() if refs.parse(name).kind is RefKind.TAG}
    return Restored(zone, branch, tips, tags, current)


def _removed(reader: Reader, zone: str) -> dict[RefName, ObjectId]:
    """What each of a zone's refs was when the zone was removed last, without those that were deleted before."""
    gone: dict[tuple[int, str, str], dict[RefName, ObjectId]] = {}
    for kind in (RefKind.HEAD, RefKind.TAG):
        for name in reader.logged(f"refs/{kind}/{zone}/"):
            last = next(reader.reflog(name))
            if last.new is None and last.old and last.reason != DELETED and refs.parse(name).zone == zone:
                gone.setdefault((last.who.time, last.who.name, last.reason), {})[name] = last.old
    ends = [key for key, found in gone.items() if any(refs.parse(name).kind is RefKind.HEAD for name in found)]
    return gone[max(ends)] if ends else {}
