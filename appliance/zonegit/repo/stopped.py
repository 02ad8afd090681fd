"""A merge, revert or cherry-pick that stopped at conflicts: what is kept of it until it goes on or is given up.

Each user has at most one (as each has a HEAD, `repo.position`). The branch stands where it stood; what resolves the
conflicts are choices, and commits that are made on the branch meanwhile.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from zonegit.errors import CorruptStore, NotFound, Refused
from zonegit.model.ids import ObjectId
from zonegit.model.rrset import RRKey
from zonegit.repo.context import Context
from zonegit.repo.merging import Choice
from zonegit.repo.position import merge_setting
from zonegit.repo.results import Position
from zonegit.repo.signed import Signatures
from zonegit.store.port import Reader, Writer


@dataclass(frozen=True, slots=True)
class Stopped:
    """What goes on with `--continue`."""

    operation: str
    """`merge`, `revert` or `cherry-pick`."""
    place: Position
    ours: ObjectId
    """The branch's tip when it stopped."""
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
    choices: Mapping[RRKey, Choice] = field(default_factory=dict)

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
                "choices": {key.hex(): choice.value for key, choice in self.choices.items()},
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
                {RRKey(bytes.fromhex(key)): Choice(choice) for key, choice in found["choices"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CorruptStore(
                "what is kept of a stopped merge was changed on disk: 'zonegit merge --abort' forgets it"
            ) from None

    @property
    def named(self) -> tuple[ObjectId, ...]:
        """Commits that must stay as long as it may go on."""
        return self.ours, self.theirs, *self.todo


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


def ways_on(operation: str) -> str:
    """What can be done with what has stopped."""
    return f"go on with 'zonegit {operation} --continue', or give it up with 'zonegit {operation} --abort'"


def set_stopped(writer: Writer, context: Context, value: Stopped | None) -> None:
    """Keep what stopped, or forget it."""
    writer.set_setting(merge_setting(context.seat), value.encode() if value else None)


def _id(text: str) -> ObjectId:
    return ObjectId(bytes.fromhex(text))
