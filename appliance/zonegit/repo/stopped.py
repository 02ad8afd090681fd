"""A merge, revert or cherry-pick that stopped at conflicts: what is kept of it until it goes on or is given up.

Each user has at most one (as each has a HEAD, `repo.position`). The branch stands where it stood; what resolves the
conflicts are choices, and commits that are made on the branch meanwhile.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from zonegit.errors import CorruptStore, NotFound
from zonegit.model.ids import ObjectId
from zonegit.model.rrset import RRKey
from zonegit.repo.context import Context
from zonegit.repo.merging import Choice
from zonegit.repo.results import Position
from zonegit.store.port import Writer

_SETTING: Final = "MERGE"


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
    message: str
    mainline: int = 0
    """Which parent of a merge is the one that it is reverted to, or picked from, counted from 1; 0 without any."""
    todo: tuple[ObjectId, ...] = ()
    """Commits that come after this one."""
    choices: Mapping[RRKey, Choice] = field(default_factory=dict)

    def encode(self) -> bytes:
        return json.dumps(
            {
                "operation": self.operation,
                "zone": self.place.zone,
                "branch": self.place.branch,
                "ours": self.ours.hex(),
                "theirs": self.theirs.hex(),
                "message": self.message,
                "mainline": self.mainline,
                "todo": [oid.hex() for oid in self.todo],
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
                str(found["message"]),
                int(found["mainline"]),
                tuple(map(_id, found["todo"])),
                {RRKey(bytes.fromhex(key)): Choice(choice) for key, choice in found["choices"].items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CorruptStore("what a merge stopped at was changed on disk: `zonegit merge --abort`") from None

    @property
    def named(self) -> tuple[ObjectId, ...]:
        """Commits that must stay as long as it may go on."""
        return self.ours, self.theirs, *self.todo


def stopped(context: Context) -> Stopped | None:
    """The user's stopped operation."""
    with context.store.read() as reader:
        found = reader.setting(_setting(context))
    return Stopped.decode(found) if found else None


def the_stopped(context: Context) -> Stopped:
    """The same. `NotFound` without one."""
    found = stopped(context)
    if found is None:
        raise NotFound("no merge, revert or cherry-pick has stopped; `zonegit status` says what is going on")
    return found


def set_stopped(writer: Writer, context: Context, value: Stopped | None) -> None:
    """Keep what stopped, or forget it."""
    writer.set_setting(_setting(context), value.encode() if value else None)


def _setting(context: Context) -> str:
    """`MERGE`, or a user's own `MERGE/<uid>`."""
    return _SETTING + context.seat.partition("HEAD")[2]


def _id(text: str) -> ObjectId:
    return ObjectId(bytes.fromhex(text))
