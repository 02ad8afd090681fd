"""`Repository`: the API to a repository, which the command line uses and programs can embed.

    with Repository.open(Path(".zonegit")) as repository:
        repository.set("www", parse_type("A"), 300, [bytes([192, 0, 2, 1])])

Every change is one commit in one durable transaction. Names are in presentation form, relative to the zone; types
are numbers; RDATA is in uncompressed wire form; revisions are expressions (`HEAD~1`, `main@{yesterday}`).
`zone=None` is the zone that HEAD names, `branch=None` its branch, `who=None` the user at this host. With `dry_run`
a call checks everything and returns what it would do, but writes nothing. All errors come from `zonegit.errors`.

Methods import what only they need: each run of `zonegit` is a new process, and imports are most of its start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Unpack

from zonegit.errors import NotFound, UsageError
from zonegit.model import refs
from zonegit.model.names import parse_apex, to_text
from zonegit.model.rdata import SOA
from zonegit.repo.branch_verbs import BranchVerbs
from zonegit.repo.catalog.verbs import CatalogVerbs
from zonegit.repo.context import owner_of
from zonegit.repo.desired_verbs import DesiredVerbs
from zonegit.repo.dnssec.verbs import DnssecVerbs
from zonegit.repo.incoming.verbs import TransferVerbs
from zonegit.repo.joint_verbs import JointVerbs
from zonegit.repo.merge_verbs import MergeVerbs
from zonegit.repo.proposals.verbs import ProposalVerbs
from zonegit.repo.publishing.verbs import PublishVerbs
from zonegit.repo.reading import Progress
from zonegit.repo.results import Position
from zonegit.repo.signing_verbs import SigningVerbs
from zonegit.repo.undo_verbs import UndoVerbs
from zonegit.store.lmdb import LmdbStore
from zonegit.store.writer_lock import ENDLESS, Patience
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from zonegit.repo.content import Content
    from zonegit.repo.import_losses import Allow
    from zonegit.repo.records import Changes
    from zonegit.repo.results import Committed, Restored
    from zonegit.repo.writing import CommitOptions
    from zonegit.store.compact import Compacted
    from zonegit.store.fsck import FsckReport
    from zonegit.store.gc import GcReport
    from zonegit.zonefile.reader import ParsedZone


class Repository(
    BranchVerbs,
    CatalogVerbs,
    DesiredVerbs,
    DnssecVerbs,
    JointVerbs,
    MergeVerbs,
    ProposalVerbs,
    PublishVerbs,
    SigningVerbs,
    TransferVerbs,
    UndoVerbs,
):
    """An open repository. Any number of processes may have the same directory open at once."""

    @classmethod
    def init(cls, path: Path, *, now: Callable[[], float] = time.time, patience: Patience = ENDLESS) -> Repository:
        """Create an empty repository. `AlreadyThere` if there is one."""
        return cls(path, LmdbStore.create(path, patience=patience), now)

    @classmethod
    def open(cls, path: Path, *, readonly: bool = False, patience: Patience = ENDLESS) -> Repository:
        """Open an existing repository; `StoreError` if there is none.

        Opening for writing waits while another process writes, as does each change. `patience` limits the wait
        (`StoreBusy`).
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

    # -- HEAD -----------------------------------------------------------------------------------------------------

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
        sign: bool | None = False,
    ) -> Position:
        """Point the user's HEAD at a branch; `create` creates it first, at `start`."""
        place = Position(self._context.zone_to_choose_in(zone), branch)
        if create:
            self.create_branch(branch, start, zone=zone, who=who, dry_run=dry_run, sign=sign)
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
        sign: bool | None = False,
    ) -> Committed:
        """Create a zone with an SOA and these name servers (default: `localhost.`). `Conflict` if it exists."""
        from zonegit.repo import zones

        return zones.add_zone(self._context, zone, nameservers, mail, who, dry_run, sign)

    def remove_zone(
        self,
        zone: str,
        *,
        who: str | None = None,
        dry_run: bool = False,
        tombstone: bool = False,
        sign: bool | None = False,
    ) -> None:
        """Delete a zone's branches and tags. Its objects and reflogs stay, and `restore_zone` brings it back.

        With `tombstone`, each branch leaves a tombstone, which tells peers that it was removed (`repo.tombstones`).
        """
        from zonegit.repo import removal

        zone = self._context.place(zone).zone
        removal.remove_zone(self._context, zone, who, dry_run, tombstone=tombstone, sign=sign)

    def restore_zone(
        self, zone: str, *, who: str | None = None, dry_run: bool = False, sign: bool | None = False
    ) -> Restored:
        """Restore the zone of this name that was removed last, with each branch and tag at its old id.

        `Conflict` if there is a zone of this name, `NotFound` if none was removed.
        """
        from zonegit.repo import removal

        return removal.restore_zone(self._context, to_text(parse_apex(zone)), who, dry_run, sign)

    # -- records --------------------------------------------------------------------------------------------------

    def set(
        self, name: str, rtype: int, ttl: int | None, rdatas: Sequence[bytes], **options: Unpack[CommitOptions]
    ) -> Committed:
        """Replace an RRset, or create it. The serial of a given SOA is used if it is ahead of the zone's.

        With `ttl=None` the RRset keeps its TTL; `NotFound` if there is none yet.
        """
        from zonegit.repo import records

        def change(content: Content) -> Changes:
            return records.put(content, owner_of(name, content.apex), rtype, ttl, rdatas)

        serial = records.one_soa(rdatas) if rtype == SOA and rdatas else None
        return self._commit(change, f"set {name} {type_text(rtype)}", options, serial)

    def add(
        self, name: str, rtype: int, ttl: int | None, rdatas: Sequence[bytes], **options: Unpack[CommitOptions]
    ) -> Committed:
        """Add records to an RRset. `ttl` becomes the TTL of all its records; None keeps the present one."""
        from zonegit.repo import records

        def change(content: Content) -> Changes:
            return records.added(content, owner_of(name, content.apex), rtype, ttl, rdatas)

        return self._commit(change, f"add {name} {type_text(rtype)}", options)

    def delete(
        self, name: str, rtype: int | None = None, rdatas: Sequence[bytes] = (), **options: Unpack[CommitOptions]
    ) -> Committed:
        """Delete all RRsets at a name, one RRset, or some of its records. `NotFound` if they don't exist."""
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
        keep_signatures: bool = False,
        server: str | None = None,
        progress: Progress | None = None,
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Replace a zone's content by that of a zone file, in one commit. The first import creates the zone.

        `InvalidObject` for entries that aren't in canonical form, which `read_zone` never gives.

        The new serial is the file's if that is ahead, else the branch's next one (with `keep_serial`: `Refused`).

        If the file's serial is that of an older version of the branch, the file's changes to that version are
        merged into the branch (`MergeConflict` if they contradict newer commits). Not with `replace=True` or
        `merge=False`, nor if a version of another branch has that serial.

        Any other file that would undo commits made by hand since the last import is `Refused` unless `replace` is
        true; if `replace` is a function, it decides. `progress` is called with thousandths of the work.

        A signed file of a zone that zonegit signs is `Refused`, unless `signatures="unsign"` drops its DNSSEC
        records or `keep_signatures` is true.

        `server`: the address of the server that the zone was transferred from, instead of read from a file. It is
        the commit's author, unless `who` is given; what it serves although zone files mustn't have it, such as a
        CNAME beside other data, causes warnings instead of errors; and nothing is merged.
        """
        from zonegit.dnssec.denial import check_denial
        from zonegit.dnssec.times import ending
        from zonegit.repo.importing import check_signer, commit_records, import_check, transferred
        from zonegit.repo.writing import intent_of
        from zonegit.zonefile.canonical_entries import CanonicalEntries

        if not source or not source.isprintable():
            raise UsageError(f"the source's name {source[:80]!r} must be printable: the commit records it")
        entries = CanonicalEntries.checked(parsed.entries)
        intent = intent_of(options, f"Import {source}", parsed.serial, source, keep_serial=keep_serial)
        if server is not None:
            intent = transferred(self._context, intent, server)
        if intent.signatures != "unsign" and not keep_signatures:
            check_signer(self._context, parsed.apex, entries, intent.what)
        check = import_check(entries, replace, intent.what)
        branch = options.get("branch")
        warnings = list(parsed.warnings)
        if intent.signatures != "unsign":
            warnings += ending(entries, int(self._context.now()))
            warnings += check_denial(parsed.apex, entries)

        def report(done: float) -> None:
            if progress:
                progress(round(done * 1000), 1000)

        merging = merge and replace is not True and server is None
        return commit_records(
            self._context, parsed.apex, branch, entries, intent, warnings, check, report, merge=merging
        )

    # -- maintenance ----------------------------------------------------------------------------------------------

    def fsck(self, progress: Progress | None = None) -> FsckReport:
        """Verify every object, ref, index and view."""
        from zonegit.store.fsck import fsck

        return fsck(self._store, progress)

    def reindex(self, progress: Progress | None = None) -> None:
        """Rebuild the ref index and the served views from the refs."""
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
        """Delete objects that are reachable neither from a ref nor from a reflog entry of the last `grace` seconds.

        Older reflog entries are deleted too, except the newest of each ref, and outdated proposals and reviews
        (`repo.proposals.outdated`). Others may read and write meanwhile.
        `StoreBusy` if a pull or an import takes longer than `patience` seconds (None: wait forever), or if another
        `gc` is running.
        """
        from zonegit.repo.gc import collect
        from zonegit.repo.proposals.outdated import delete_outdated

        now = self._context.now()
        outdated = delete_outdated(self._context, now - grace, dry_run=dry_run)
        report = collect(self._store, grace, now, dry_run=dry_run, patience=patience, progress=progress)
        return report._replace(refs=outdated)

    @classmethod
    def compact(cls, path: Path, *, dry_run: bool = False, progress: Progress | None = None) -> Compacted:
        """Return free pages of the data file at `path` to the disk. `StoreBusy` while anything has it open."""
        from zonegit.store.compact import compact

        return compact(path, dry_run=dry_run, progress=progress)
