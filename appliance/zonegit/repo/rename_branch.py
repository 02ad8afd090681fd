"""`branch -m`: another name for a branch, which every HEAD that names it follows.

A reflog belongs to a name, so that of the old one stays under it. Entries on both sides say where the branch went
and came from, and `undo` follows them (`repo.operations`).
"""

import dataclasses
from collections.abc import Iterator

from zonegit.errors import BranchGone, Conflict, NotFound
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.repo.context import Context
from zonegit.repo.labels import RENAMED_FROM, RENAMED_TO
from zonegit.repo.position import HEAD, merge_setting
from zonegit.repo.results import Position
from zonegit.repo.stopped import Stopped
from zonegit.repo.viewing import show_default
from zonegit.repo.writing import check_writable
from zonegit.store.port import Reader, RefUpdate, Writer


def rename_branch(context: Context, place: Position, new: str, who: str | None, dry_run: bool) -> ObjectId:
    """Give the branch at `place` another name; returns its tip. `Conflict` if there is one of this name."""
    check_writable(context, place.zone)
    before, after = refs.head(place.zone, place.branch), refs.head(place.zone, new)
    tip = context.ref(before)
    if tip is None:
        raise NotFound(f"{place.zone} has no branch {place.branch}; see 'zonegit branch'")
    if context.ref(after):
        raise Conflict(f"{place.zone} has a branch {new} already; choose another name, or delete it first")
    stamp = context.stamp(who)
    if dry_run:
        return tip
    with context.store.write() as writer:
        writer.move_refs([RefUpdate(before, tip, None)], stamp, RENAMED_TO + new)
        writer.move_refs([RefUpdate(after, None, tip)], stamp, RENAMED_FROM + place.branch)
        _follow(writer, place, new)
    show_default(context, place.zone, new)
    return tip


def gone(context: Context, place: Position) -> BranchGone:
    """The error for a branch that isn't there, with what it is called now."""
    branch, names = place.branch, {place.branch}
    with context.store.read() as reader:
        while not reader.ref(refs.head(place.zone, branch)):
            last = next(reader.reflog(refs.head(place.zone, branch)), None)
            branch = last.reason.removeprefix(RENAMED_TO) if last and last.reason.startswith(RENAMED_TO) else ""
            if not branch or branch in names:
                told = f"{place.zone} has no branch {place.branch}; 'zonegit branch' lists them, or makes one"
                return BranchGone(told)
            names.add(branch)
    return BranchGone(f"{place.zone} has no branch {place.branch} any more: it was renamed to {branch}", branch)


def _follow(writer: Writer, place: Position, new: str) -> None:
    """Have whatever names the branch name it anew: each user's HEAD, and merges that stopped on it."""
    named = refs.head(place.zone, place.branch).encode()
    for name, value in [*_of_users(writer, HEAD)]:
        if value == named:
            writer.set_setting(name, refs.head(place.zone, new).encode())
    for name, value in [*_of_users(writer, merge_setting(HEAD))]:
        state = Stopped.decode(value)
        if state.place == place:
            moved = dataclasses.replace(state, place=Position(place.zone, new))
            writer.set_setting(name, moved.encode())


def _of_users(reader: Reader, name: str) -> Iterator[tuple[str, bytes]]:
    """A setting of the repository and those of its users beside it: `HEAD`, `HEAD/1000`."""
    found = reader.setting(name)
    if found is not None:
        yield name, found
    yield from reader.settings(f"{name}/")
