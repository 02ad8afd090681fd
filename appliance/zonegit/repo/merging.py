"""Three-way merges of versions, by record.

`merge`, `revert`, `cherry-pick` and `apply` on a branch that has moved all use this. They differ in the versions
that they take as the base and as the second side.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape, Zone
from zonegit.repo.bases import merge_bases
from zonegit.tree.edit import edit
from zonegit.tree.merge import Conflict, merge
from zonegit.tree.merge_rrset import union
from zonegit.tree.source import Nodes

_DEEPEST: Final = 64
"""How deep bases of bases are merged; below that, the first base is used."""


class Choice(Enum):
    """How a conflict is resolved."""

    OURS = "ours"
    THEIRS = "theirs"
    BASE = "base"
    BOTH = "both"

    def of(self, conflict: Conflict) -> bytes | None:
        """The stored RRset that this choice results in. `InvalidRecord` if `BOTH` isn't possible."""
        ours, theirs = conflict.sides
        if self is Choice.OURS:
            return ours
        if self is Choice.THEIRS:
            return theirs
        return conflict.base if self is Choice.BASE else union(ours, theirs)


class Sides(NamedTuple):
    """The trees of a three-way merge, whose result is expressed as changes to `ours`."""

    base: ObjectId
    ours: ObjectId
    theirs: ObjectId


class ThreeWay(NamedTuple):
    """The result of a merge."""

    changes: dict[RRKey, bytes | None]
    """The changes to ours."""
    conflicts: dict[RRKey, Conflict]
    """The unresolved conflicts; their sides are ours and theirs."""


Resolve = Callable[[RRKey, Conflict], Choice | None]


def three_way(nodes: Nodes, sides: Sides, resolve: Resolve = lambda key, conflict: None) -> ThreeWay:
    """Merge two versions. `resolve` decides each conflict; None leaves it unresolved."""
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
    """The tree to use as the base of a merge, and nodes that contain it; None without a common ancestor.

    Several merge bases are merged themselves, over their own bases; RRsets that conflict there stay as in that
    base.
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
        nodes = nodes.over(built.by_id)
        root = built.root
    return nodes, root
