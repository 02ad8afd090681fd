"""What a branch's tip adds to what was published of it before.

Usually the tip builds on the commit that is served, and all behind that is known. But a branch may be moved to
anything: back, or to a commit that builds on what was never published. Not everything behind the served commit
passed the gate: a faulty commit is behind the correction that did. So only commits that were themselves published
count as known then, and what is behind them.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.repo.ancestry import is_ancestor, missing_commits
from zonegit.repo.heads import is_automatic
from zonegit.repo.history import read_commit
from zonegit.repo.publishing.policy import Published
from zonegit.repo.publishing.reading import shown_before
from zonegit.repo.results import Position, Revision
from zonegit.store.port import Reader


class Past(NamedTuple):
    """What is behind a branch's tip."""

    new: Mapping[ObjectId, Commit]
    """The commits that aren't known yet, parents first. Empty if the branch was moved back."""
    onto: frozenset[ObjectId]
    """The published commits that they build on. Empty: none, as for a branch that begins again."""
    left: Revision | None
    """The commit that was served last, if the tip lacks commits that people made behind it. (An automatic merge is
    none: the next one has its heads, and needn't have it.)
    """

    def line(self, tip: Revision) -> Iterator[Revision]:
        """The tip, and then the new commits on its line of first parents that build on what is published."""
        known = set(self.onto)
        for oid, commit in self.new.items():
            if not known.isdisjoint(commit.parents):
                known.add(oid)
        yield tip
        at = tip
        while at.id in self.new and at.commit.parents:
            first = at.commit.parents[0]
            if first not in self.new:
                break
            at = Revision(first, self.new[first])
            if first in known or not self.onto:
                yield at


def past_of(reader: Reader, place: Position, published: Published, tip: Revision) -> Past:
    """What is behind a branch's tip, which may be a merge that isn't stored. `CorruptStore`, `NotFound` if history
    can't be read.
    """
    is_stored = reader.has(tip.id)
    heads = [tip.id] if is_stored else tip.commit.parents
    unstored = {} if is_stored else {tip.id: tip.commit}

    of = published.of
    if reader.has(of) and any(is_ancestor(reader, of, head) for head in heads):
        return Past({**missing_commits(reader, heads, [of]), **unstored}, frozenset([of]), None)
    shown = shown_before(reader, place)
    # What is behind the oldest was served before there was a policy, or is forgotten.
    new = {**missing_commits(reader, heads, shown[-1:], frozenset(shown)), **unstored}
    onto = frozenset(shown).intersection(parent for commit in new.values() for parent in commit.parents)
    lacking = missing_commits(reader, shown[:1], heads).values()
    left = None if all(map(is_automatic, lacking)) else read_commit(reader, shown[0])
    return Past(new, onto, left)


def left_before(reader: Reader, place: Position, new: Mapping[ObjectId, Commit]) -> frozenset[ObjectId]:
    """Those of new commits that were behind an earlier version, and that the branch was then moved away from."""
    shown = shown_before(reader, place)
    return frozenset(missing_commits(reader, shown[1:], shown[:1]).keys() & new.keys())
