"""Branches and tags of a zone: making, moving, deleting."""

from collections.abc import Sequence

from zonegit.errors import Conflict, NotFound, Refused
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import RefKind
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.context import Context
from zonegit.repo.entering import check_entering
from zonegit.repo.listing import named
from zonegit.repo.position import default_branch
from zonegit.repo.results import Position, Revision
from zonegit.repo.revisions import Resolver
from zonegit.repo.writing import check_writable, checked_message
from zonegit.store.port import RefUpdate

DELETED = "branch: deleted"
"""What the reflog says of a branch that was deleted by itself, which a zone's last branch never is."""
RENAMED_TO = "branch: renamed to "
RENAMED_FROM = "branch: renamed from "
"""What the reflogs of the old name and of the new one say of a branch that was renamed."""


def create_branch(
    context: Context, place: Position, name: str, start: Revision, who: str | None, dry_run: bool
) -> None:
    """Begin a branch. `Conflict` if there is one of this name."""
    check_writable(context, place.zone)
    update = RefUpdate(refs.head(place.zone, name), None, start.id)
    if context.ref(update.name):
        raise Conflict(f"{place.zone} has a branch {name} already; 'checkout {name}', or choose another name")
    move(context, [update], who, f"branch: created from {short(start.id)}", dry_run, start)


def delete_branch(
    context: Context, place: Position, name: str, who: str | None, dry_run: bool, force: bool
) -> ObjectId:
    """Delete a branch that HEAD isn't on and that isn't the zone's last; returns its tip. Its reflog stays.

    `Refused` without `force` where commits of it are not in HEAD's branch (for a zone that HEAD isn't on: in the
    branch that is its default one then).
    """
    check_writable(context, place.zone)
    branches = named(context, RefKind.HEAD, place.zone)
    if name not in branches:
        raise NotFound(f"{place.zone} has no branch {name}; see 'zonegit branch'")
    if context.standing().head == Position(place.zone, name):
        raise Refused(f"HEAD is on {name}; 'checkout' another branch first")
    if len(branches) == 1:
        raise Refused(f"{name} is the only branch of {place.zone}; 'zone remove' deletes a zone")
    tip = branches.pop(name)
    into = place.branch if place.branch in branches else default_branch(branches)
    if not force and (lacking := _lacking(context, tip, branches[into])):
        count = f"{lacking} commit" if lacking == 1 else f"{lacking} commits"
        raise Refused(f"{name} has {count} that {into} lacks; 'zonegit branch -D {name}' deletes it all the same")
    move(context, [RefUpdate(refs.head(place.zone, name), tip, None)], who, DELETED, dry_run)
    return tip


def _lacking(context: Context, tip: ObjectId, other: ObjectId) -> int:
    """How many commits only the first of two branches has."""
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
) -> ObjectId:
    """A tag; with a message it is an object of its own. Returns what the ref points to.

    A tag object of this very name, as a deleted tag leaves it, becomes the tag again.
    """
    check_writable(context, place.zone)
    ref = refs.tag(place.zone, name)
    if context.ref(ref):
        raise Conflict(f"{place.zone} has a tag {name} already; delete it first: 'zonegit tag -d {name}'")
    with context.store.read() as reader:
        resolver = Resolver(reader, place, context.now)
        target = resolver.resolve(revision)
        made_before = resolver.tag_object(revision)
    if message is not None:
        data = Tag(target.id, place.zone, name, context.stamp(who), checked_message(message)).encode()
        update = RefUpdate(ref, None, object_id(data))
        move(context, [update], who, f"tag: {short(target.id)}", dry_run, target, [data])
        return object_id(data)
    again = made_before is not None and made_before[1].name == name
    oid = made_before[0] if made_before is not None and again else target.id
    move(context, [RefUpdate(ref, None, oid)], who, f"tag: {short(target.id)}", dry_run, target)
    return oid


def delete_tag(context: Context, place: Position, name: str, who: str | None, dry_run: bool) -> ObjectId:
    """Delete a tag; returns what it pointed to."""
    check_writable(context, place.zone)
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
    """Move refs to `target`, or to new `objects` that lead to it. `InvalidZone` where it is unfit (`entering`)."""
    stamp = context.stamp(who)
    if target is not None:
        with context.store.read() as reader:
            check_entering(reader, target.commit.zone, [target.id])
    if not dry_run:
        with context.store.write() as writer:
            writer.insert(objects)
            writer.move_refs(updates, stamp, reason)
