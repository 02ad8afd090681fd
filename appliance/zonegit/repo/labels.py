"""Branches and tags of a zone: listing, making, moving, deleting."""

from collections.abc import Iterator

from zonegit.errors import Conflict, NotFound, Refused
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import Kind, ObjectId, kind_of, object_id, short
from zonegit.model.refs import RefKind
from zonegit.repo.content import Content
from zonegit.repo.context import HEAD, Context, place_in
from zonegit.repo.draft import differences, make_commit
from zonegit.repo.results import MAX_LISTED, Committed, Entry, Position, Revision
from zonegit.repo.writing import check_writable, checked_message
from zonegit.store.port import RefUpdate


def named(context: Context, kind: RefKind, zone: str) -> dict[str, ObjectId]:
    """A zone's branches or tags and the commits that they point to."""
    found: dict[str, ObjectId] = {}
    with context.store.read() as reader:
        for name, oid in reader.refs(f"refs/{kind}/{zone}/"):
            ref = refs.parse(name)
            if ref.zone == zone:
                data = reader.get(oid)
                found[ref.name] = Tag.decode(data).target if kind_of(data) is Kind.TAG else oid
    return found


def create_branch(
    context: Context, place: Position, name: str, start: Revision, who: str | None, dry_run: bool
) -> None:
    """Begin a branch. `Conflict` if there is one of this name."""
    check_writable(context, place.zone)
    update = RefUpdate(refs.head(place.zone, name), None, start.id)
    if context.ref(update.name):
        raise Conflict(f"{place.zone} has a branch {name} already; 'checkout {name}', or choose another name")
    _move(context, [update], who, f"branch: created from {short(start.id)}", dry_run)


def delete_branch(context: Context, place: Position, name: str, who: str | None, dry_run: bool) -> None:
    """Delete a branch that HEAD isn't on and that isn't the zone's last. Its reflog stays."""
    check_writable(context, place.zone)
    branches = named(context, RefKind.HEAD, place.zone)
    if name not in branches:
        raise NotFound(f"{place.zone} has no branch {name}; see 'zonegit branch'")
    if context.place(None) == Position(place.zone, name):
        raise Refused(f"HEAD is on {name}; 'checkout' another branch first")
    if len(branches) == 1:
        raise Refused(f"{name} is the only branch of {place.zone}; 'zone remove' deletes a zone")
    _move(context, [RefUpdate(refs.head(place.zone, name), branches[name], None)], who, "branch: deleted", dry_run)


def create_tag(
    context: Context,
    place: Position,
    name: str,
    target: Revision,
    message: str | None,
    who: str | None,
    dry_run: bool,
) -> ObjectId:
    """A tag; with a message it is an object of its own. Returns what the ref points to."""
    check_writable(context, place.zone)
    ref = refs.tag(place.zone, name)
    if context.ref(ref):
        raise Conflict(f"{place.zone} has a tag {name} already; delete it first: 'zonegit tag -d {name}'")
    if message is None:
        _move(context, [RefUpdate(ref, None, target.id)], who, f"tag: {short(target.id)}", dry_run)
        return target.id
    data = Tag(target.id, place.zone, name, context.stamp(who), checked_message(message)).encode()
    _move(context, [RefUpdate(ref, None, object_id(data))], who, f"tag: {short(target.id)}", dry_run, [data])
    return object_id(data)


def delete_tag(context: Context, place: Position, name: str, who: str | None, dry_run: bool) -> None:
    check_writable(context, place.zone)
    ref = refs.tag(place.zone, name)
    old = context.ref(ref)
    if old is None:
        raise NotFound(f"{place.zone} has no tag {name}; see 'zonegit tag'")
    _move(context, [RefUpdate(ref, old, None)], who, "tag: deleted", dry_run)


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
    if target.commit.seq <= old.commit.seq:
        onto = Content.of(context.nodes, target)
        message = f"Reset to {short(target.id)}\n\nThe content is that of serial {target.commit.serial}."
        commit = make_commit(onto, place.zone, target.commit.zone_root, old.commit.seq + 1, stamp, message, None)
        objects = [commit.encode()]
        tip = Revision(object_id(objects[0]), commit)
    changes = list(differences(context.nodes, old.commit.zone_root, target.commit.zone_root))
    update = RefUpdate(refs.head(place.zone, place.branch), old.id, tip.id)
    _move(context, [update], who, f"reset: moving to {short(target.id)}", dry_run, objects)
    listed = changes if len(changes) <= MAX_LISTED else []
    new = None if dry_run else tip.id
    return Committed(place.zone, place.branch, old.id, new, tip.commit.serial, len(changes), listed)


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


def reflog(context: Context, place: Position) -> Iterator[Entry]:
    """A branch's moves, newest first."""
    with context.store.read() as reader:
        found = list(reader.reflog(refs.head(place.zone, place.branch)))
    for index, entry in enumerate(found):
        yield Entry(index, entry.old, entry.new, entry.who, entry.reason)


def _move(
    context: Context,
    updates: list[RefUpdate],
    who: str | None,
    reason: str,
    dry_run: bool,
    objects: list[bytes] | None = None,
) -> None:
    stamp = context.stamp(who)
    if not dry_run:
        with context.store.write() as writer:
            writer.insert(objects or [])
            writer.move_refs(updates, stamp, reason)
