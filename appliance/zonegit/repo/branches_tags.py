"""Branches and tags of a zone: making, moving, deleting."""

from collections.abc import Sequence

from zonegit.errors import Conflict, NotFound, Refused, UsageError
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import RefKind
from zonegit.repo.admission import check_entering
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.listing import named
from zonegit.repo.messages import checked_message
from zonegit.repo.position import default_branch
from zonegit.repo.results import Position, Revision
from zonegit.repo.revisions import Resolver
from zonegit.repo.signing import encoded, encoder
from zonegit.repo.tombstones import refuse_tombstone, revived, tombstone_at, tombstone_objects
from zonegit.repo.writing import check_not_mirrored, check_writable
from zonegit.store.port import RefUpdate

DELETED = "branch: deleted"
"""The reflog's reason when a single branch is deleted. A zone's last branch is only deleted with the zone."""


def create_branch(
    context: Context,
    place: Position,
    name: str,
    start: Revision,
    who: str | None,
    dry_run: bool,
    sign: bool | None = False,
) -> ObjectId:
    """Create a branch and return its tip: `start`, or a commit on top of the tombstone of this name (`revived`).

    `Conflict` if there is one of this name.
    """
    check_writable(context, Position(place.zone, name))
    ref = refs.head(place.zone, name)
    if context.ref(ref):
        raise Conflict(f"{place.zone} has a branch {name} already; 'checkout {name}', or choose another name")
    update = RefUpdate(ref, None, start.id)
    objects: Sequence[bytes] = ()
    if tombstone := tombstone_at(context, Position(place.zone, name)):
        message = f"Create branch {name} again\n\nThe content is that of serial {start.commit.serial}."
        encode = encoder(context, sign, dry_run=dry_run)
        tip, objects = revived(context.nodes, tombstone, start, context.stamp(who), message, encode)
        update = RefUpdate(ref, tombstone.id, tip)
    move(context, [update], who, f"branch: created from {short(start.id)}", dry_run, start, objects)
    return update.new or start.id


def delete_branch(
    context: Context,
    place: Position,
    name: str,
    who: str | None,
    dry_run: bool,
    force: bool,
    *,
    tombstone: bool = False,
    sign: bool | None = False,
) -> ObjectId:
    """Delete a branch and return its last tip. Its reflog stays.

    `Refused` for HEAD's branch and for a zone's only one. Also `Refused`, without `force`, if it has commits that
    HEAD's branch lacks, or in a zone that HEAD isn't on, the default branch that is left. With `tombstone` it
    leaves a tombstone, which tells peers that it was removed.
    """
    check_writable(context, Position(place.zone, name))
    branches = named(context, RefKind.HEAD, place.zone)
    if name not in branches:
        raise NotFound(f"{place.zone} has no branch {name}; see 'zonegit branch'")
    if context.head_status().head == Position(place.zone, name):
        raise Refused(f"HEAD is on {name}; 'checkout' another branch first")
    if len(branches) == 1:
        raise Refused(f"{name} is the only branch of {place.zone}; 'zone remove' deletes a zone")
    tip = branches.pop(name)
    into = place.branch if place.branch in branches else default_branch(branches)
    if not force and (lacking := _lacking(context, tip, branches[into])):
        count = f"{lacking} commit" if lacking == 1 else f"{lacking} commits"
        raise Refused(f"{name} has {count} that {into} lacks; 'zonegit branch -D {name}' deletes it all the same")
    objects: list[bytes] = []
    if tombstone:
        last = read_commit(context.nodes.source, tip)
        encode = encoder(context, sign, dry_run=dry_run)
        objects = tombstone_objects(context.nodes, last, context.stamp(who), f"Delete branch {name}", encode)
    update = RefUpdate(refs.head(place.zone, name), tip, object_id(objects[-1]) if objects else None)
    move(context, [update], who, DELETED, dry_run, objects=objects)
    return tip


def _lacking(context: Context, tip: ObjectId, other: ObjectId) -> int:
    """How many commits are reachable from `tip` but not from `other`."""
    with context.store.read() as reader:
        return len(missing_commits(reader, [tip], [other]))


def create_tag(
    context: Context,
    place: Position,
    name: str,
    revision: str,
    message: str | None,
    who: str | None,
    dry_run: bool,
    sign: bool | None = False,
) -> ObjectId:
    """Create a tag, with a message as a tag object, which can be signed. Returns what the ref points to.

    If `revision` is a tag object of this name, left by a deleted tag, the tag points to that object again.
    """
    check_not_mirrored(context, place.zone)
    ref = refs.tag(place.zone, name)
    if context.ref(ref):
        raise Conflict(f"{place.zone} has a tag {name} already; delete it first: 'zonegit tag -d {name}'")
    with context.store.read() as reader:
        resolver = Resolver(reader, place, context.now)
        target = resolver.resolve(revision)
        made_before = resolver.tag_object(revision)
    if sign and message is None:
        raise UsageError("only a tag with a message can be signed; give one with -m")
    if message is not None:
        tag = Tag(target.id, place.zone, name, context.stamp(who), checked_message(message))
        data = encoded(context, tag, sign, dry_run=dry_run)
        update = RefUpdate(ref, None, object_id(data))
        move(context, [update], who, f"tag: {short(target.id)}", dry_run, target, [data])
        return object_id(data)
    again = made_before is not None and made_before[1].name == name
    oid = made_before[0] if made_before is not None and again else target.id
    move(context, [RefUpdate(ref, None, oid)], who, f"tag: {short(target.id)}", dry_run, target)
    return oid


def delete_tag(context: Context, place: Position, name: str, who: str | None, dry_run: bool) -> ObjectId:
    """Delete a tag; returns what it pointed to."""
    check_not_mirrored(context, place.zone)
    ref = refs.tag(place.zone, name)
    old = context.ref(ref)
    if old is None:
        raise NotFound(f"{place.zone} has no tag {name}; see 'zonegit tag'")
    move(context, [RefUpdate(ref, old, None)], who, "tag: deleted", dry_run)
    return old


def move(
    context: Context,
    updates: list[RefUpdate],
    who: str | None,
    reason: str,
    dry_run: bool,
    target: Revision | None = None,
    objects: Sequence[bytes] = (),
) -> None:
    """Move refs to `target`, or to commits in `objects` based on it. `InvalidZone` if it is unfit (`admission`)."""
    stamp = context.stamp(who)
    if target is not None:
        refuse_tombstone(target)
        with context.store.read() as reader:
            check_entering(reader, target.commit.zone, [target.id])
    if not dry_run:
        with context.store.write() as writer:
            writer.insert(objects)
            writer.move_refs(updates, stamp, reason)
