"""Removes a whole zone, and restores it from the reflogs of its branches and tags."""

from zonegit.errors import Conflict, NotFound
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import RefKind, RefName
from zonegit.repo.admission import check_entering
from zonegit.repo.branches_tags import DELETED
from zonegit.repo.context import Context
from zonegit.repo.default_view import make_default_view
from zonegit.repo.history import read_commit
from zonegit.repo.listing import commit_of, named
from zonegit.repo.position import default_branch, head_status
from zonegit.repo.renamed import RENAMED_TO
from zonegit.repo.results import Restored
from zonegit.repo.signing import encoder
from zonegit.repo.tombstones import Encode, content_before, revived, tombstone_objects
from zonegit.repo.writing import check_zone_writable
from zonegit.store.port import Reader, RefLogEntry, RefUpdate


def remove_zone(
    context: Context,
    zone: str,
    who: str | None,
    dry_run: bool,
    *,
    tombstone: bool = False,
    sign: bool | None = False,
) -> None:
    """Delete all refs of a zone. Objects, reflogs and HEAD stay (`repo.position`).

    With `tombstone`, each branch gets a tombstone instead, which tells peers that it was removed
    (`repo.tombstones`). The tags stay then, since peers would bring them back. Existing tombstones stay in any
    case.
    """
    check_zone_writable(context, zone)
    stamp = context.stamp(who)
    encode = encoder(context, sign, dry_run=dry_run)
    updates: list[RefUpdate] = []
    objects: list[bytes] = []
    with context.store.read() as reader:
        found = [
            (ref, oid)
            for kind in ((RefKind.HEAD,) if tombstone else (RefKind.HEAD, RefKind.TAG))
            for name, oid in reader.live_refs(f"refs/{kind}/{zone}/")
            if (ref := refs.parse(name)).zone == zone
        ]
    for ref, oid in found:
        new = None
        if tombstone:
            tip = read_commit(context.nodes.source, oid)
            objects += tombstone_objects(context.nodes, tip, stamp, f"Remove {zone}", encode)
            new = object_id(objects[-1])
        updates.append(RefUpdate(ref.full, oid, new))
    if not dry_run:
        with context.store.write() as writer:
            writer.insert(objects)
            writer.move_refs(updates, stamp, "zone: removed")


def restore_zone(
    context: Context, zone: str, who: str | None, dry_run: bool, sign: bool | None = False
) -> Restored:
    """Restore what was deleted together with the zone's last branch, in one transaction.

    Each branch and tag comes back at its old id, so no serial falls. A branch that left a tombstone comes back as a
    commit on top of it. `Conflict` if there is a zone of this name, `NotFound` if none was removed, `InvalidZone`
    if a version of its history is unfit.
    """
    check_zone_writable(context, zone)
    if named(context, RefKind.HEAD, zone):
        raise Conflict(
            f"there is already a zone {zone}; its branches' reflogs name what was removed ('zonegit reflog'), and "
            "'zonegit reset --hard ID' goes back to it"
        )
    with context.store.read() as reader:
        removed = _removed(reader, zone)
        if not all(map(reader.has, removed.values())):
            raise NotFound(f"{zone} can't be restored: 'zonegit gc' has deleted its objects")
        check_entering(reader, zone, removed.values())
        tips, tags = (_of_kind(kind, reader, removed) for kind in (RefKind.HEAD, RefKind.TAG))
        tombstones = {name: oid for name in removed if (oid := reader.ref(name)) is not None}
    tags = {**named(context, RefKind.TAG, zone), **tags}
    if not tips:
        raise NotFound(f"no zone {zone} was removed here; 'zonegit zone list' shows the existing zones")
    stamp = context.stamp(who)
    objects: list[bytes] = []
    for name, oid in tombstones.items():
        tip, new = _again(context, oid, removed[name], stamp, encoder(context, sign, dry_run=dry_run))
        tips[refs.parse(name).name] = removed[name] = tip
        objects += new
    branch = default_branch(tips)
    current = False
    if not dry_run:
        with context.store.write() as writer:
            writer.insert(objects)
            updates = [RefUpdate(name, tombstones.get(name), oid) for name, oid in removed.items()]
            writer.move_refs(updates, stamp, "zone: restored")
            head = head_status(writer, context.seat).head
            current = head is not None and head.zone == zone
        make_default_view(context, zone, branch)
    return Restored(zone, branch, tips, tags, current)


def _again(
    context: Context, tombstone: ObjectId, content: ObjectId, stamp: Stamp, encode: Encode
) -> tuple[ObjectId, tuple[bytes, ...]]:
    """The commit that brings a branch back on top of its tombstone."""
    source = context.nodes.source
    on, of = read_commit(source, tombstone), read_commit(source, content)
    message = f"Restore {of.commit.zone}\n\nThe content is that of serial {of.commit.serial}."
    return revived(context.nodes, on, of, stamp, message, encode)


def _of_kind(kind: RefKind, reader: Reader, removed: dict[RefName, ObjectId]) -> dict[str, ObjectId]:
    """The branches or tags among these refs, and their commits."""
    found = ((refs.parse(name), oid) for name, oid in removed.items())
    return {ref.name: commit_of(reader, oid) for ref, oid in found if ref.kind is kind}


def _removed(reader: Reader, zone: str) -> dict[RefName, ObjectId]:
    """What each ref of a zone was when the zone was last removed, without refs that were deleted earlier."""
    gone: dict[tuple[int, str, str], dict[RefName, ObjectId]] = {}
    for kind in (RefKind.HEAD, RefKind.TAG):
        for name in reader.logged(f"refs/{kind}/{zone}/"):
            last = next(reader.reflog(name))
            left_before = last.reason == DELETED or last.reason.startswith(RENAMED_TO)
            if not left_before and refs.parse(name).zone == zone and (was := _was(reader, name, last)):
                gone.setdefault((last.who.time, last.who.name, last.reason), {})[name] = was
    ends = [key for key, found in gone.items() if any(refs.parse(name).kind is RefKind.HEAD for name in found)]
    return gone[max(ends)] if ends else {}


def _was(reader: Reader, name: RefName, last: RefLogEntry) -> ObjectId | None:
    """What a ref was before it was deleted or moved to a tombstone; None if it still exists."""
    if last.new is None:
        return last.old
    if not reader.is_removed(name):
        return None
    return content_before(reader, read_commit(reader, last.new)).id
