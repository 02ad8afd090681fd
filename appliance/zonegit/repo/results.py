"""What `Repository` gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import Owner
from zonegit.model.rrset import RRset

if TYPE_CHECKING:
    from zonegit.zonefile.findings import Finding


@dataclass(frozen=True, slots=True)
class Position:
    """What HEAD names: the zone and branch that commands use by default."""

    zone: str
    branch: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit and its id."""

    id: ObjectId
    commit: Commit


def reset_subject(target: ObjectId) -> str:
    """The subject of the commit that `reset` makes on top of its target."""
    return f"Reset to {short(target)}"


@dataclass(frozen=True, slots=True)
class ZoneSummary:
    """A zone as `zone list` shows it: the tip of one of its branches (the default one, where it exists)."""

    zone: str
    branch: str
    id: ObjectId
    serial: int
    records: int
    branches: tuple[str, ...]
    time: int
    """Unix seconds of the tip's committer."""


@dataclass(frozen=True, slots=True)
class Restored:
    """A removed zone that came back."""

    zone: str
    branch: str
    """The branch that is meant where none is named."""
    branches: dict[str, ObjectId]
    tags: dict[str, ObjectId]
    """What they name, as in `branches` and `tags` of the repository."""
    current: bool
    """Whether HEAD names the zone now."""


@dataclass(frozen=True, slots=True)
class Change:
    """One RRset that differs: `old` is None where it was added, `new` where it was deleted."""

    owner: Owner
    rtype: int
    old: RRset | None
    new: RRset | None

    @property
    def olds(self) -> tuple[RRset | None, ...]:
        """As `Combined` has it: the only one."""
        return (self.old,)


@dataclass(frozen=True, slots=True)
class Committed:
    """What a writing call did, or (in a dry run) would do."""

    zone: str
    branch: str
    old: ObjectId | None
    new: ObjectId | None
    """The branch's tip now: equal to `old` when there was nothing to change, None after a dry run."""
    serial: int
    change_count: int
    changes: list[Change] = field(default_factory=list)
    """The changes, if they are at most `MAX_LISTED`."""
    findings: list[Finding] = field(default_factory=list)
    """Warnings that the change brings, and those about owners that it touches."""
    lacks_view: str = ""
    """Why the branch, which is committed, has no served view yet; empty where it needs none or has it."""
    merged_over: ObjectId | None = None
    """Of an import: the older version that the file's serial names, if it was merged over that."""
    held: list[Change] = field(default_factory=list)
    """Of an import that was merged: where an earlier one over that version holds against the file; at most
    `MAX_LISTED`. `old` are records that stay and aren't in the file, `new` those that only the file has."""


MAX_LISTED = 1000


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An RRset that two sides of a merge made different things of; None where it doesn't stand."""

    owner: Owner
    rtype: int
    base: RRset | None
    ours: RRset | None
    theirs: RRset | None
    ours_by: Revision | None
    theirs_by: Revision | None
    """The newest commit of each side that changed it; None where it is the base's, or not known."""


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A merge, revert or cherry-pick that stopped."""

    operation: str
    zone: str
    branch: str
    theirs: ObjectId
    """The commit that is merged, reverted or picked."""
    name: str
    """What the caller called it."""
    left: list[Contradiction]
    """What is to be resolved."""
    together: list[str]
    """What is wrong with both sides together, where each of them is valid."""
    todo: int
    """How many commits come after this one."""
    problem: str = ""
    """Why it can't go on at all."""
    chosen: tuple[tuple[Owner, int, str], ...] = ()
    """Choices that are kept for it: owner, type, and `ours`, `theirs`, `base` or `both`."""


@dataclass(frozen=True, slots=True)
class Blame:
    """A record, and the newest commit that put it there."""

    owner: Owner
    rtype: int
    ttl: int
    rdata: bytes
    revision: Revision


@dataclass(frozen=True, slots=True)
class Passage:
    """A commit in which a record came or went: one that has it while none of its parents has, or the other way."""

    revision: Revision
    came: bool


@dataclass(frozen=True, slots=True)
class Combined:
    """An RRset that a merge has otherwise than each of its parents."""

    owner: Owner
    rtype: int
    olds: tuple[RRset | None, ...]
    """The parents', in their order."""
    new: RRset | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A commit to draw in a graph, and what it is drawn above of: its nearest ancestors that are listed."""

    revision: Revision
    above: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a branch's reflog; `branch@{index}` names the tip that this move left behind it."""

    index: int
    old: ObjectId | None
    new: ObjectId | None
    who: Stamp
    reason: str


@dataclass(frozen=True, slots=True)
class Alongside:
    """What one operation over several zones did in another zone than the one that is undone."""

    zone: str
    branch: str
    commit: ObjectId
    last: bool
    """Whether `undo` takes it back there: no other operation came after it."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What `undo` took back, or `redo` made again."""

    committed: Committed
    operation: Entry
    """The move of the branch that this is about; its index is that from before the call."""
    alongside: tuple[Alongside, ...] = ()
    """Of an undo: what the operation did in other zones, which stays as it is."""
