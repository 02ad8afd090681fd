"""What can be read of an open repository: HEAD, zones, records and history."""

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
from zonegit.repo.context import Context, owner_of
from zonegit.repo.history_reading import HistoryReader
from zonegit.repo.position import HEAD, Standing, seat
from zonegit.repo.results import Entry, Position, ZoneSummary
from zonegit.repo.revisions import PREFIX
from zonegit.store.lmdb import LmdbStore, StoreStat
from zonegit.tree import walk
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from zonegit.repo.failing import Failing
    from zonegit.repo.stored import Stored
    from zonegit.zonefile.findings import Finding

Progress = Callable[[int, int], None]
"""Called with what is done and the total."""


class RepositoryReader(HistoryReader):
    """An open repository, to read from."""

    def __init__(self, path: Path, store: LmdbStore, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._store = store
        self._context = Context.over(store, now, seat=seat(path))

    def position(self, zone: str | None = None) -> Position:
        """The zone and branch that HEAD names, or another zone and its default branch. `NotFound` without any."""
        return self._context.place(zone)

    def target(self, zone: str | None = None, branch: str | None = None) -> Position:
        """The zone and branch that a writing call is about. `Refused` where the one that was chosen is gone."""
        return self._context.target(zone, branch)

    @property
    def shared(self) -> bool:
        """Whether others may write to the repository, so that HEAD is each user's own."""
        return self._context.seat != HEAD

    def standing(self) -> Standing:
        """Where the user is, and whether the branch that was chosen is gone."""
        return self._context.standing()

    def zone_of(self, name: str, rtype: int | None = None) -> str | None:
        """The zone here that an absolute name is in: the one with the longest apex; None where there is none.

        DS records at an apex belong to the zone above (RFC 4035 §2.4), where that is here.
        """
        return listing.enclosing(self._context, from_text(name), rtype)

    def zone_names(self) -> list[str]:
        """Every zone's name, in the order of its text; in a repository of many zones much cheaper than `zones`."""
        return listing.zone_names(self._context)

    def removed_zones(self, beginning: str = "") -> Iterator[str]:
        """Zones that `restore_zone` brings back, as far as their names begin so."""
        return listing.removed(self._context, beginning)

    def tracked(self, *, zone: str | None = None) -> list[str]:
        """What was fetched of a zone from peers, as `peer/branch`."""
        with self._store.read() as reader:
            found = [refs.parse(name) for name, _ in reader.refs("refs/remotes/")]
        here = self._context.place(zone).zone
        return [f"{ref.peer}/{ref.name}" for ref in found if ref.zone == here]

    def remote_names(self) -> list[str]:
        """The peers that can be fetched from."""
        from zonegit.repo.remotes import remotes

        with self._store.read() as reader:
            return list(remotes(reader))

    def zones(self) -> list[ZoneSummary]:
        """Every zone, in the order of its name's text."""
        return listing.summaries(self._context)

    def count_zones(self) -> int:
        """How many zones there are: takes a moment where `zones` takes seconds."""
        return listing.count_zones(self._context)

    def branches(self, *, zone: str | None = None) -> dict[str, ObjectId]:
        """Branches of a zone and their tips."""
        return listing.named(self._context, RefKind.HEAD, self._context.place(zone).zone)

    def tags(self, *, zone: str | None = None) -> dict[str, ObjectId]:
        """Tags of a zone and the commits that they name."""
        return listing.named(self._context, RefKind.TAG, self._context.place(zone).zone)

    def tag_objects(self, *, zone: str | None = None) -> dict[str, tuple[ObjectId, Tag]]:
        """The tags of a zone that are objects of their own: their ids and what they hold."""
        return listing.tag_objects(self._context, self._context.place(zone).zone)

    def tag_object(self, revision: str, *, zone: str | None = None) -> tuple[ObjectId, Tag] | None:
        """The tag object that an expression names by itself; None where it names a commit."""
        return self._context.tag_object(revision, zone)

    def journal_end(self) -> int:
        """What `moved_since` goes on from."""
        with self._store.read() as reader:
            return reader.seq

    def moved_since(self, start: int) -> dict[RefName, ObjectId | None] | None:
        """The refs that were moved since, by whomever, and where they are now. None where that isn't known."""
        with self._store.read() as reader:
            names = reader.moved_since(start)
            return None if names is None else {name: reader.ref(name) for name in sorted(names)}

    def rrset(self, name: str, rtype: int, revision: str = "HEAD", *, zone: str | None = None) -> RRset:
        """One RRset; the SOA with the serial that it is served with. `NotFound`."""
        content = self._context.content(revision, zone)
        owner = owner_of(name, content.apex)
        rrset = content.rrset(owner, rtype)
        if rrset is None:
            raise NotFound(f"{owner_text(owner)} has no {type_text(rtype)} in {content.revision.commit.zone}")
        return rrset

    def rrsets_at(self, name: str, revision: str = "HEAD", *, zone: str | None = None) -> list[RRset]:
        """All RRsets at a name, by type; empty where nothing stands."""
        content = self._context.content(revision, zone)
        return content.rrsets_at(owner_of(name, content.apex))

    def rrsets(self, revision: str = "HEAD", *, zone: str | None = None) -> Iterator[RRset]:
        """A version's RRsets: the SOA, then all others in canonical order."""
        return self._context.content(revision, zone).rrsets()

    def records(self, revision: str = "HEAD", *, zone: str | None = None) -> int:
        """How many records a version has."""
        return self._context.content(revision, zone).zone.records

    def reflog(self, branch: str | None = None, *, zone: str | None = None) -> Iterator[Entry]:
        """A branch's moves, newest first."""
        return listing.reflog(self._context, self._context.place(zone, branch))

    def check(
        self, revision: str = "HEAD", *, zone: str | None = None, progress: Progress | None = None
    ) -> list[Finding]:
        """Errors and warnings about a whole version. The signatures of a signed one are verified, which takes long.

        `progress` is called with the RRsets that were verified, and all there are.
        """
        from zonegit.dnssec.check import check_signatures
        from zonegit.zonefile.check import check_entries
        from zonegit.zonefile.serial import check_serial

        content = self._context.content(revision, zone)
        serial = content.revision.commit.serial
        entries = list(walk.entries(content.tree.nodes, content.tree.root))
        findings = [*check_serial(serial), *check_entries(content.apex, entries)]
        return [*findings, *check_signatures(content.apex, serial, entries, self._context.now(), progress)]

    def object(self, prefix: str) -> tuple[ObjectId, bytes]:
        """The only object whose id begins with these hex digits."""
        with self._store.read() as reader:
            found = list(reader.find(prefix)) if PREFIX.fullmatch(prefix) else []
            if len(found) != 1:
                raise NotFound(f"{len(found)} objects begin with {prefix[:64]!r}; give 4 to 64 digits of one")
            return found[0], reader.get(found[0])

    def stat(self) -> StoreStat:
        """Counts and sizes of the store."""
        return self._store.stat()

    def used_up(self) -> dict[str, Stored]:
        """By peer, what was stored today of those that may have nothing more stored."""
        from zonegit.repo.stored import stored

        with self._store.read() as reader:
            return {peer: found for peer, found in stored(reader).items() if found.is_used_up(self._context.now())}

    def failing(self) -> dict[str, Failing]:
        """By peer, since when exchanges with those of which the last one failed do, and why."""
        from zonegit.repo.failing import failing_peers

        with self._store.read() as reader:
            return failing_peers(reader)

    def refused(self) -> dict[str, frozenset[str]]:
        """By peer, the zones that aren't followed from it because they are this repository's own."""
        from zonegit.repo.refused import refused_zones

        with self._store.read() as reader:
            return refused_zones(reader)

    def left_out(self) -> dict[str, dict[str, str]]:
        """By peer, the zones that stand still here because what it has of them can't be taken up, and why."""
        from zonegit.repo.left_out import zones_left_out

        with self._store.read() as reader:
            return zones_left_out(reader)
