"""Walks over commits, in descending order of generation, so that a walk ends as soon as the answer is known."""

from collections.abc import Container, Iterable, Iterator
from heapq import heappop, heappush
from typing import Final, Protocol

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.tree.source import NodeSource

HAVE_DISTANCES: Final = (1, 2, 4, 8, 16, 32)
"""How many first parents back from a tip the commits in a `have` list are."""
_FALLING: Final = bytes(range(255, -1, -1))
"""Complements bytes, so that they sort in descending order."""


class Objects(Protocol):
    """The part of a store's reader that a walk needs."""

    def get(self, oid: ObjectId) -> bytes: ...

    def has(self, oid: ObjectId) -> bool: ...


def missing_commits(
    objects: Objects, want: Iterable[ObjectId], have: Iterable[ObjectId], met: Container[ObjectId] = ()
) -> dict[ObjectId, Commit]:
    """Commits reachable from `want` and not from `have`, parents first, in the order of (generation, id).

    If `want` reaches a commit in `met`, it counts as known.
    """
    found = [(oid, commit) for commit, oid, known in filter(None, _down(objects, want, have, met)) if not known]
    return dict(reversed(found))


def missing_newest_first(
    objects: Objects, want: Iterable[ObjectId], have: Iterable[ObjectId], met: Container[ObjectId] = ()
) -> Iterator[ObjectId | None]:
    """The same in the opposite order, with None for each other commit that was read, so that each step is short.

    If `want` reaches a commit in `met`, it counts as known. Commits in `met` aren't read otherwise.
    """
    for found in _down(objects, want, have, met):
        yield None if found is None or found[2] else found[1]


def is_ancestor(objects: NodeSource, old: ObjectId, new: ObjectId) -> bool:
    """Whether `old` is `new` or one of its ancestors."""
    floor = Commit.decode(objects.get(old)).generation
    for commit, oid, _ in filter(None, _down(objects, [new], [])):
        if oid == old:
            return True
        if commit.generation < floor:
            break
    return False


def have_list(objects: Objects, tips: Iterable[ObjectId], limit: int) -> list[ObjectId]:
    """The tips, each with its first-parent ancestors at 1, 2, 4, 8, 16 and 32 steps, at most `limit` ids."""
    found: dict[ObjectId, None] = {}
    for tip in tips:
        if len(found) >= limit:
            break
        found[tip] = None
        oid = tip
        for step in range(1, HAVE_DISTANCES[-1] + 1):
            parents = Commit.decode(objects.get(oid)).parents
            if not parents:
                break
            oid = parents[0]
            if step in HAVE_DISTANCES:
                found[oid] = None
    return list(found)[:limit]


def _down(
    objects: NodeSource, want: Iterable[ObjectId], have: Iterable[ObjectId], met: Container[ObjectId] = ()
) -> Iterator[tuple[Commit, ObjectId, bool] | None]:
    """`(commit, id, known)`, the highest generation first, until only known commits are left.

    Yields None for each of `have` and `want` when it is put into the heap. A commit's generation is above its
    parents', so each commit is visited after all its children, and its `known` is final.
    """
    heap: list[tuple[int, bytes, ObjectId]] = []
    commits: dict[ObjectId, Commit] = {}
    known: dict[ObjectId, bool] = {}
    unknown = 0

    def visit(oid: ObjectId, is_known: bool) -> int:
        if oid not in known:
            commits[oid] = commit = Commit.decode(objects.get(oid))
            heappush(heap, (-commit.generation, oid.translate(_FALLING), oid))
            known[oid] = is_known
            return not is_known
        if is_known and not known[oid]:
            known[oid] = True
            return -1
        return 0

    for oid in have:
        visit(oid, True)
        yield None
    for oid in want:
        unknown += visit(oid, oid in met)
        yield None
    while unknown:
        oid = heappop(heap)[2]
        commit, is_known = commits.pop(oid), known[oid]
        unknown -= not is_known
        for parent in commit.parents:
            unknown += visit(parent, is_known or parent in met)
        yield commit, oid, is_known
