"""Three-way merges of versions, by record: what becomes of a branch's tip, or where the two sides conflict.

`merge`, `revert`, `cherry-pick` and `apply` on a base that moved are all this with other versions for its base and
its second side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape, Zone
from zonegit.repo.bases import merge_bases
from zonegit.tree.edit import edit
from zonegit.tree.merge import Conflict, merge
from zonegit.tree.merge_rrset import union
from zonegit.tree.source import Nodes

_DEEPEST: Final = 64
"""How often bases of bases are merged; below that the first of them is taken."""


class Choice(Enum):
    """How a conflict is resolved."""

    OURS = "ours"
    THEIRS = "theirs"
    BASE = "base"
    BOTH = "both"

    def of(self, conflict: Conflict) -> bytes | None:
        """The stored RRset that it comes to. `InvalidZone` where there can't be both."""
        ours, theirs = conflict.sides
        if self is Choice.OURS:
            return ours
        if self is Choice.THEIRS:
            return theirs
        return conflict.base if self is Choice.BASE else union(ours, theirs)


@dataclass(frozen=True, slots=True)
class Sides:
    """Trees of one zone that are merged: what becomes of `ours` is asked for."""

    base: ObjectId
    ours: ObjectId
    theirs: ObjectId


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """What a merge comes to."""

    changes: dict[RRKey, bytes | None]
    """What changes in ours."""
    conflicts: dict[RRKey, Conflict]
    """What is left to be resolved; the sides are ours and theirs."""


Resolve = Callable[[RRKey, Conflict], Choice | None]


def three_way(nodes: Nodes, sides: Sides, resolve: Resolve = lambda key, conflict: None) -> ThreeWay:
    """Merge two versions. `resolve` says how each conflict ends, if it does."""
    merged = merge(nodes, sides.base, [sides.ours, sides.theirs])
    touched = merged.touched
    changes = {key: value for key, value in merged.changes.items() if value != touched[key].sides[0]}
    left: dict[RRKey, Conflict] = {}
    for key, conflict in merged.conflicts.items():
        choice = resolve(key, conflict)
        if choice is None:
            left[key] = conflict
        else:
            changes[key] = choice.of(conflict)
    return ThreeWay(changes, left)


def tree_of(nodes: Nodes, commit: Commit) -> ObjectId:
    """The root of a commit's content."""
    return Zone.decode(nodes.source.get(commit.zone_root)).tree


def base_of(nodes: Nodes, ours: ObjectId, theirs: ObjectId, shape: Shape) -> tuple[Nodes, ObjectId] | None:
    """The tree that two commits are merged over, and nodes that have it; None without a common ancestor.

    Several merge bases are merged themselves, over their own bases; what conflicts there is as it was in theirs.
    """
    bases = merge_bases(nodes.source, [ours], [theirs])
    return _merged_bases(nodes, bases, shape, _DEEPEST) if bases else None


def _merged_bases(nodes: Nodes, bases: Sequence[ObjectId], shape: Shape, depth: int) -> tuple[Nodes, ObjectId]:
    """The merge of several commits."""
    root = tree_of(nodes, Commit.decode(nodes.source.get(bases[0])))
    for at, other in enumerate(bases[1:] if depth else (), 1):
        below = merge_bases(nodes.source, bases[:at], [other])
        if not below:
            continue
        nodes, base = _merged_bases(nodes, below, shape, depth - 1)
        merged = merge(nodes, base, [root, tree_of(nodes, Commit.decode(nodes.source.get(other)))])
        built = edit(nodes, base, shape, merged.changes.items())
        nodes = nodes.over({object_id(data): data for data in built.objects})
        root = built.root
    return nodes, root
