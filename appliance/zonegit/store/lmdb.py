"""The store on disk: one LMDB environment per repository; readers in any process, one writer at a time.

Durable: a transaction that was committed survives power loss, one that was not leaves nothing. A child process
opens the repository for itself; nothing here is used across a fork.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Final

import lmdb

from zonegit.errors import AlreadyThere, StoreBusy, StoreError, ZonegitError
from zonegit.model.ids import Kind
from zonegit.store import keeping
from zonegit.store.environment import MAP_SIZE, Opened, acquire, is_unfinished, join, making, release, unfinished
from zonegit.store.facts import FactCache
from zonegit.store.lmdb_tables import LmdbTables, ViewDoor, panicked, translated
from zonegit.store.reader import StoreReader, check_format
from zonegit.store.writer_lock import ENDLESS, Patience
from zonegit.tree.source import NodeCache

if TYPE_CHECKING:
    from zonegit.store.writer import StoreWriter

_SHARE: Final = 256
"""So many-th part of a small disk is room enough (`has_room`)."""

_META_PAGES: Final = 2


@dataclass(frozen=True, slots=True)
class StoreStat:
    """Sizes for people and metrics."""

    map_used: int
    """Bytes of the file in use."""
    map_size: int
    """Bytes the file may grow to."""
    readers: int
    """Slots taken in the table of readers of all processes, free ones among them."""
    objects: Mapping[Kind, int]
    disk_free: int
    """Bytes that the file system has left for it."""


class LmdbStore:
    """A repository in a directory. Threads may share it; every process opens its own."""

    def __init__(self, path: Path, opened: Opened, *, readonly: bool, patience: Patience = ENDLESS) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.committed: Callable[[float], None] = lambda _seconds: None
        """Told after each commit of this store how long it took to become durable."""
        self._held: Opened | None = opened
        self._readonly = readonly
        self._patience = patience
        self._facts = FactCache()
        self.nodes = NodeCache()

    @classmethod
    def create(cls, path: Path, map_size: int = MAP_SIZE, patience: Patience = ENDLESS) -> LmdbStore:
        """Make a repository in a directory, which may exist. `AlreadyThere` if one is there already.

        What is left of a try that was interrupted is no repository.
        """
        from zonegit.store.writer import found_repository

        try:
            path.mkdir(mode=0o750, parents=True, exist_ok=True)
        except (OSError, ValueError) as error:  # a NUL byte is a ValueError
            raise StoreError(f"can't make the directory {path}: {getattr(error, 'strerror', error)}") from None
        with making(path):
            opened = acquire(path, map_size, readonly=False, create=True, patience=patience)
            store = cls(path, opened, readonly=False, patience=patience)
            try:
                with store.write() as writer:
                    if not found_repository(writer.draft, os.urandom(16)):
                        raise AlreadyThere(f"there is a repository at {path} already")
            except ZonegitError:
                store.close()
                raise
        return store

    @classmethod
    def open(
        cls, path: Path, readonly: bool = False, map_size: int = MAP_SIZE, patience: Patience = ENDLESS
    ) -> LmdbStore:
        """Open the repository in a directory. `StoreError` when there is none, or it can't be read.

        Opening for writing waits for a writer that is at work, as long as `patience` says (`StoreBusy`), and so
        does each `write`; reading never waits.
        """
        try:
            (path / "data.mdb").stat()
        except PermissionError:
            raise StoreError(f"no permission for {path}: use it as its owner or as one of its group") from None
        except (OSError, ValueError):
            raise StoreError(f"there is no repository at {path}: make one with `zonegit init`") from None
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
                self._check_overtaken(opened, shown)  # what was wrong with pages that were written to says nothing
                raise
            else:
                self._check_overtaken(opened, shown)
            finally:
                tables.txn.abort()

    def _check_overtaken(self, opened: Opened, shown: int) -> None:
        """Refuse what was read without the lock file, if a writer may have used pages of that version again.

        LMDB's writer N uses only pages that a transaction up to N - 2 set free. Those of version T are set free
        from T + 1 on, so T + 3 is the first that may write to them: it may be at work as soon as T + 2 is there.
        """
        if opened.unlocked and self._txn_id(opened) > shown + 1:
            raise StoreError(f"the repository at {self.path} was written to while you read it: try again")

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
        """Whether nobody keeps objects, and nobody begins to before it ends."""
        with self._joined() as opened, keeping.alone(opened.files.data) as found:
            yield found

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Be the only `gc`. `StoreBusy` beside another."""
        with self._joined() as opened, keeping.collecting(opened.files.data) as only:
            if not only:
                raise StoreBusy(f"another `zonegit gc` is at work in the repository at {self.path}: wait for it")
            yield

    def standing(self) -> StandingReader:
        """A reader for one long-lived worker; its slot in LMDB's table of readers is kept between renewals."""
        if self._opened.unlocked:
            raise StoreError(f"no permission for {self.path}/lock.mdb: a server has to write to it")
        return StandingReader(self)

    def has_room(self, bytes_: int) -> bool:
        try:
            disk = os.statvfs(self.path)
        except OSError:
            return True  # who writes will be told what is wrong
        return disk.f_bavail * disk.f_frsize >= min(bytes_, disk.f_blocks * disk.f_frsize // _SHARE)

    def txn_id(self) -> int:
        with self._joined() as opened:
            return self._txn_id(opened)

    def _txn_id(self, opened: Opened) -> int:
        txn = self._begin(opened, write=False)  # `info()` names a transaction some 0.1 ms before readers see it
        try:
            return txn.id()
        finally:
            txn.abort()

    def reader_check(self) -> int:
        """Free the slots of readers that died; how many there were. A dead reader keeps pages from reuse."""
        return self._opened.environment.reader_check()

    def copy(self, file: int) -> None:
        """Write the newest version to an open file, as a data file without free pages; writers go on meanwhile.

        OSError where the file can't be written.
        """
        with self._joined() as opened:
            try:
                opened.environment.copyfd(file, compact=True)
            except lmdb.Error as error:
                code = getattr(error, "code", 0)
                raise OSError(code, os.strerror(code)) if code > 0 else translated(error, str(self.path)) from None

    def least_size(self) -> int:
        """Bytes of the data file that `copy` would write now."""
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
        """Begin nothing more. A transaction that another thread is in the middle of is completed, then LMDB's files
        are closed; a thread that waits for its turn to write gives up with `StoreError`.
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
        """The environment, which stays open until a transaction is over, even if the store is closed meanwhile."""
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
        """A transaction, with the map of this process made as large as another one's if it has to be."""
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
    """Whether LMDB refuses everything from now on, in this process: it couldn't write which version counts."""
    try:
        opened.environment.begin().abort()
    except lmdb.PanicError:
        return True
    except lmdb.Error:
        pass
    return False


class StandingReader(StoreReader):
    """A reader that is renewed for each batch of work and reset when idle; its views follow their heads."""

    def __init__(self, store: LmdbStore) -> None:
        self._store = store
        self._standing = store._tables(store._opened, self._begin(), self._begin)
        self._standing.renewed = self._turn
        self._shown = self._standing.txn.id()
        self.views = ViewDoor(self._standing)
        super().__init__(self._standing, store._facts)

    def renew(self) -> None:
        """Look at the newest version."""
        self.reset()
        self._standing.txn = self._begin()
        self._turn()

    def _begin(self) -> lmdb.Transaction[bytes]:
        return self._store._begin(self._store._opened, write=False)

    def _turn(self) -> None:
        """Take up a transaction."""
        self.views.turn()
        found = self._standing.txn.id()
        if found != self._shown:
            self._shown = found
            self._standing.touch()

    @property
    def txn_id(self) -> int:
        """Id of the transaction that it shows.

        For a moment after a commit it may be less than `LmdbStore.txn_id`, which moves before readers get it.
        """
        return self._shown

    def reset(self) -> None:
        """Let go of the version, so that its pages can be used again. Nothing can be read until `renew`."""
        self._standing.txn.abort()
