"""A merge, revert or cherry-pick that stopped at conflicts: what is kept of it until it goes on or is given up.

Each user has at most one (as each has a HEAD, `repo.position`). The branch stands where it stood; what resolves the
conflicts are choices, and commits that are made on the branch meanwhile.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from zonegit.errors import Conflict, CorruptStore, NotFound, Refused
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rrset import RRKey
from zonegit.repo.context import Context
from zonegit.repo.merging import Choice
from zonegit.repo.position import merge_setting
from zonegit.repo.results import Position
from zonegit.repo.signed import Signatures
from zonegit.store.port import Reader, Writer


class Chosen(NamedTuple):
    """How an RRset is resolved, as long as it stands on the branch as it stood when that was chosen."""

    choice: Choice
    over: str
    """The RRset on the branch at that time, as `print_of` has it."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What goes on with `--continue`: what stopped at a conflict, or a commit of several that is still to come."""

    operation: str
    """`merge`, `revert` or `cherry-pick`."""
    place: Position
    ours: ObjectId
    """The branch's tip when it stopped, or when the commit before it was made."""
    theirs: ObjectId
    """The commit that is merged, reverted or picked."""
    name: str
    """What the caller called it."""
    message: str
    mainline: int = 0
    """Which parent of a merge is the one that it is reverted to, or picked from, counted from 1; 0 without any."""
    todo: tuple[ObjectId, ...] = ()
    """Commits that come after this one."""
    noted: bool = False
    """Whether messages say which commit was picked."""
    signatures: Signatures = "keep"
    """What may happen to a signed zone's signatures."""
    prefer: Choice | None = None
    """What holds for each conflict without a choice of its own."""
    preferred_at: ObjectId | None = None
    """The branch's tip when that was chosen: it holds for RRsets that stand as they stood there."""
    choices: Mapping[RRKey, Chosen] = field(default_factory=dict)

    def encode(self) -> bytes:
        return json.dumps(
            {
                "operation": self.operation,
                "zone": self.place.zone,
                "branch": self.place.branch,
                "ours": self.ours.hex(),
                "theirs": self.theirs.hex(),
                "name": self.name,
                "message": self.message,
                "mainline": self.mainline,
                "todo": [oid.hex() for oid in self.todo],
                "noted": self.noted,
                "signatures": self.signatures,
                "prefer": self.prefer and self.prefer.value,
                "preferred_at": self.preferred_at and self.preferred_at.hex(),
                "choices": {key.hex(): [each.choice.value, each.over] for key, each in self.choices.items()},
            }
        ).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Stopped":
        try:
            found = json.loads(data)
            return cls(
                str(found["operation"]),
                Position(str(found["zone"]), str(found["branch"])),
                _id(found["ours"]),
                _id(found["theirs"]),
                str(found["name"]),
                str(found["message"]),
                int(found["mainline"]),
                tuple(map(_id, found["todo"])),
                bool(found["noted"]),
                found["signatures"],
                Choice(found["prefer"]) if found["prefer"] else None,
                _id(found["preferred_at"]) if found["preferred_at"] else None,
                {
                    RRKey(bytes.fromhex(key)): Chosen(Choice(choice), str(over))
                    for key, (choice, over) in found["choices"].items()
                },
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CorruptStore(
                "what is kept of a stopped merge was changed on disk: 'zonegit merge --abort' forgets it"
            ) from None

    @property
    def named(self) -> tuple[ObjectId, ...]:
        """Commits that must stay as long as it may go on."""
        chosen = (self.preferred_at,) if self.preferred_at else ()
        return self.ours, self.theirs, *chosen, *self.todo


def stopped(context: Context) -> Stopped | None:
    """The user's stopped operation."""
    with context.store.read() as reader:
        found = reader.setting(merge_setting(context.seat))
    return Stopped.decode(found) if found else None


def the_stopped(context: Context, operation: str | None = None) -> Stopped:
    """The same, if it is of this operation. `NotFound` without one, `Refused` for another one."""
    found = stopped(context)
    if found is None:
        raise NotFound("no merge, revert or cherry-pick has stopped")
    if operation not in (None, found.operation):
        raise Refused(f"no {operation} has stopped, but a {found.operation}: {ways_on(found.operation)}")
    return found


def refuse_second(reader: Reader, context: Context) -> None:
    """`Refused` while something has stopped."""
    found = reader.setting(merge_setting(context.seat))
    if found:
        state = Stopped.decode(found)
        where = f"{state.place.branch} of {state.place.zone}"
        raise Refused(f"a {state.operation} has stopped on {where}: {ways_on(state.operation)}")


def check_held(reader: Reader, context: Context, held: Stopped | None) -> None:
    """Refuse to go on from a state that another process has replaced since it was read; `held` is what was read.

    `NotFound` where nothing is left of it, `Conflict` where it is another one, `Refused` where there was none.
    """
    if held is None:
        refuse_second(reader, context)
        return
    found = reader.setting(merge_setting(context.seat))
    if found is None:
        raise NotFound(f"the {held.operation} was finished or given up by another process meanwhile")
    if Stopped.decode(found) != held:
        raise Conflict(
            f"another process went on with the {held.operation} meanwhile; 'zonegit status' shows what is left"
        )


def replace_stopped(context: Context, held: Stopped, value: Stopped | None) -> None:
    """Keep another state in the place of the one that was read, or forget it. As `check_held`."""
    with context.store.write() as writer:
        check_held(writer, context, held)
        set_stopped(writer, context, value)


def print_of(payload: bytes | None) -> str:
    """What tells an RRset from another one under its key; empty for none."""
    return object_id(payload).hex() if payload else ""


def ways_on(operation: str) -> str:
    """What can be done with what has stopped."""
    return f"go on with 'zonegit {operation} --continue', or give it up with 'zonegit {operation} --abort'"


def set_stopped(writer: Writer, context: Context, value: Stopped | None) -> None:
    """Keep what stopped, or forget it."""
    writer.set_setting(merge_setting(context.seat), value.encode() if value else None)


def _id(text: str) -> ObjectId:
    return ObjectId(bytes.fromhex(text))
