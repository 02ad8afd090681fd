"""`Repository`: zones as histories, from the shell's or a program's point of view.

    with Repository.open(Path(".zonegit")) as repository:
        repository.set("www", parse_type("A"), 300, [bytes([192, 0, 2, 1])])

Every change is one commit in one durable transaction. Names are presentation form, relative to the zone; types are
numbers; RDATA is uncompressed wire form; revisions are expressions (`HEAD~1`, `main@{yesterday}`). `zone=None` is
the zone that HEAD names, `branch=None` the branch of it, `who=None` the user at this host. With `dry_run` a call
checks and tells all that it would do, and writes nothing. All errors come from `zonegit.errors`.
What only some calls need (reading zone files, fsck) is imported by those: `zonegit set` starts for each change.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Unpack

from zonegit.errors import NotFound, UsageError
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.names import owner_text, parse_apex, to_text
from zonegit.model.rdata import SOA, soa_serial
from zonegit.model.refs import RefKind
from zonegit.model.rrset import RRset
from zonegit.repo import history, labels, records, zones
from zonegit.repo.content import Content
from zonegit.repo.context import HEAD, Context, owner_of
from zonegit.repo.draft import Changes, differences
from zonegit.repo.results import Blame, Change, Committed, Entry, Position, Revision, ZoneSummary
from zonegit.repo.revisions import PREFIX
from zonegit.repo.writing import CommitOptions, check_import, commit_changes, commit_records, intent_of
from zonegit.store.lmdb import LmdbStore, StoreStat
from zonegit.tree import walk
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Finding
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from zonegit.store.fsck import FsckReport
    from zonegit.zonefile.reader import ParsedZone

Progress = Callable[[int, int], None]
"""Called with what is done and the total."""


class Repository:
    """An open repository. Any number of them, in any processes, may work on one directory at once."""

    def __init__(self, path: Path, store: LmdbStore, now: Callable[[], float] = time.time) -> None:
        self.path = path
        self._store = store
        self._context = Context.over(store, now)

    @classmethod
    def init(cls, path: Path, *, now: Callable[[], float] = time.time) -> Repository:
        """Make an empty repository. `Refused` if there is one."""
        return cls(path, LmdbStore.create(path), now)

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False) -> Repository:
        """Open an existing repository; `StoreError` if there is none. To write, it waits for a writer at work."""
        return cls(path, LmdbStore.open(path, readonly=readonly))

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    # -- where we are ---------------------------------------------------------------------------------------------

    def position(self, zone: str | None = None) -> Position:
        """The zone and branch that HEAD names, or another zone and its default branch. `NotFound` without any."""
        return self._context.place(zone)

    def switch_zone(self, zone: str) -> Position:
        """Point HEAD at a zone's default branch."""
        place = self.position(zone)
        self._set_head(place)
        return place

    def checkout(
        self,
        branch: str,
        *,
        zone: str | None = None,
        create: bool = False,
        start: str = "HEAD",
        who: str | None = None,
        dry_run: bool = False,
    ) -> Position:
        """Point HEAD at a branch, which is made first with `create`."""
        place = Position(self._context.place(zone).zone, branch)
        if create:
            self.create_branch(branch, start, zone=zone, who=who, dry_run=dry_run)
        elif self._context.ref(refs.head(place.zone, branch)) is None:
            raise NotFound(f"{place.zone} has no branch {branch}; 'checkout -b {branch}' makes one")
        if not dry_run:
            self._set_head(place)
        return place

    def _set_head(self, place: Position) -> None:
        with self._store.write() as writer:
            writer.set_setting(HEAD, refs.head(place.zone, place.branch).encode())

    # -- zones ----------------------------------------------------------------------------------------------------

    def zones(self) -> list[ZoneSummary]:
        """Every zone, in the order of its name's text."""
        return zones.summaries(self._context)

    def add_zone(
        self,
        zone: str,
        *,
        nameservers: Sequence[str] = (),
        mail: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
    ) -> Committed:
        """Begin a zone with an SOA and these name servers (default: `localhost.`). `Conflict` if it exists."""
        return zones.add_zone(self._context, zone, nameservers, mail, who, dry_run)

    def remove_zone(self, zone: str, *, who: str | None = None, dry_run: bool = False) -> None:
        """Delete a zone's branches and tags. Its objects and reflogs stay."""
        labels.remove_zone(self._context, self._context.place(zone).zone, who, dry_run)

    # -- reading --------------------------------------------------------------------------------------------------

    def resolve(self, revision: str = "HEAD", *, zone: str | None = None) -> Revision:
        """The commit that an expression names."""
        return self._context.resolve(revision, zone)

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

    def log(
        self, revision: str = "HEAD", *, zone: str | None = None, name: str | None = None, rtype: int | None = None
    ) -> Iterator[Revision]:
        """The commit and its ancestors, newest first; with a name only those that touched what stands there."""
        start = self._context.resolve(revision, zone)
        if name is None:
            return history.ancestry(self._context.nodes.source, start)
        owner = owner_of(name, parse_apex(start.commit.zone))
        return history.touching(self._context.nodes, start, owner, rtype)

    def diff(self, old: str, new: str, *, zone: str | None = None) -> Iterator[Change]:
        """What `new` has otherwise than `old`, in canonical order. Serials don't count."""
        before, after = (self._context.resolve(text, zone).commit.zone_root for text in (old, new))
        return differences(self._context.nodes, before, after)

    def changes(self, revision: str = "HEAD", *, zone: str | None = None) -> Iterator[Change]:
        """What a commit changed against its first parent; a first commit added all it has."""
        commit = self._context.resolve(revision, zone).commit
        if not commit.parents:
            content = self._context.content(revision, zone)
            return (Change(rrset.owner, rrset.rtype, None, rrset) for rrset in content.rrsets())
        parent = history.read_commit(self._context.nodes.source, commit.parents[0]).commit
        return differences(self._context.nodes, parent.zone_root, commit.zone_root)

    def blame(
        self, name: str, rtype: int | None = None, revision: str = "HEAD", *, zone: str | None = None
    ) -> list[Blame]:
        """For each record at a name, the newest commit that put it there. `NotFound` where nothing stands."""
        content = self._context.content(revision, zone)
        owner = owner_of(name, content.apex)
        found = history.blame(self._context.nodes, content.revision, owner, rtype)
        if not found:
            what = f"no {type_text(rtype)}" if rtype else "nothing"
            raise NotFound(f"{owner_text(owner)} has {what} in {content.revision.commit.zone}")
        return found

    def reflog(self, branch: str | None = None, *, zone: str | None = None) -> Iterator[Entry]:
        """A branch's moves, newest first."""
        return labels.reflog(self._context, self._context.place(zone, branch))

    def check(self, revision: str = "HEAD", *, zone: str | None = None) -> list[Finding]:
        """Errors and warnings about a whole version, in canonical order."""
        content = self._context.content(revision, zone)
        return check_entries(content.apex, list(walk.entries(content.tree.nodes, content.tree.root)))

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

    # -- records --------------------------------------------------------------------------------------------------

    def set(
        self, name: str, rtype: int, ttl: int, rdatas: Sequence[bytes], **options: Unpack[CommitOptions]
    ) -> Committed:
        """Put this RRset in the place of what stands there. An SOA's serial is taken if it is ahead."""

        def change(content: Content) -> Changes:
            return records.replaced(RRset.of(owner_of(name, content.apex), rtype, ttl, rdatas))

        serial = soa_serial(rdatas[0]) if rtype == SOA and rdatas else None
        return self._commit(change, f"set {name} {type_text(rtype)}", options, serial)

    def add(
        self, name: str, rtype: int, ttl: int | None, rdatas: Sequence[bytes], **options: Unpack[CommitOptions]
    ) -> Committed:
        """Add records to an RRset, whose TTL becomes `ttl` as a whole (None: stays as it is)."""

        def change(content: Content) -> Changes:
            return records.added(content, owner_of(name, content.apex), rtype, ttl, rdatas)

        return self._commit(change, f"add {name} {type_text(rtype)}", options)

    def delete(
        self, name: str, rtype: int | None = None, rdatas: Sequence[bytes] = (), **options: Unpack[CommitOptions]
    ) -> Committed:
        """Delete all RRsets at a name, one of them, or some of its records. `NotFound` if they aren't there."""

        def change(content: Content) -> Changes:
            return records.deleted(content, owner_of(name, content.apex), rtype, rdatas)

        return self._commit(change, f"delete {name} {type_text(rtype)}" if rtype else f"delete {name}", options)

    def _commit(
        self, change: Callable[[Content], Changes], message: str, options: CommitOptions, serial: int | None = None
    ) -> Committed:
        place = self._context.place(options.get("zone"), options.get("branch"))
        return commit_changes(self._context, place, change, intent_of(options, message, serial))

    def import_zone(
        self,
        parsed: ParsedZone,
        *,
        source: str,
        replace: bool = False,
        keep_serial: bool = False,
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Make a zone's content that of a zone file, as one commit; the first one begins the zone.

        The file's serial is taken if it is ahead, else the next one (`keep_serial`: `Refused`). If the branch's tip
        was not itself imported, somebody's change would be lost from view: `Refused` without `replace`.
        """
        if not source or not source.isprintable():
            raise UsageError(f"the source's name {source[:80]!r} must be printable: it stands in the commit")
        intent = intent_of(options, f"Import {source}", parsed.serial, source)
        branch = options.get("branch")
        check_import(self._context, to_text(parsed.apex), branch, parsed.serial, replace, keep_serial)
        return commit_records(self._context, parsed.apex, branch, parsed.entries, intent, parsed.warnings)

    # -- branches and tags ----------------------------------------------------------------------------------------

    def branches(self, *, zone: str | None = None) -> dict[str, ObjectId]:
        """Branches of a zone and their tips."""
        return labels.named(self._context, RefKind.HEAD, self._context.place(zone).zone)

    def tags(self, *, zone: str | None = None) -> dict[str, ObjectId]:
        """Tags of a zone and the commits that they name."""
        return labels.named(self._context, RefKind.TAG, self._context.place(zone).zone)

    def create_branch(
        self,
        name: str,
        start: str = "HEAD",
        *,
        zone: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
    ) -> ObjectId:
        """Begin a branch at a revision. `Conflict` if there is one of this name."""
        target = self._context.resolve(start, zone)
        labels.create_branch(self._context, self._context.place(zone), name, target, who, dry_run)
        return target.id

    def delete_branch(
        self, name: str, *, zone: str | None = None, who: str | None = None, dry_run: bool = False
    ) -> None:
        """Delete a branch that HEAD isn't on and that isn't the zone's last. Its reflog stays."""
        labels.delete_branch(self._context, self._context.place(zone), name, who, dry_run)

    def create_tag(
        self,
        name: str,
        revision: str = "HEAD",
        *,
        zone: str | None = None,
        message: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
    ) -> ObjectId:
        """Name a commit for good; with a message the tag is an object of its own, whose id comes back."""
        target = self._context.resolve(revision, zone)
        place = self._context.place(zone)
        return labels.create_tag(self._context, place, name, target, message, who, dry_run)

    def delete_tag(
        self, name: str, *, zone: str | None = None, who: str | None = None, dry_run: bool = False
    ) -> None:
        labels.delete_tag(self._context, self._context.place(zone), name, who, dry_run)

    def reset(
        self,
        revision: str,
        *,
        zone: str | None = None,
        branch: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
    ) -> Committed:
        """Make a branch continue from a commit. Its serial still rises: see `labels.reset`."""
        place = self._context.place(zone, branch)
        return labels.reset(self._context, place, self._context.resolve(revision, zone), who, dry_run)

    # -- care -----------------------------------------------------------------------------------------------------

    def fsck(self, progress: Progress | None = None) -> FsckReport:
        """Verify every object, ref, index and view."""
        from zonegit.store.fsck import fsck

        return fsck(self._store, progress)

    def reindex(self, progress: Progress | None = None) -> None:
        """Make the ref index and the served views again from the refs."""
        from zonegit.store.reindex import reindex

        reindex(self._store, progress)
