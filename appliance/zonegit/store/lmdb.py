"""The store on disk: one LMDB environment per repository; readers in any process, one writer at a time.

A committed transaction survives a power loss, and one that wasn't committed leaves no trace. A child process opens
the repository for itself; nothing here is used across a fork.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final, NamedTuple

import lmdb

from zonegit.errors import AlreadyThere, StoreBusy, StoreError, ZonegitError
from zonegit.model.ids import Kind
from zonegit.store import keeping
from zonegit.store.environment import MAP_SIZE, Opened, acquire, is_unfinished, join, making, release, unfinished
from zonegit.store.facts import FactCache
from zonegit.store.lmdb_tables import LmdbTables, LmdbViewTable, panicked, translated
from zonegit.store.reader import StoreReader, check_format
from zonegit.store.writer_lock import ENDLESS, Patience
from zonegit.tree.source import NodeCache

if TYPE_CHECKING:
    from zonegit.store.commit_watch import CommitWatch
    from zonegit.store.writer import StoreWriter

_SHARE: Final = 256
"""On a small disk it is enough if a 256th is free (`has_room`)."""

_META_PAGES: Final = 2


class StoreStat(NamedTuple):
    """Sizes for people and metrics."""

    map_used: int
    """The bytes of the file in use."""
    map_size: int
    """The bytes that the file may grow to."""
    readers: int
    """The slots in the table of readers of all processes that are or have been in use."""
    objects: Mapping[Kind, int]
    disk_free: int
    """The free bytes of the file system."""


class LmdbStore:
    """A repository in a directory. Threads may share it; every process opens its own."""

    def __init__(self, path: Path, opened: Opened, *, readonly: bool, patience: Patience = ENDLESS) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.committed: Callable[[float], None] = lambda _seconds: None
        """Called after each commit of this store with the seconds that it took to become durable."""
        self._held: Opened | None = opened
        self._readonly = readonly
        self._patience = patience
        self._facts = FactCache()
        self.nodes = NodeCache()

    def limit_caches(self, nodes: int, facts: int) -> None:
        """Keep at most so many decoded nodes, and facts about objects: by default they may take 40 MB together."""
        self.nodes, self._facts = NodeCache(nodes), FactCache(facts)

    @classmethod
    def create(cls, path: Path, map_size: int = MAP_SIZE, patience: Patience = ENDLESS) -> LmdbStore:
        """Create a repository in a directory, which may exist. `AlreadyThere` if it contains one.

        The rest of an interrupted attempt doesn't count as one.
        """
        from zonegit.store.writer import create_repository

        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
        except (OSError, ValueError) as error:  # a NUL byte is a ValueError
            raise StoreError(f"can't make the directory {path}: {getattr(error, 'strerror', error)}") from None
        with making(path):
            opened = acquire(path, map_size, readonly=False, create=True, patience=patience)
            store = cls(path, opened, readonly=False, patience=patience)
            try:
                with store.write() as writer:
                    if not create_repository(writer.draft, os.urandom(16)):
                        raise AlreadyThere(f"there is a repository at {path} already")
            except ZonegitError:
                store.close()
                raise
        return store

    @classmethod
    def open(
        cls, path: Path, readonly: bool = False, map_size: int = MAP_SIZE, patience: Patience = ENDLESS
    ) -> LmdbStore:
        """Open the repository in a directory. `StoreError` if there is none, or it can't be read.

        Opening for writing, and each `write`, waits for a present writer, as long as `patience` says (`StoreBusy`).
        Reading never waits.
        """
        try:
            (path / "data.mdb").stat()
        except PermissionError:
            raise StoreError(f"no permission for {path}: use it as its owner or a member of its group") from None
        except (OSError, ValueError):
            raise StoreError(f"there is no repository at {path}: create one with `zonegit init`") from None
        if is_unfinished(path):
            raise unfinished(path)
        opened = acquire(path, map_size, readonly=readonly, patience=patience)
        store = cls(path, opened, readonly=readonly, patience=patience)
        try:
            with store.read() as reader:
                check_format(reader.tables)
        except ZonegitError:
            store.close()
            raise
        return store

    def begin_writing(self, patience: Patience = ENDLESS) -> None:
        """Make a store writable that was opened for reading only.

        `StoreBusy` after waiting for a writer, or if another thread is reading; nothing changes then.
        """
        if not self._readonly:
            return
        release(self._opened)
        self._held = None
        try:
            self._held = acquire(self.path, MAP_SIZE, readonly=False, patience=patience)
            self._readonly = False
        except StoreError as error:
            raise StoreBusy(f"the repository can't be written to yet: {error}") from None
        finally:
            if self._held is None:
                self._held = acquire(self.path, MAP_SIZE, readonly=True)

    @contextmanager
    def read(self) -> Iterator[StoreReader]:
        with self._joined() as opened:
            txn = self._begin(opened, write=False)
            shown = txn.id()

            def again() -> lmdb.Transaction[bytes] | None:
                """The same version once more, if it is still the newest."""
                another = self._begin(opened, write=False)
                if another.id() == shown:
                    return another
                another.abort()
                return None

            tables = self._tables(opened, txn, again)
            try:
                yield StoreReader(tables, self._facts)
            except ZonegitError:
                self._check_overtaken(opened, shown)  # the error means nothing if a writer has reused the pages
                raise
            else:
                self._check_overtaken(opened, shown)
            finally:
                tables.txn.abort()

    def _check_overtaken(self, opened: Opened, shown: int) -> None:
        """`StoreError` if pages that were read without the lock file may have been reused by a writer.

        LMDB's writer N reuses only pages that were freed by a transaction up to N - 2. Pages of version T are freed
        by T + 1 at the earliest, so T + 3 is the first that may overwrite them, and it may run as soon as T + 2 is
        committed.
        """
        if opened.unlocked and self._txn_id(opened) > shown + 1:
            raise StoreError(
                f"the repository at {self.path} was written to while it was read without the lock file: try again"
            )

    @contextmanager
    def write(self) -> Iterator[StoreWriter]:
        from zonegit.store.writer import StoreWriter

        if self._readonly:
            raise StoreError(f"the repository at {self.path} was opened for reading only")
        with self._joined() as opened, opened.lock.held(self._patience, self._check_open):
            txn = self._begin(opened, write=True)
            try:
                writer = StoreWriter(self._tables(opened, txn), self._facts, self.nodes)
                yield writer
                writer.finish()
                began = perf_counter()
                txn.commit()
                opened.files.announce()
                self.committed(perf_counter() - began)
            except lmdb.Error as error:
                if _is_panicked(opened):
                    raise panicked(str(self.path), os.strerror(getattr(error, "code", 0) or errno.EIO)) from None
                raise translated(error, str(self.path)) from None
            finally:
                txn.abort()

    @contextmanager
    def keeping(self) -> Iterator[None]:
        with self._joined() as opened, keeping.keeping(opened.files.data):
            yield

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Yields whether nobody keeps objects; then nobody can begin to before this ends."""
        with self._joined() as opened, keeping.alone(opened.files.data) as found:
            yield found

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Be the only `gc`. `StoreBusy` if another one runs."""
        with self._joined() as opened, keeping.collecting(opened.files.data) as only:
            if not only:
                raise StoreBusy(f"another `zonegit gc` is running in the repository at {self.path}: wait for it")
            yield

    def renewable_reader(self) -> RenewableReader:
        """A reader for one long-lived worker, which keeps its slot in LMDB's table of readers between renewals."""
        if self._opened.unlocked:
            raise StoreError(f"no permission for {self.path}/lock.mdb: a server needs to write to it")
        return RenewableReader(self)

    def has_room(self, bytes_: int) -> bool:
        try:
            disk = os.statvfs(self.path)
        except OSError:
            return True  # the write itself will report the error
        return disk.f_bavail * disk.f_frsize >= min(bytes_, disk.f_blocks * disk.f_frsize // _SHARE)

    def txn_id(self) -> int:
        with self._joined() as opened:
            return self._txn_id(opened)

    def watch(self) -> CommitWatch:
        """Waits for commits of any process; close it after use."""
        from zonegit.store.commit_watch import CommitWatch

        return CommitWatch(self._opened.files.data)

    def _txn_id(self, opened: Opened) -> int:
        txn = self._begin(opened, write=False)  # `info()` names a transaction some 0.1 ms before readers see it
        try:
            return txn.id()
        finally:
            txn.abort()

    def reader_check(self) -> int:
        """Free the slots of dead readers, which keep pages from being reused; returns how many there were."""
        return self._opened.environment.reader_check()

    def copy(self, file: int) -> None:
        """Write the newest version to an open file, as a data file without free pages; writers aren't blocked.

        OSError if the file can't be written.
        """
        with self._joined() as opened:
            try:
                opened.environment.copyfd(file, compact=True)
            except lmdb.Error as error:
                code = getattr(error, "code", 0)
                raise OSError(code, os.strerror(code)) if code > 0 else translated(error, str(self.path)) from None

    def least_size(self) -> int:
        """The size in bytes of the data file that `copy` would write now."""
        with self._joined() as opened:
            environment = opened.environment
            txn = self._begin(opened, write=False)
            try:
                parts = [environment.stat(), *(txn.stat(database) for database in opened.databases)]
            finally:
                txn.abort()
        pages = sum(part["branch_pages"] + part["leaf_pages"] + part["overflow_pages"] for part in parts)
        return (_META_PAGES + pages) * parts[0]["psize"]

    def stat(self) -> StoreStat:
        info = self._opened.environment.info()
        page = self._opened.environment.stat()["psize"]
        with self.read() as reader:
            objects = reader.object_counts()
        disk = os.statvfs(self.path)
        free = disk.f_bavail * disk.f_frsize
        return StoreStat((info["last_pgno"] + 1) * page, info["map_size"], info["num_readers"], objects, free)

    def close(self) -> None:
        """Close the store. A transaction of another thread is completed first; a thread that waits to write gets
        `StoreError`.
        """
        if self._held:
            release(self._held)
        self._held = None

    @property
    def _opened(self) -> Opened:
        if self._held is None:
            raise self._closed()
        return self._held

    def _check_open(self) -> None:
        if self._held is None:
            raise self._closed()

    def _closed(self) -> StoreError:
        return StoreError(f"the repository at {self.path} is closed")

    @contextmanager
    def _joined(self) -> Iterator[Opened]:
        """The environment, which stays open during a transaction even if the store is closed meanwhile."""
        opened = self._held
        if opened is None or not join(opened):
            raise self._closed()
        try:
            yield opened
        finally:
            release(opened)

    def _tables(
        self,
        opened: Opened,
        txn: lmdb.Transaction[bytes],
        begin: Callable[[], lmdb.Transaction[bytes] | None] = lambda: None,
    ) -> LmdbTables:
        return LmdbTables(txn, opened.databases, str(self.path), begin)

    def _begin(self, opened: Opened, *, write: bool) -> lmdb.Transaction[bytes]:
        """Begin a transaction. If another process has enlarged the map, enlarge it here too."""
        environment = opened.environment
        while True:
            try:
                try:
                    return environment.begin(write=write)
                except lmdb.MapResizedError:
                    environment.set_mapsize(0)
            except lmdb.Error as error:
                raise translated(error, str(self.path)) from None


def _is_panicked(opened: Opened) -> bool:
    """Whether LMDB refuses everything from now on in this process, because writing a meta page has failed."""
    try:
        opened.environment.begin().abort()
    except lmdb.PanicError:
        return True
    except lmdb.Error:
        pass
    return False


class RenewableReader(StoreReader):
    """A reader that is renewed for each batch of work and reset when idle. Its views follow their heads."""

    def __init__(self, store: LmdbStore) -> None:
        self._store = store
        self._lmdb_tables = store._tables(store._opened, self._begin(), self._begin)
        self._lmdb_tables.renewed = self._turn
        self._shown = self._lmdb_tables.txn.id()
        self.views = LmdbViewTable(self._lmdb_tables)
        super().__init__(self._lmdb_tables, store._facts)

    def renew(self) -> None:
        """Read the newest version from now on."""
        self.reset()
        self._lmdb_tables.txn = self._begin()
        self._turn()

    def _begin(self) -> lmdb.Transaction[bytes]:
        return self._store._begin(self._store._opened, write=False)

    def _turn(self) -> None:
        """Adjust to a new transaction."""
        self.views.turn()
        found = self._lmdb_tables.txn.id()
        if found != self._shown:
            self._shown = found
            self._lmdb_tables.touch()

    @property
    def txn_id(self) -> int:
        """The id of the transaction whose version is read.

        Just after a commit it may be less than `LmdbStore.txn_id`, which changes before readers see the new
        version.
        """
        return self._shown

    def reset(self) -> None:
        """Release the version, so that its pages can be reused. Nothing can be read until `renew`."""
        self._lmdb_tables.txn.abort()
