"""`Repository`: zones as histories, from the shell's or a program's point of view.

    with Repository.open(Path(".zonegit")) as repository:
        repository.set("www", parse_type("A"), 300, [bytes([192, 0, 2, 1])])

Every change is one commit in one durable transaction. Names are presentation form, relative to the zone; types are
numbers; RDATA is uncompressed wire form; revisions are expressions (`HEAD~1`, `main@{yesterday}`). `zone=None` is
the zone that HEAD names, `branch=None` the branch of it, `who=None` the user at this host. With `dry_run` a call
checks and tells all that it would do, and writes nothing. All errors come from `zonegit.errors`.
What only some calls need is imported by those: `zonegit` starts anew for each command.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Unpack

from zonegit.errors import NotFound, UsageError
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.names import parse_apex, to_text
from zonegit.model.rdata import SOA
from zonegit.repo.context import owner_of
from zonegit.repo.desired_verbs import DesiredVerbs
from zonegit.repo.joint_verbs import JointVerbs
from zonegit.repo.merge_verbs import MergeVerbs
from zonegit.repo.reading import Progress
from zonegit.repo.results import Position
from zonegit.repo.undo_verbs import UndoVerbs
from zonegit.store.lmdb import LmdbStore
from zonegit.store.writer_lock import ENDLESS, Patience
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from zonegit.repo.content import Content
    from zonegit.repo.records import Changes
    from zonegit.repo.results import Committed, Restored
    from zonegit.repo.signed import Signatures
    from zonegit.repo.undoing import Allow
    from zonegit.repo.writing import CommitOptions
    from zonegit.store.compact import Compacted
    from zonegit.store.fsck import FsckReport
    from zonegit.store.gc import GcReport
    from zonegit.zonefile.reader import ParsedZone


class Repository(DesiredVerbs, JointVerbs, MergeVerbs, UndoVerbs):
    """An open repository. Any number of them, in any processes, may work on one directory at once."""

    @classmethod
    def init(cls, path: Path, *, now: Callable[[], float] = time.time, patience: Patience = ENDLESS) -> Repository:
        """Make an empty repository. `AlreadyThere` if there is one."""
        return cls(path, LmdbStore.create(path, patience=patience), now)

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False, patience: Patience = ENDLESS) -> Repository:
        """Open an existing repository; `StoreError` if there is none.

        To write, it waits for a writer at work, as each change does: `patience` says how long (`StoreBusy`).
        """
        return cls(path, LmdbStore.open(path, readonly=readonly, patience=patience))

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Repository:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.close()

    # -- where we are ---------------------------------------------------------------------------------------------

    def switch_zone(self, zone: str) -> Position:
        """Point the user's HEAD at a zone's default branch."""
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
        """Point the user's HEAD at a branch, which is made first with `create`."""
        place = Position(self._context.zone_to_choose_in(zone), branch)
        if create:
            self.create_branch(branch, start, zone=zone, who=who, dry_run=dry_run)
        elif self._context.ref(refs.head(place.zone, branch)) is None:
            raise NotFound(f"{place.zone} has no branch {branch}; 'checkout -b {branch}' makes one")
        if not dry_run:
            self._set_head(place)
        return place

    def _set_head(self, place: Position) -> None:
        with self._store.write() as writer:
            writer.set_setting(self._context.seat, refs.head(place.zone, place.branch).encode())

    # -- zones ----------------------------------------------------------------------------------------------------

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
        from zonegit.repo import zones

        return zones.add_zone(self._context, zone, nameservers, mail, who, dry_run)

    def remove_zone(self, zone: str, *, who: str | None = None, dry_run: bool = False) -> None:
        """Delete a zone's branches and tags. Its objects and reflogs stay, and `restore_zone` brings it back."""
        from zonegit.repo import removal

        removal.remove_zone(self._context, self._context.place(zone).zone, who, dry_run)

    def restore_zone(self, zone: str, *, who: str | None = None, dry_run: bool = False) -> Restored:
        """Bring the zone that was removed last under this name back, each branch and tag at its old id.

        `Conflict` if there is a zone of this name, `NotFound` if none was removed.
        """
        from zonegit.repo import removal

        return removal.restore_zone(self._context, to_text(parse_apex(zone)), who, dry_run)

    # -- records --------------------------------------------------------------------------------------------------

    def set(
        self, name: str, rtype: int, ttl: int | None, rdatas: Sequence[bytes], **options: Unpack[CommitOptions]
    ) -> Committed:
        """Put this RRset in the place of what stands there. An SOA's serial is taken if it is ahead.

        Without a TTL it gets that of what stands there; `NotFound` where nothing does.
        """
        from zonegit.repo import records

        def change(content: Content) -> Changes:
            return records.put(content, owner_of(name, content.apex), rtype, ttl, rdatas)

        serial = records.one_soa(rdatas) if rtype == SOA and rdatas else None
        return self._commit(change, f"set {name} {type_text(rtype)}", options, serial)

    def add(
        self, name: str, rtype: int, ttl: int | None, rdatas: Sequence[bytes], **options: Unpack[CommitOptions]
    ) -> Committed:
        """Add records to an RRset, whose TTL becomes `ttl` as a whole (None: stays as it is)."""
        from zonegit.repo import records

        def change(content: Content) -> Changes:
            return records.added(content, owner_of(name, content.apex), rtype, ttl, rdatas)

        return self._commit(change, f"add {name} {type_text(rtype)}", options)

    def delete(
        self, name: str, rtype: int | None = None, rdatas: Sequence[bytes] = (), **options: Unpack[CommitOptions]
    ) -> Committed:
        """Delete all RRsets at a name, one of them, or some of its records. `NotFound` if they aren't there."""
        from zonegit.repo import records

        def change(content: Content) -> Changes:
            return records.deleted(content, owner_of(name, content.apex), rtype, rdatas)

        return self._commit(change, f"delete {name} {type_text(rtype)}" if rtype else f"delete {name}", options)

    def _commit(
        self, change: Callable[[Content], Changes], message: str, options: CommitOptions, serial: int | None = None
    ) -> Committed:
        from zonegit.repo.writing import commit_changes, intent_of

        place = self._context.target(options.get("zone"), options.get("branch"))
        return commit_changes(self._context, place, change, intent_of(options, message, serial))

    def import_zone(
        self,
        parsed: ParsedZone,
        *,
        source: str,
        replace: bool | Allow = False,
        merge: bool = True,
        keep_serial: bool = False,
        progress: Progress | None = None,
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Make a zone's content that of a zone file, as one commit; the first one begins the zone.

        The file's serial is taken if it is ahead, else the next one (`keep_serial`: `Refused`). A file whose serial
        names an older version of the branch changes what it changes against that version, and nothing else
        (`MergeConflict` where the branch contradicts it); not so with `replace=True` or `merge=False`, nor where a
        version of another branch has that serial. Any other file that would undo commits made by hand since the
        last import is `Refused` without `replace`; a `replace` that is called is asked. `progress` is told of parts
        in a thousand.
        """
        from zonegit.dnssec.denial import check_denial
        from zonegit.dnssec.times import ending
        from zonegit.repo.importing import commit_records, import_check
        from zonegit.repo.writing import intent_of

        if not source or not source.isprintable():
            raise UsageError(f"the source's name {source[:80]!r} must be printable: it stands in the commit")
        intent = intent_of(options, f"Import {source}", parsed.serial, source, keep_serial=keep_serial)
        check = import_check(parsed.entries, replace)
        branch = options.get("branch")
        warnings = list(parsed.warnings)
        if intent.signatures != "unsign":
            warnings += ending(parsed.entries, int(self._context.now()))
            warnings += check_denial(parsed.apex, parsed.entries)

        def told(done: float) -> None:
            if progress:
                progress(round(done * 1000), 1000)

        merging = merge and replace is not True
        return commit_records(
            self._context, parsed.apex, branch, parsed.entries, intent, warnings, check, told, merge=merging
        )

    # -- branches and tags ----------------------------------------------------------------------------------------

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
        from zonegit.repo import labels

        place = self._context.target(zone)
        target = self._context.resolve(start, zone)
        labels.create_branch(self._context, place, name, target, who, dry_run)
        return target.id

    def delete_branch(
        self,
        name: str,
        *,
        zone: str | None = None,
        force: bool = False,
        who: str | None = None,
        dry_run: bool = False,
    ) -> ObjectId:
        """Delete a branch that HEAD isn't on and that isn't the zone's last; returns its tip. Its reflog stays.

        `Refused` without `force` where it has commits that HEAD's branch lacks.
        """
        from zonegit.repo import labels

        return labels.delete_branch(self._context, self._context.target(zone), name, who, dry_run, force)

    def rename_branch(
        self,
        new: str,
        old: str | None = None,
        *,
        zone: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
    ) -> Position:
        """Give a branch (default: HEAD's) another name, which every HEAD that names it follows; where it is then.

        `Conflict` if there is one of the new name. The old name's reflog stays.
        """
        from zonegit.repo.rename_branch import rename_branch

        place = self._context.target(zone, old)
        rename_branch(self._context, place, new, who, dry_run)
        return Position(place.zone, new)

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
        """Name a commit for good; with a message the tag is an object of its own, whose id comes back.

        Where `revision` names a tag object that was made under this name, the tag is that object again.
        """
        from zonegit.repo import labels

        place = self._context.target(zone)
        return labels.create_tag(self._context, place, name, revision, message, who, dry_run)

    def delete_tag(
        self, name: str, *, zone: str | None = None, who: str | None = None, dry_run: bool = False
    ) -> ObjectId:
        """Delete a tag; returns what it pointed to, a commit or a tag object."""
        from zonegit.repo import labels

        return labels.delete_tag(self._context, self._context.target(zone), name, who, dry_run)

    def reset(
        self,
        revision: str,
        *,
        zone: str | None = None,
        branch: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
        signatures: Signatures = "keep",
    ) -> Committed:
        """Make a branch continue from a commit. Its serial still rises: see `repo.reset`."""
        from zonegit.repo import reset

        place = self._context.target(zone, branch)
        with self._store.keeping():
            target = self._context.resolve(revision, zone)
            return reset.reset(self._context, place, target, who, dry_run, signatures)

    # -- care -----------------------------------------------------------------------------------------------------

    def fsck(self, progress: Progress | None = None) -> FsckReport:
        """Verify every object, ref, index and view."""
        from zonegit.store.fsck import fsck

        return fsck(self._store, progress)

    def reindex(self, progress: Progress | None = None) -> None:
        """Make the ref index and the served views again from the refs."""
        from zonegit.store.reindex import reindex

        reindex(self._store, progress)

    def gc(
        self,
        *,
        grace: float = 90 * 86_400,
        dry_run: bool = False,
        patience: float | None = None,
        progress: Progress | None = None,
    ) -> GcReport:
        """Delete objects that no ref reaches, nor the reflog's entries of the last `grace` seconds.

        Older entries go, but for the newest of each ref. Others may read and write meanwhile. `StoreBusy` where a
        pull or an import lasts longer than `patience` seconds (None: without end), or beside another `gc`.
        """
        from zonegit.repo.collecting import collect

        now = self._context.now()
        return collect(self._store, grace, now, dry_run=dry_run, patience=patience, progress=progress)

    @classmethod
    def compact(cls, path: Path, *, dry_run: bool = False, progress: Progress | None = None) -> Compacted:
        """Give free pages of the data file at `path` back to the disk. `StoreBusy` while anything has it open."""
        from zonegit.store.compact import compact

        return compact(path, dry_run=dry_run, progress=progress)
