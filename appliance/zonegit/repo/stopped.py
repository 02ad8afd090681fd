"""The saved state of a merge, revert or cherry-pick that stopped at conflicts, until it is continued or aborted.

Each user has at most one, as each has one HEAD (`repo.position`). The branch stays where it was. Conflicts are
resolved by choices, and by commits that are made on the branch meanwhile.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
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
    """How an RRset's conflict is resolved, as long as the branch hasn't changed the RRset since the choice."""

    choice: Choice
    over: str
    """The fingerprint of the RRset on the branch at that time."""


class Stopped(NamedTuple):
    """What `--continue` continues: a commit that stopped at a conflict, or the next of several."""

    operation: str
    """`merge`, `revert` or `cherry-pick`."""
    place: Position
    ours: ObjectId
    """The branch's tip when it stopped, or after the previous commit of several."""
    theirs: ObjectId
    """The commit that is merged, reverted or picked."""
    name: str
    """The revision as the caller wrote it."""
    message: str
    mainline: int = 0
    """The parent of a merge (from 1) with which it is compared to revert or pick it; 0 if none was given."""
    todo: tuple[ObjectId, ...] = ()
    """The commits that follow this one."""
    noted: bool = False
    """Whether messages say which commit was picked."""
    signatures: Signatures = "keep"
    """What may happen to a signed zone's signatures."""
    prefer: Choice | None = None
    """The choice for each conflict that has none of its own."""
    preferred_at: ObjectId | None = None
    """The branch's tip when `prefer` was given: it applies only to RRsets that the branch hasn't changed since."""
    choices: Mapping[RRKey, Chosen] = MappingProxyType({})
    not_before: int | None = None
    """The time that was given for its commits."""

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
                "not_before": self.not_before,
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
                int(found["not_before"]) if found.get("not_before") else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CorruptStore(
                "the state of a stopped merge was changed on disk: 'zonegit merge --abort' gives it up"
            ) from None

    @property
    def named(self) -> tuple[ObjectId, ...]:
        """The commits that must be kept as long as it may be continued."""
        chosen = (self.preferred_at,) if self.preferred_at else ()
        return self.ours, self.theirs, *chosen, *self.todo


def stopped(context: Context) -> Stopped | None:
    """The user's stopped operation."""
    with context.store.read() as reader:
        found = reader.setting(merge_setting(context.seat))
    return Stopped.decode(found) if found else None


def the_stopped(context: Context, operation: str | None = None) -> Stopped:
    """The same, if it is this operation. `NotFound` if there is none, `Refused` if it is another operation."""
    found = stopped(context)
    if found is None:
        raise NotFound("no merge, revert or cherry-pick has stopped")
    if operation not in (None, found.operation):
        raise Refused(f"no {operation} has stopped, but a {found.operation}: {advice(found.operation)}")
    return found


def refuse_second(reader: Reader, context: Context) -> None:
    """`Refused` while an operation of the user is stopped."""
    found = reader.setting(merge_setting(context.seat))
    if found:
        state = Stopped.decode(found)
        where = f"{state.place.branch} of {state.place.zone}"
        raise Refused(f"a {state.operation} has stopped on {where}: {advice(state.operation)}")


def check_held(reader: Reader, context: Context, held: Stopped | None) -> None:
    """Check that the stored state is still `held`, which was read before.

    `NotFound` if it is gone, `Conflict` if it has changed, `Refused` if there was none and now there is one.
    """
    if held is None:
        refuse_second(reader, context)
        return
    found = reader.setting(merge_setting(context.seat))
    if found is None:
        raise NotFound(f"another process has finished or given up the {held.operation} meanwhile")
    if Stopped.decode(found) != held:
        raise Conflict(
            f"another process has continued the {held.operation} meanwhile; 'zonegit status' shows what is left"
        )


def replace_stopped(context: Context, held: Stopped, value: Stopped | None) -> None:
    """Replace the state that was read by another one, or delete it. Errors as in `check_held`."""
    with context.store.write() as writer:
        check_held(writer, context, held)
        set_stopped(writer, context, value)


def fingerprint(payload: bytes | None) -> str:
    """A hash that identifies a stored RRset; empty for None."""
    return object_id(payload).hex() if payload else ""


def advice(operation: str) -> str:
    """What the user can do with a stopped operation."""
    return f"continue with 'zonegit {operation} --continue', or give it up with 'zonegit {operation} --abort'"


def set_stopped(writer: Writer, context: Context, value: Stopped | None) -> None:
    """Store the state of a stopped operation, or delete it."""
    writer.set_setting(merge_setting(context.seat), value.encode() if value else None)


def _id(text: str) -> ObjectId:
    return ObjectId(bytes.fromhex(text))
