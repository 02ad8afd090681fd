"""Merge trees that grew from one base: what only one of them changed is taken, what two changed apart is told."""

from collections.abc import Sequence
from dataclasses import dataclass

from zonegit.model.ids import ObjectId
from zonegit.model.rrset import RRKey
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes


@dataclass(frozen=True, slots=True)
class Merged:
    """The edits that turn the base into the merge, and the keys on which the heads contradict each other."""

    changes: dict[RRKey, bytes | None]
    conflicts: dict[RRKey, tuple[bytes | None, ...]]
    """Each conflicting key with every head's stored RRset, in the heads' order; the base's where unchanged."""


def merge(nodes: Nodes, base: ObjectId, heads: Sequence[ObjectId]) -> Merged:
    """Merge `heads` over their `base`. The order of heads doesn't change `changes` nor which keys conflict."""
    touched: dict[RRKey, dict[int, bytes | None]] = {}
    before: dict[RRKey, bytes | None] = {}
    for number, head in enumerate(heads):
        for key, old, new in diff(nodes, base, head):
            touched.setdefault(key, {})[number] = new
            before[key] = old
    changes: dict[RRKey, bytes | None] = {}
    conflicts: dict[RRKey, tuple[bytes | None, ...]] = {}
    for key, values in sorted(touched.items()):
        if len(set(values.values())) == 1:
            changes[key] = next(iter(values.values()))
        else:
            conflicts[key] = tuple(values.get(number, before[key]) for number in range(len(heads)))
    return Merged(changes, conflicts)
