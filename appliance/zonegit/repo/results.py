"""The values that the methods of `Repository` return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import Owner
from zonegit.model.rrset import RRset

if TYPE_CHECKING:
    from zonegit.zonefile.findings import Finding


class Position(NamedTuple):
    """A zone and one of its branches. HEAD names the ones that commands use by default."""

    zone: str
    branch: str


class Revision(NamedTuple):
    """A commit and its id."""

    id: ObjectId
    commit: Commit


def reset_subject(target: ObjectId) -> str:
    """The subject of the commit that `reset` makes on top of its target."""
    return f"Reset to {short(target)}"


class ZoneSummary(NamedTuple):
    """A zone as `zone list` shows it: the tip of its default branch, or of another one if it has none."""

    zone: str
    branch: str
    id: ObjectId
    serial: int
    records: int
    branches: tuple[str, ...]
    time: int
    """The tip's commit time, Unix seconds."""


class Restored(NamedTuple):
    """A zone that was removed and has been restored."""

    zone: str
    branch: str
    """The zone's default branch."""
    branches: dict[str, ObjectId]
    tags: dict[str, ObjectId]
    """Branches and tags, with the commits that they point to."""
    current: bool
    """Whether HEAD names the zone now."""


class Change(NamedTuple):
    """An RRset that differs between two versions: `old` is None if it was added, `new` if it was deleted."""

    owner: Owner
    rtype: int
    old: RRset | None
    new: RRset | None

    @property
    def olds(self) -> tuple[RRset | None, ...]:
        """The only old value, in the form that `Combined.olds` has."""
        return (self.old,)


class Committed(NamedTuple):
    """What a writing call did, or (in a dry run) would do."""

    zone: str
    branch: str
    old: ObjectId | None
    new: ObjectId | None
    """The branch's tip now: equal to `old` when there was nothing to change, None after a dry run."""
    serial: int
    change_count: int
    changes: Sequence[Change] = ()
    """The changes, if there are at most `MAX_LISTED` of them."""
    findings: Sequence[Finding] = ()
    """New warnings, and those about owners that the change touches."""
    lacks_view: str = ""
    """Why the committed branch has no served view yet; empty if it has one or needs none."""
    merged_over: ObjectId | None = None
    """For an import that was merged: the older version that the file's serial names, which was the merge base."""
    held: Sequence[Change] = ()
    """For an import that was merged: where the result differs from the file, because an earlier import over the
    same version changed the RRset. At most `MAX_LISTED`. `old` has the records that stay although the file lacks
    them, `new` those that only the file has."""
    kept: bool = False
    """For a reset: whether the tip before it stays in the branch's history."""


MAX_LISTED = 1000


class Contradiction(NamedTuple):
    """An RRset that the two sides of a merge changed in contradictory ways; None where a version lacks it."""

    owner: Owner
    rtype: int
    base: RRset | None
    ours: RRset | None
    theirs: RRset | None
    ours_by: Revision | None
    theirs_by: Revision | None
    """The newest commit on each side that changed it; None if that side has the base's value, or isn't known."""


class DecidedSide(NamedTuple):
    """One side's value of an RRset that a rule decided."""

    rrset: RRset | None
    by: Revision
    """The newest commit on that side that changed it."""
    at: ObjectId
    """A commit that has this value."""
    left_out: bool
    """Whether the rule discarded this side's change."""


class Decided(NamedTuple):
    """An RRset that a rule of the canonical merge decided, because it was changed concurrently."""

    owner: Owner
    rtype: int
    rule: str
    """The rule's name, one of `tree.merge_heads.RULES`."""
    merged: RRset | None
    sides: tuple[DecidedSide, ...]
    """If a CNAME or a DNAME yielded, this includes the data that it yielded to."""


class Unfinished(NamedTuple):
    """A merge, revert or cherry-pick that stopped."""

    operation: str
    zone: str
    branch: str
    theirs: ObjectId
    """The commit that is merged, reverted or picked."""
    name: str
    """The revision as the caller wrote it."""
    left: list[Contradiction]
    """The conflicts that are still to be resolved."""
    together: list[str]
    """Errors of the merged zone, if each side alone is valid."""
    todo: int
    """How many commits follow this one."""
    problem: str = ""
    """Why it can't continue at all."""
    chosen: tuple[tuple[Owner, int, str], ...] = ()
    """The choices made so far: owner, type, and `ours`, `theirs`, `base` or `both`."""


class Blame(NamedTuple):
    """A record, and the newest commit that added it."""

    owner: Owner
    rtype: int
    ttl: int
    rdata: bytes
    revision: Revision


class Passage(NamedTuple):
    """A commit that added or removed a record: it has the record and none of its parents has, or the reverse."""

    revision: Revision
    came: bool


class Combined(NamedTuple):
    """An RRset of a merge that differs from that of every parent."""

    owner: Owner
    rtype: int
    olds: tuple[RRset | None, ...]
    """The RRset in each parent, in the order of the parents."""
    new: RRset | None


class Drawn(NamedTuple):
    """A commit to draw in a graph, and its nearest listed ancestors, which are drawn below it."""

    revision: Revision
    above: tuple[ObjectId, ...]


class Entry(NamedTuple):
    """An entry of a branch's reflog; `branch@{number}` names the tip after this move."""

    number: int
    old: ObjectId | None
    new: ObjectId | None
    who: Stamp
    reason: str


class Alongside(NamedTuple):
    """What an operation on several zones did in one of the others, when it is undone in one zone."""

    zone: str
    branch: str
    commit: ObjectId
    last: bool
    """Whether `undo` in that zone takes it back: no other operation followed it there."""


class TakenBack(NamedTuple):
    """What `undo` took back, or `redo` applied again."""

    committed: Committed
    operation: Entry
    """The reflog entry that was undone or redone, numbered as it was before the call."""
    alongside: tuple[Alongside, ...] = ()
    """For an undo: what the operation did in other zones, which stays as it is."""
