"""The heads of a history that several nodes write, and the commits in which they differ (docs/sync.md).

A *user commit* is one that a user made. An *automatic merge* is one that `repo.canonical` computes from several
heads, and can compute again at any time. So the content of a branch follows from its user commits alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.tree.source import NodeSource

AUTOMATIC: Final = ("mergealg", "1")
"""The header of an automatic merge: the version of the rules that made it."""
_REMEMBERED: Final = 1 << 14


def is_automatic(commit: Commit) -> bool:
    """Whether a commit says that it is an automatic merge, under any version of the rules."""
    return any(name == AUTOMATIC[0] for name, _ in commit.extra)


class Commits:
    """Reads commits and caches some thousands of them, since consecutive walks read the same ones."""

    def __init__(self, source: NodeSource) -> None:
        self._source = source
        self._known: dict[ObjectId, Commit] = {}

    def __call__(self, oid: ObjectId) -> Commit:
        found = self._known.get(oid)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[oid] = Commit.decode(self._source.get(oid))
        return found


class Unshared(NamedTuple):
    """A commit that some heads have in their histories, but not all."""

    id: ObjectId
    commit: Commit
    heads: int
    """The heads that have it, as bits."""


def heads_of(commits: Commits, tips: Iterable[ObjectId]) -> list[ObjectId]:
    """The user commits behind these tips that aren't ancestors of others, in the order of their ids."""
    flat = sorted(_flattened(commits, tips))
    walk = _Walk(commits, flat)
    for _ in walk:
        pass
    return [oid for number, oid in enumerate(flat) if walk.marks[oid] == 1 << number]


def unshared(commits: Commits, heads: Sequence[ObjectId]) -> Iterator[Unshared]:
    """The commits that some heads lack in their histories, children before parents."""
    return iter(_Walk(commits, heads))


def _flattened(commits: Commits, tips: Iterable[ObjectId]) -> set[ObjectId]:
    """The tips, with automatic merges replaced by their parents, repeatedly."""
    found: set[ObjectId] = set()
    seen: set[ObjectId] = set()
    todo = list(tips)
    while todo:
        oid = todo.pop()
        if oid not in seen:
            seen.add(oid)
            commit = commits(oid)
            if is_automatic(commit):
                todo += commit.parents
            else:
                found.add(oid)
    return found


class _Walk:
    """Walks down from heads until all that is left is in the histories of all of them.

    The newest generation goes first: when a commit's turn comes, all its descendants have been visited, and its
    mark is final.
    """

    def __init__(self, commits: Commits, heads: Sequence[ObjectId]) -> None:
        self._read = commits
        self._all = (1 << len(heads)) - 1
        self._heap: list[tuple[int, ObjectId]] = []
        self._commits: dict[ObjectId, Commit] = {}
        self._open = 0
        """Commits in the heap that some head may lack."""
        self.marks: dict[ObjectId, int] = {}
        """The heads that have each commit, as bits."""
        for number, oid in enumerate(heads):
            self._mark(oid, 1 << number)

    def __iter__(self) -> Iterator[Unshared]:
        while self._open:
            oid = heappop(self._heap)[1]
            commit, mark = self._commits.pop(oid), self.marks[oid]
            for parent in commit.parents:
                self._mark(parent, mark)
            if mark != self._all:
                self._open -= 1
                yield Unshared(oid, commit, mark)

    def _mark(self, oid: ObjectId, mark: int) -> None:
        before = self.marks.get(oid)
        if before is None:
            self._commits[oid] = commit = self._read(oid)
            heappush(self._heap, (-commit.generation, oid))
        self.marks[oid] = after = (before or 0) | mark
        was_open = before is not None and before != self._all
        self._open += (after != self._all) - was_open
