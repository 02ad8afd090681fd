"""Caches the commits and trees that canonical merges read: the next step or merge reads most of them again."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from zonegit.errors import Refused
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.node import node_parts
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Zone
from zonegit.repo.heads import Commits, Unshared
from zonegit.tree import walk
from zonegit.tree.diff import diff
from zonegit.tree.merge_cells import Touch
from zonegit.tree.source import Nodes, Recent

_PARTS: Final = 4096
"""Nodes whose parts are cached: a commit's nodes are read again when its child is compared with it."""
_REMEMBERED: Final = 1 << 14
_FEW: Final = 8
"""The most RRsets that a commit may have changed for its changes to be cached."""

_REMOVALS: Final = 128
"""The most tombstones, and commits that they removed, with which one commit is compared. Without a bound, a push
could make all other nodes compare trees for hours."""

_Changed = tuple[RRKey, tuple[bytes | None, ...], bytes | None]
"""A key with the stored RRset in each version that the commit is compared with, and in the commit."""


class MergeHistory:
    """Cached reads for one merge, or for several merges of one zone in a row."""

    def __init__(self, nodes: Nodes) -> None:
        self._fresh: dict[ObjectId, bytes] = {}
        self._recent = Recent(nodes.source)
        self.nodes = nodes.through(self._recent).over(self._fresh)
        self.commits = Commits(self.nodes.source)
        self._parts = lru_cache(maxsize=_PARTS)(node_parts)
        self._known: dict[ObjectId, list[_Changed]] = {}

    def through(self, nodes: Nodes) -> "MergeHistory":
        """Read through another transaction from now on. The caches stay valid: their keys are hashes."""
        self._recent.below = nodes.source
        return self

    def add(self, objects: Iterable[bytes]) -> None:
        """Add objects that aren't stored yet."""
        self._fresh.update((object_id(data), data) for data in objects)

    def root(self, commit: Commit) -> ObjectId:
        """The root of a commit's tree."""
        return Zone.decode(self.nodes.source.get(commit.zone_root)).tree

    def touched(self, each: Unshared) -> Iterator[tuple[RRKey, Touch]]:
        """The RRsets that a commit changed: those on which it and its parents aren't all equal.

        The commit must not be a tombstone. A parent that is one is replaced by what it removed.
        """
        when = (each.commit.committer.time, each.id)
        for key, before, after in self._changed(each.id, each.commit):
            yield key, Touch(each.heads, when, before, after)

    def _changed(self, oid: ObjectId, commit: Commit) -> Iterable[_Changed]:
        known = self._known.get(oid)
        if known is not None:
            return known
        if not commit.parents:
            return ((key, (None,), payload) for key, payload in walk.entries(self.nodes, self.root(commit)))
        found = self._against_parents(commit)
        if len(found) <= _FEW:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[oid] = found
        return found

    def _against_parents(self, commit: Commit) -> list[_Changed]:
        root = self.root(commit)
        parents = list(dict.fromkeys(self.root(self.commits(oid)) for oid in self._versions(commit.parents)))
        if len(parents) == 1:
            return [(key, (old,), new) for key, old, new in diff(self.nodes, parents[0], root, self._parts)]
        changed: dict[RRKey, dict[int, bytes | None]] = {}
        after: dict[RRKey, bytes | None] = {}
        for number, parent in enumerate(parents):
            for key, old, new in diff(self.nodes, parent, root, self._parts):
                changed.setdefault(key, {})[number] = old
                after[key] = new
        return [
            (key, tuple(olds.get(number, after[key]) for number in range(len(parents))), after[key])
            for key, olds in changed.items()
        ]

    def _versions(self, parents: Iterable[ObjectId]) -> list[ObjectId]:
        """The commits, with tombstones replaced by their parents, repeatedly.

        A tombstone without parents stays: it has an empty tree.
        """
        found: list[ObjectId] = []
        seen: set[ObjectId] = set()
        todo = list(parents)
        while todo:
            oid = todo.pop()
            if oid not in seen:
                seen.add(oid)
                commit = self.commits(oid)
                if commit.is_tombstone and commit.parents:
                    todo += commit.parents
                else:
                    found.append(oid)
                if len(seen) > _REMOVALS:
                    raise Refused(
                        f"{commit.zone} was recreated on top of more than {_REMOVALS} removals, too many to merge "
                        "automatically: merge it with 'zonegit merge'"
                    )
        return found
