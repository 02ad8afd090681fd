"""The part of `Repository` that reads: HEAD, zones, records and history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from zonegit.errors import NotFound
from zonegit.model import refs
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId
from zonegit.model.names import from_text, owner_text
from zonegit.model.refs import RefKind, RefName
from zonegit.model.rrset import RRset
from zonegit.repo import listing
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.context import Context, owner_of
from zonegit.repo.history_reading import HistoryReader
from zonegit.repo.position import HEAD, HeadStatus, seat
from zonegit.repo.results import Entry, Position, ZoneSummary
from zonegit.repo.revisions import PREFIX
from zonegit.repo.tombstones import refuse_tombstone
from zonegit.store.lmdb import LmdbStore, StoreStat
from zonegit.tree import walk
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from zonegit.repo.diverged import Between, Diverged
    from zonegit.repo.peer_status import Failing, Stored
    from zonegit.zonefile.findings import Finding

Progress = Callable[[int, int], None]
"""Called with the amount of work done and the total."""


class RepositoryReader(HistoryReader):
    """An open repository, for reading only."""

    def __init__(self, path: Path, store: LmdbStore, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._store = store
        self._context = Context.over(store, now, seat=seat(path))

    def position(self, zone: str | None = None) -> Position:
        """The zone and branch that HEAD names, or `zone` and its default branch. `NotFound` if there is no zone."""
        return self._context.place(zone)

    def target(self, zone: str | None = None, branch: str | None = None) -> Position:
        """The zone and branch that a writing call applies to. `Refused` if the branch that HEAD names is gone."""
        return self._context.target(zone, branch)

    @property
    def shared(self) -> bool:
        """Whether others may write to the repository, so that HEAD is each user's own."""
        return self._context.seat != HEAD

    def head_status(self) -> HeadStatus:
        """What the user's HEAD names, and whether it still exists."""
        return self._context.head_status()

    def zone_of(self, name: str, rtype: int | None = None) -> str | None:
        """The zone that contains an absolute name: the one with the longest matching apex; None if there is none.

        DS records at an apex belong to the parent zone (RFC 4035 §2.4), if it is in this repository.
        """
        return listing.enclosing(self._context, from_text(name), rtype)

    def zone_names(self) -> list[str]:
        """The names of all zones, sorted as text. With many zones this is much cheaper than `zones`."""
        return listing.zone_names(self._context)

    def removed_zones(self, beginning: str = "") -> Iterator[str]:
        """Zones that `restore_zone` can restore and whose names begin with `beginning`."""
        return listing.removed(self._context, beginning)

    def tracked(self, *, zone: str | None = None, removed: bool = False) -> list[str]:
        """A zone's remote-tracking branches, as `peer/branch`; with `removed`, those that peers removed too."""
        with self._store.read() as reader:
            listed = reader.refs if removed else reader.live_refs
            found = [refs.parse(name) for name, _ in listed("refs/remotes/")]
        here = self._context.place(zone).zone
        return [f"{ref.peer}/{ref.name}" for ref in found if ref.zone == here]

    def remote_names(self) -> list[str]:
        """The names of the remotes."""
        from zonegit.repo.remotes import remotes

        with self._store.read() as reader:
            return list(remotes(reader))

    def zones(self) -> list[ZoneSummary]:
        """All zones, sorted by name as text."""
        return listing.summaries(self._context)

    def count_zones(self) -> int:
        """How many zones there are: fast even where `zones` takes seconds."""
        return listing.count_zones(self._context)

    def branches(self, *, zone: str | None = None) -> dict[str, ObjectId]:
        """Branches of a zone and their tips."""
        return listing.named(self._context, RefKind.HEAD, self._context.place(zone).zone)

    def branches_with(self, commit: ObjectId, *, zone: str | None = None) -> list[str]:
        """The branches of a zone whose history contains a commit."""
        with self._store.read() as reader:
            return [name for name, tip in self.branches(zone=zone).items() if is_ancestor(reader, commit, tip)]

    def tags(self, *, zone: str | None = None) -> dict[str, ObjectId]:
        """Tags of a zone and the commits that they point to."""
        return listing.named(self._context, RefKind.TAG, self._context.place(zone).zone)

    def tag_objects(self, *, zone: str | None = None) -> dict[str, tuple[ObjectId, Tag]]:
        """The tag objects of a zone, with their ids, by the tags' names."""
        return listing.tag_objects(self._context, self._context.place(zone).zone)

    def tag_object(self, revision: str, *, zone: str | None = None) -> tuple[ObjectId, Tag] | None:
        """The tag object that an expression names; None if it names a commit."""
        return self._context.tag_object(revision, zone)

    def journal_end(self) -> int:
        """The present position in the journal, for `moved_since`."""
        with self._store.read() as reader:
            return reader.seq

    def moved_since(self, start: int) -> dict[RefName, ObjectId | None] | None:
        """The refs that any process has moved since a position in the journal, and where they are now.

        None if the journal doesn't reach back that far.
        """
        with self._store.read() as reader:
            names = reader.moved_since(start)
            return None if names is None else {name: reader.live(name) for name in sorted(names)}

    def rrset(self, name: str, rtype: int, revision: str = "HEAD", *, zone: str | None = None) -> RRset:
        """One RRset. `NotFound`. An SOA has the serial that the version is served with."""
        content = self._context.content(revision, zone)
        owner = owner_of(name, content.apex)
        rrset = content.rrset(owner, rtype)
        if rrset is None:
            raise NotFound(f"{owner_text(owner)} has no {type_text(rtype)} in {content.revision.commit.zone}")
        return rrset

    def rrsets_at(self, name: str, revision: str = "HEAD", *, zone: str | None = None) -> list[RRset]:
        """All RRsets at a name, by type; empty if there are none."""
        content = self._context.content(revision, zone)
        return content.rrsets_at(owner_of(name, content.apex))

    def rrsets(self, revision: str = "HEAD", *, zone: str | None = None) -> Iterator[RRset]:
        """A version's RRsets: the SOA first, then the others in canonical order. `Refused` for a tombstone."""
        content = self._context.content(revision, zone)
        refuse_tombstone(content.revision)
        return content.rrsets()

    def records(self, revision: str = "HEAD", *, zone: str | None = None) -> int:
        """How many records a version has."""
        return self._context.content(revision, zone).zone.records

    def reflog(self, branch: str | None = None, *, zone: str | None = None) -> Iterator[Entry]:
        """The reflog of a branch, newest entry first."""
        return listing.reflog(self._context, self._context.place(zone, branch))

    def check(
        self, revision: str = "HEAD", *, zone: str | None = None, progress: Progress | None = None
    ) -> list[Finding]:
        """Errors and warnings about a whole version. `Refused` for a tombstone.

        In a signed version all signatures are verified, which is slow; `progress` is called with the number of
        RRsets verified so far, and of all.
        """
        from zonegit.dnssec.check import check_signatures
        from zonegit.zonefile.check import check_entries
        from zonegit.zonefile.serial import check_serial

        content = self._context.content(revision, zone)
        refuse_tombstone(content.revision)
        serial = content.revision.commit.serial
        entries = list(walk.entries(content.tree.nodes, content.tree.root))
        findings = [*check_serial(serial), *check_entries(content.apex, entries)]
        return [*findings, *check_signatures(content.apex, serial, entries, self._context.now(), progress)]

    def object(self, prefix: str) -> tuple[ObjectId, bytes]:
        """The object whose id begins with these hex digits. `NotFound` if there isn't exactly one."""
        with self._store.read() as reader:
            found = list(reader.find(prefix)) if PREFIX.fullmatch(prefix) else []
            if len(found) != 1:
                raise NotFound(f"{len(found)} objects begin with {prefix[:64]!r}; give 4 to 64 digits of one")
            return found[0], reader.get(found[0])

    def stat(self) -> StoreStat:
        """Counts and sizes of the store."""
        return self._store.stat()

    def used_up(self) -> dict[str, Stored]:
        """The peers whose quota for today is used up, and what was stored from each today."""
        from zonegit.repo.peer_status import STORED

        with self._store.read() as reader:
            now = self._context.now()
            return {peer: found for peer, found in STORED.read(reader).items() if found.is_used_up(now)}

    def failing(self) -> dict[str, Failing]:
        """The peers with which the last exchange failed: since when all have failed, and why the last one did."""
        from zonegit.repo.peer_status import FAILING

        with self._store.read() as reader:
            return FAILING.read(reader)

    def refused(self) -> dict[str, frozenset[str]]:
        """For each peer, the zones that aren't followed from it because this repository owns them."""
        from zonegit.repo.peer_status import REFUSED

        with self._store.read() as reader:
            return REFUSED.read(reader)

    def left_out(self) -> dict[str, dict[str, str]]:
        """For each peer, the zones that aren't updated because the peer's version isn't acceptable, and why."""
        from zonegit.repo.peer_status import LEFT_OUT

        with self._store.read() as reader:
            return {peer: dict(zones) for peer, zones in LEFT_OUT.read(reader).items()}

    def diverged(self) -> list[Diverged]:
        """The branches that have diverged from a peer's and haven't been merged here."""
        from zonegit.repo.diverged import diverged

        with self._store.read() as reader:
            return diverged(reader)

    def between(self, apart: Diverged) -> Between:
        """Why a branch and the peer's still differ. This takes as long as merging the two."""
        from zonegit.repo.diverged import between

        with self._store.read() as reader:
            return between(self._context.nodes, reader, apart)
