"""Walks over commits in the order of `log`: all of them, or those that changed one name, simplified as git does."""

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner
from zonegit.repo.links import Link, Links
from zonegit.repo.results import Drawn, Revision
from zonegit.tree.source import Nodes, NodeSource

IsSame = Callable[[ObjectId, ObjectId | None], bool]
"""Whether two `zone` objects have the same records at a name; None stands for an empty zone."""


def read_commit(source: NodeSource, oid: ObjectId) -> Revision:
    return Revision(oid, Commit.decode(source.get(oid)))


class Span(NamedTuple):
    """The commits to list: those reachable from `of` but not from `without`."""

    of: tuple[ObjectId, ...]
    without: tuple[ObjectId, ...] = ()
    first_parent: bool = False
    """Whether only first parents are followed from `of`. From `without`, all are followed, as in git."""

    def parents(self, link: Link) -> tuple[ObjectId, ...]:
        """The parents to follow from a commit that is listed."""
        return link.parents[:1] if self.first_parent else link.parents


class Range(NamedTuple):
    """A `Span` with its commits decoded."""

    of: tuple[Revision, ...]
    without: tuple[Revision, ...] = ()

    @property
    def span(self) -> Span:
        return Span(tuple(each.id for each in self.of), tuple(each.id for each in self.without))


def ancestry(source: NodeSource, chosen: Range) -> Iterator[Revision]:
    """The commits of a range and all their ancestors, newest first, each before its parents."""
    return (read_commit(source, link.id) for link in walk(Links(source), chosen.span))


def touching(nodes: Nodes, chosen: Range, owner: Owner, rtype: int | None) -> Iterator[Revision]:
    """The commits of a range that changed the records at an owner, newest first (see `Simplified`)."""
    from zonegit.repo.record_lookup import RecordLookup

    links = Links(nodes.source)
    found = Simplified(links, chosen.span, RecordLookup(nodes, owner, rtype).same)
    return (read_commit(nodes.source, link.id) for link in found)


def walk(
    links: Links, chosen: Span, follow: Callable[[Link], tuple[ObjectId, ...]] | None = None
) -> Iterator[Link]:
    """The commits of a span and all their ancestors, newest first, each before its parents.

    A child has a higher generation than its parents. So when a commit is visited, all its descendants have been,
    and it is known whether it has to be left out because one of those is. `follow` gives the parents to follow from
    a listed commit.
    """
    follow = follow or chosen.parents
    left_out = set(chosen.without)
    seen = set(chosen.of) | left_out
    heap = [_ranked(links(oid)) for oid in seen]
    heapify(heap)
    wanted = len(seen - left_out)
    while wanted:
        link = heappop(heap)[-1]
        out = link.id in left_out
        if not out:
            wanted -= 1
            yield link
        for parent in link.parents if out else follow(link):
            if parent not in seen:
                seen.add(parent)
                heappush(heap, _ranked(links(parent)))
                wanted += not out
            elif out and parent not in left_out:
                wanted -= 1
            if out:
                left_out.add(parent)


def _ranked(link: Link) -> tuple[int, int, ObjectId, Link]:
    return -link.generation, -link.time, link.id, link


class Simplified:
    """The history of one name, simplified by git's rules for a path.

    A commit whose records at the name equal those of a parent isn't listed, and only that parent is followed (the
    first such one). Other commits are listed, and all their parents are followed. Parents outside of the range are
    ignored if another parent is inside; all commits that the range itself names, left out or not, count as inside.
    """

    def __init__(self, links: Links, chosen: Span, same: IsSame) -> None:
        self._links = links
        self._chosen = chosen
        self._same = same
        self._within: frozenset[ObjectId] | None = None
        """The commits in the range; None if nothing is left out."""
        if chosen.without:
            self._within = frozenset(link.id for link in walk(links, chosen)) | set(chosen.without)
        self._known: dict[ObjectId, tuple[bool, tuple[ObjectId, ...]]] = {}

    def __iter__(self) -> Iterator[Link]:
        """The commits that are listed, newest first."""
        for link in walk(self._links, self._chosen, lambda link: self.look(link)[1]):
            if self.look(link)[0]:
                yield link

    def look(self, link: Link) -> tuple[bool, tuple[ObjectId, ...]]:
        """Whether a commit is listed, and which of its parents are followed."""
        found = self._known.get(link.id)
        if found is None:
            found = self._known[link.id] = self._look(link)
        return found

    def _look(self, link: Link) -> tuple[bool, tuple[ObjectId, ...]]:
        parents = self._chosen.parents(link)
        if not parents:
            return not self._same(link.zone_root, None), ()
        within = self._within
        inside = parents if within is None else [parent for parent in parents if parent in within]
        for parent in inside:
            if self._same(link.zone_root, self._links(parent).zone_root):
                return False, (parent,)
        if inside:
            return True, parents
        differs = any(not self._same(link.zone_root, self._links(parent).zone_root) for parent in parents)
        return differs, parents


class Graph:
    """A history for drawing: the listed commits, each with its nearest listed ancestors."""

    def __init__(
        self, links: Links, chosen: Span, along: Simplified | None, wanted: Callable[[Revision], bool]
    ) -> None:
        self._links = links
        self._chosen = chosen
        self._along = along
        self._wanted = wanted
        self._shown: dict[ObjectId, bool] = {}
        self._nearest: dict[ObjectId, tuple[ObjectId, ...]] = {}
        self._within: frozenset[ObjectId] | None = None
        if chosen.without:
            self._within = frozenset(link.id for link in walk(links, chosen))

    def __iter__(self) -> Iterator[Drawn]:
        for link in self._along or walk(self._links, self._chosen):
            if self._is_shown(link):
                yield Drawn(read_commit(self._links.source, link.id), self._above(link))

    def _above(self, link: Link) -> tuple[ObjectId, ...]:
        """The nearest ancestors that are listed, each once."""
        found: dict[ObjectId, None] = {}
        for parent in self._followed(link):
            found.update(dict.fromkeys(self._resolved(parent)))
        return tuple(found)

    def _followed(self, link: Link) -> tuple[ObjectId, ...]:
        parents = self._along.look(link)[1] if self._along else self._chosen.parents(link)
        within = self._within
        return parents if within is None else tuple(parent for parent in parents if parent in within)

    def _is_shown(self, link: Link) -> bool:
        shown = self._shown.get(link.id)
        if shown is None:
            listed = self._along is None or self._along.look(link)[0]
            shown = self._shown[link.id] = listed and self._wanted(read_commit(self._links.source, link.id))
        return shown

    def _resolved(self, oid: ObjectId) -> tuple[ObjectId, ...]:
        """The commit itself if it is listed, else its nearest listed ancestors. A stack replaces recursion, since a
        history may be deeper than Python's recursion limit.
        """
        nearest = self._nearest
        todo = [oid]
        while todo:
            at = todo[-1]
            link = self._links(at)
            below = () if at in nearest or self._is_shown(link) else self._followed(link)
            missing = [parent for parent in below if parent not in nearest]
            if missing:
                todo += missing
                continue
            todo.pop()
            if at not in nearest:
                own = self._is_shown(link)
                nearest[at] = (at,) if own else tuple(dict.fromkeys(each for up in below for each in nearest[up]))
        return nearest[oid]
