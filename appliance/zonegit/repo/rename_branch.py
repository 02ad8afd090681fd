"""`branch -m`: renames a branch; every HEAD that names it follows.

A reflog belongs to a name, so the old name keeps its reflog. Entries in both reflogs say where the branch went and
where it came from, and `undo` follows them (`repo.undo`).
"""

from collections.abc import Iterator

from zonegit.errors import Conflict, NotFound
from zonegit.model import refs
from zonegit.model.ids import ObjectId, object_id
from zonegit.repo.context import Context
from zonegit.repo.default_view import make_default_view
from zonegit.repo.history import read_commit
from zonegit.repo.position import HEAD, merge_setting
from zonegit.repo.renamed import RENAMED_FROM, RENAMED_TO
from zonegit.repo.results import Position
from zonegit.repo.signing import encoder
from zonegit.repo.stopped import Stopped
from zonegit.repo.tombstones import revived, tombstone_at, tombstone_objects
from zonegit.repo.writing import check_writable
from zonegit.store.port import Reader, RefUpdate, Writer


def rename_branch(
    context: Context,
    place: Position,
    new: str,
    who: str | None,
    dry_run: bool,
    *,
    tombstone: bool = False,
    sign: bool | None = False,
) -> ObjectId:
    """Rename the branch at `place` and return its tip. `Conflict` if there is a branch of the new name.

    With `tombstone` the old name leaves a tombstone. If the new name has one, the branch continues on top of it.
    """
    for name in (place.branch, new):
        check_writable(context, Position(place.zone, name))
    before, after = refs.head(place.zone, place.branch), refs.head(place.zone, new)
    tip = context.ref(before)
    if tip is None:
        raise NotFound(f"{place.zone} has no branch {place.branch}; see 'zonegit branch'")
    if context.ref(after):
        raise Conflict(f"{place.zone} has a branch {new} already; choose another name, or delete it first")
    stamp = context.stamp(who)
    last = read_commit(context.nodes.source, tip)
    message = f"Rename branch {place.branch} to {new}"
    encode = encoder(context, sign, dry_run=dry_run)
    left = tombstone_objects(context.nodes, last, stamp, message, encode) if tombstone else []
    begun, objects = tip, tuple[bytes, ...]()
    if under := tombstone_at(context, Position(place.zone, new)):
        begun, objects = revived(context.nodes, under, last, stamp, message, encode)
    if dry_run:
        return tip
    leaving = RefUpdate(before, tip, object_id(left[-1]) if left else None)
    coming = RefUpdate(after, under.id if under else None, begun)
    with context.store.write() as writer:
        writer.insert([*left, *objects])
        writer.move_refs([leaving], stamp, RENAMED_TO + new)
        writer.move_refs([coming], stamp, RENAMED_FROM + place.branch)
        _follow(writer, place, new)
    make_default_view(context, place.zone, new)
    return tip


def _follow(writer: Writer, place: Position, new: str) -> None:
    """Update whatever names the branch: each user's HEAD, and merges that stopped on it."""
    named = refs.head(place.zone, place.branch).encode()
    for name, value in [*_of_users(writer, HEAD)]:
        if value == named:
            writer.set_setting(name, refs.head(place.zone, new).encode())
    for name, value in [*_of_users(writer, merge_setting(HEAD))]:
        state = Stopped.decode(value)
        if state.place == place:
            moved = state._replace(place=Position(place.zone, new))
            writer.set_setting(name, moved.encode())


def _of_users(reader: Reader, name: str) -> Iterator[tuple[str, bytes]]:
    """A setting of the repository and the same one of each user: `HEAD`, `HEAD/1000`."""
    found = reader.setting(name)
    if found is not None:
        yield name, found
    yield from reader.settings(f"{name}/")
