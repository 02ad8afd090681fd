"""Merge bases: the best common ancestors of two commits.

A common ancestor is best if no other one descends from it. Histories that merged each other have several
(criss-cross), which `repo.merging` merges first.
"""

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.tree.source import NodeSource

_OURS: Final = 1
_THEIRS: Final = 2
_BELOW: Final = 4
"""The commit is an ancestor of another common ancestor, so it isn't a merge base."""


def merge_bases(source: NodeSource, ours: Iterable[ObjectId], theirs: Iterable[ObjectId]) -> list[ObjectId]:
    """The best common ancestors of commits, in the order of their ids; empty for unrelated histories.

    The highest generation goes first, so all descendants of a commit have been visited before it.
    """
    marks = dict.fromkeys(ours, _OURS)
    for oid in theirs:
        marks[oid] = marks.get(oid, 0) | _THEIRS
    heap: list[tuple[int, ObjectId]] = []
    commits: dict[ObjectId, Commit] = {}

    def meet(oid: ObjectId) -> None:
        commits[oid] = commit = Commit.decode(source.get(oid))
        heappush(heap, (-commit.generation, oid))

    for oid in marks:
        meet(oid)
    found: list[ObjectId] = []
    open_ends = len(marks)
    """Commits in the heap that may be a best common ancestor, or lead to one."""
    while open_ends:
        _, oid = heappop(heap)
        mark = marks[oid]
        open_ends -= not mark & _BELOW
        if mark == _OURS | _THEIRS:
            found.append(oid)
            mark |= _BELOW
        for parent in commits.pop(oid).parents:
            before = marks.get(parent)
            marks[parent] = after = (before or 0) | mark
            if before is None:
                meet(parent)
                open_ends += not after & _BELOW
            else:
                open_ends -= not before & _BELOW and bool(after & _BELOW)
    return sorted(found)
