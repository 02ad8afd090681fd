"""The part of `Repository` that reads history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from zonegit.errors import NotFound
from zonegit.model.ids import short
from zonegit.model.names import owner_text, parse_apex
from zonegit.repo import history
from zonegit.repo.changes import changes_at, differences
from zonegit.repo.content import Content, SharedReads
from zonegit.repo.context import Context, owner_of
from zonegit.repo.links import Links
from zonegit.repo.results import Blame, Change, Combined, Decided, Drawn, Passage, Revision
from zonegit.repo.revisions import split_range
from zonegit.tree.source import Nodes
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from collections.abc import Sequence


class HistoryReader:
    """The part of an open repository that reads its history."""

    _context: Context

    def resolve(self, revision: str = "HEAD", *, zone: str | None = None) -> Revision:
        """The commit that an expression names."""
        return self._context.resolve(revision, zone)

    def merge_bases(self, one: str, other: str, *, zone: str | None = None) -> list[Revision]:
        """The best common ancestors of two versions: usually one, several if the branches merged each other."""
        from zonegit.repo.bases import merge_bases

        source = self._context.nodes.source
        found = merge_bases(source, *([self.resolve(text, zone=zone).id] for text in (one, other)))
        return [history.read_commit(source, oid) for oid in found]

    def log(
        self,
        *revisions: str,
        zone: str | None = None,
        name: str | None = None,
        rtype: int | None = None,
        first_parent: bool = False,
    ) -> Iterator[Revision]:
        """Commits (default: HEAD) and their ancestors, newest first.

        `A..B` and `^A` leave out what is reachable from A, `A...B` what is reachable from both. With a name, only
        commits that changed it are listed; if a merge has the same records there as one parent, only that parent is
        followed, as git does. `first_parent` follows only the first parent of each merge.
        """
        source = SharedReads(self._context.store)
        links = Links(source)
        chosen = self._span(revisions, zone, first_parent=first_parent)
        along = self._simplified(links, chosen, zone, name, rtype)
        found = source.during(iter(along or history.walk(links, chosen)))
        return (history.read_commit(links.source, link.id) for link in found)

    def graph(
        self,
        *revisions: str,
        zone: str | None = None,
        name: str | None = None,
        rtype: int | None = None,
        first_parent: bool = False,
        wanted: Callable[[Revision], bool] = lambda revision: True,
    ) -> Iterator[Drawn]:
        """The commits of `log` that are `wanted`, each with its nearest listed ancestors."""
        source = SharedReads(self._context.store)
        links = Links(source)
        chosen = self._span(revisions, zone, first_parent=first_parent)
        along = self._simplified(links, chosen, zone, name, rtype)
        return source.during(iter(history.Graph(links, chosen, along, wanted)))

    def _span(self, revisions: Sequence[str], zone: str | None, *, first_parent: bool) -> history.Span:
        text = split_range(*revisions)
        of, without = ([self.resolve(each, zone=zone).id for each in side] for side in (text.of, text.without))
        without += [base.id for pair in text.apart for base in self.merge_bases(*pair, zone=zone)]
        return history.Span(tuple(of), tuple(without), first_parent)

    def _simplified(
        self, links: Links, chosen: history.Span, zone: str | None, name: str | None, rtype: int | None
    ) -> history.Simplified | None:
        """The simplified history of a name; None without a name."""
        if name is None:
            return None
        from zonegit.repo.record_lookup import RecordLookup

        owner = owner_of(name, parse_apex(self._context.place(zone).zone))
        return history.Simplified(
            links, chosen, RecordLookup(Nodes(links.source, self._context.store.nodes), owner, rtype).same
        )

    def diff(
        self, old: str, new: str, *, zone: str | None = None, name: str | None = None, rtype: int | None = None
    ) -> Iterator[Change]:
        """The differences between two versions, in canonical order; with a name, only those at it.

        Serials are ignored.
        """
        if name is not None:
            before, after = (self._context.content(text, zone) for text in (old, new))
            return changes_at(before, after, owner_of(name, after.apex), rtype)
        roots = (self.resolve(text, zone=zone).commit.zone_root for text in (old, new))
        return differences(self._context.nodes, *roots)

    def changes(
        self,
        revision: str = "HEAD",
        *,
        zone: str | None = None,
        name: str | None = None,
        rtype: int | None = None,
        parent: int = 1,
    ) -> Iterator[Change]:
        """What a commit changed compared with a parent (by number, from 1); a root commit added all that it has.

        With a name, only the changes at it. `NotFound` if the commit has no such parent.
        """
        content = self._context.content(revision, zone)
        commit = content.revision.commit
        if not 1 <= parent <= max(1, len(commit.parents)):
            raise NotFound(
                f"commit {short(content.revision.id)} has no parent {parent}; it has {len(commit.parents)}"
            )
        above = (
            history.read_commit(self._context.nodes.source, commit.parents[parent - 1]) if commit.parents else None
        )
        if name is not None:
            before = Content.of(self._context.nodes, above) if above else None
            return changes_at(before, content, owner_of(name, content.apex), rtype)
        if above is None:
            return (Change(rrset.owner, rrset.rtype, None, rrset) for rrset in content.rrsets())
        return differences(self._context.nodes, above.commit.zone_root, commit.zone_root)

    def combined(
        self,
        revision: str = "HEAD",
        *,
        zone: str | None = None,
        name: str | None = None,
        rtype: int | None = None,
    ) -> Iterator[Combined]:
        """The RRsets of a merge that differ from those of every parent; with a name, only those at it."""
        from zonegit.repo.changes import combined

        content = self._context.content(revision, zone)
        sides = [
            self.changes(revision, zone=zone, name=name, rtype=rtype, parent=number)
            for number in range(1, 1 + len(content.revision.commit.parents))
        ]
        return combined(sides)

    def decided(
        self,
        revision: str = "HEAD",
        *,
        zone: str | None = None,
        name: str | None = None,
        rtype: int | None = None,
    ) -> list[Decided]:
        """The RRsets that a rule decided in an automatic merge, and who wrote what; none for any other commit."""
        from zonegit.repo.heads import is_automatic

        found = self.resolve(revision, zone=zone)
        if not is_automatic(found.commit):
            return []
        from zonegit.repo.decided import decided

        listed = decided(self._context.nodes, found)
        if name is None:
            return listed
        owner = owner_of(name, parse_apex(found.commit.zone))
        return [each for each in listed if each.owner == owner and rtype in (None, each.rtype)]

    def blame(
        self, name: str, rtype: int | None = None, revision: str = "HEAD", *, zone: str | None = None
    ) -> list[Blame]:
        """For each record at a name, the commit that added it. `NotFound` if there are no records."""
        from zonegit.repo.blame import blame

        content = self._context.content(revision, zone)
        owner = owner_of(name, content.apex)
        source = SharedReads(self._context.store)
        nodes = Nodes(source, self._context.store.nodes)
        with source.shared():
            found = blame(nodes, content.revision.id, owner, rtype)
        if not found:
            what = f"no {type_text(rtype)}" if rtype else "nothing"
            raise NotFound(f"{owner_text(owner)} has {what} in {content.revision.commit.zone}")
        return found

    def when(
        self, name: str, rtype: int, rdatas: Sequence[bytes], revision: str = "HEAD", *, zone: str | None = None
    ) -> list[Passage]:
        """The commits that added or removed records, newest first. TTLs are ignored.

        For several records: the commits from which on all of them were there, or no longer all. A merge is listed
        only if it differs in this from every parent. `NotFound` if the records never existed.
        """
        from zonegit.model.rrset import RRset
        from zonegit.repo.blame import passages

        content = self._context.content(revision, zone)
        owner = owner_of(name, content.apex)
        wanted = RRset.of(owner, rtype, 0, rdatas)
        source = SharedReads(self._context.store)
        nodes = Nodes(source, self._context.store.nodes)
        found = list(source.during(passages(nodes, content.revision.id, wanted)))
        if not found:
            raise NotFound(
                f"{owner_text(owner)} never had this {type_text(rtype)} record in {content.revision.commit.zone}; "
                f"to see what was there: `zonegit log -p -- {owner_text(owner)} {type_text(rtype)}`"
            )
        return found

    def stands(
        self, name: str, rtype: int, rdatas: Sequence[bytes], revision: str = "HEAD", *, zone: str | None = None
    ) -> bool:
        """Whether a version has all of these records. TTLs are ignored; `when` says since which commit."""
        from zonegit.model.rrset import RRset
        from zonegit.repo.blame import stands

        content = self._context.content(revision, zone)
        wanted = RRset.of(owner_of(name, content.apex), rtype, 0, rdatas)
        return stands(self._context.nodes, content.revision.id, wanted)
