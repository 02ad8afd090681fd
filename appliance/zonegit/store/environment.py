"""The LMDB environments of this process: opened with the settings that the store relies on, shared, and closed.

LMDB forbids opening a file twice in one process (its locks belong to process and file), so opening the same
repository again returns the same environment, and its last user closes it. A transaction is a user too, since a
store may be closed while another thread is in the middle of one. Closing LMDB then would free the pages that this
thread reads, and leave the writers' mutex locked forever, because only the thread that locked it can unlock it. The
engine is that of LMDB 0.9, whatever the default of the installed py-lmdb: its two engines can't read each other's
files.

Readers record in the lock file which version they read, so that no writer reuses its pages. A user who may read the
repository but not write to that file reads without it (`Opened.unlocked`), and checks afterwards whether a writer
may have reused them.
"""

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import lmdb

from zonegit.errors import CorruptStore, StoreError, StoreUnfinished, ZonegitError
from zonegit.store.files import DATA, LOCKS, MODE, Files, open_file, open_files, opened_directory
from zonegit.store.lmdb_tables import NAMES, translated
from zonegit.store.writer_lock import ENDLESS, Patience, WriterLock

MAP_SIZE: Final = 1 << 40
"""Bytes of address space: enough that the map never has to grow. Only what is used takes space on the disk."""
_MAX_READERS: Final = 1022
_SLOT: Final = 64
"""Bytes of a reader's slot in the table of readers; the table's header takes about two slots."""
_MISSING: Final = 64 << 20
"""The most bytes that are filled up with zeros, or as many as the file has, if that is more. If more is missing,
the count in the meta page may be what was damaged."""
_EMPTY: Final = 2 * mmap.PAGESIZE
"""Bytes of LMDB's two meta pages; a file with any table in it is longer."""
_HEAD: Final = struct.pack("=QHHII", 0, 0, 8, 0, 0xBEEFC0DE)
"""How every data file begins: page 0, a meta page, and LMDB's magic number in this machine's byte order."""
_LAST: Final = slice(144, 152)
"""The bytes of a meta page with the number of the last transaction."""

_FileKey = tuple[int, int]


class Opened:
    """An environment with its databases, and how many stores and transactions in this process use it."""

    __slots__ = ("counting", "databases", "environment", "files", "lock", "readonly", "users")

    def __init__(
        self,
        environment: lmdb.Environment,
        databases: "list[lmdb._Database]",
        lock: WriterLock,
        files: Files,
        *,
        readonly: bool,
    ) -> None:
        self.environment = environment
        self.databases = databases
        self.lock = lock
        self.files = files
        self.readonly = readonly
        self.users = 1
        self.counting = threading.RLock()
        """Guards `users`; `_lock` can't: it is held while an environment is opened, which may wait for a writer."""

    @property
    def unlocked(self) -> bool:
        """Whether a writer may reuse pages of a version while it is being read."""
        return self.files.unlocked

    def close(self) -> None:
        _close_all(self.environment, self.lock, self.files)


_lock = threading.RLock()  # reentrant: the garbage collector may close an abandoned reader at any point
_opened: dict[_FileKey, Opened] = {}


def acquire(
    path: Path, map_size: int, *, readonly: bool, create: bool = False, patience: Patience = ENDLESS
) -> Opened:
    """The environment in a directory. Opening for writing waits for a present writer. `StoreError`."""
    with _lock:
        found = _opened.get(_key(path))
        if found is None:
            found = _open(path, map_size, patience, readonly=readonly, create=create)
            _opened[_key(path)] = found
        elif found.readonly and not readonly:
            raise StoreError(f"the repository at {path} is open for reading only in this process: close that first")
        else:
            with found.counting:
                found.users += 1
        return found


def is_open(path: Path) -> bool:
    """Whether this process has the repository in a directory open."""
    with _lock:
        return _key(path) in _opened


def join(opened: Opened) -> bool:
    """Become one more user of an environment, until `release`. False if it is closed, or about to be."""
    with opened.counting:
        if not opened.users:
            return False
        opened.users += 1
        return True


def release(opened: Opened) -> None:
    """Give an environment back that was acquired or joined."""
    with opened.counting:
        opened.users -= 1
        unused = not opened.users
    if unused:
        _close(opened)


def _close(opened: Opened) -> None:
    """Close an unused environment, unless it was acquired again or closed meanwhile."""
    with _lock:
        keys = [key for key, other in _opened.items() if other is opened]
        if keys and not opened.users:
            opened.close()
            for key in keys:
                del _opened[key]


def _key(path: Path) -> _FileKey:
    try:
        status = (path / DATA).stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _open(path: Path, map_size: int, patience: Patience, *, readonly: bool, create: bool) -> Opened:
    files = open_files(path, readonly=readonly, create=create, slots=_SLOT * (_MAX_READERS + 2))
    lock = WriterLock(path, files.data)
    environment: lmdb.Environment | None = None
    try:
        with files.linked() as directory:
            environment = lmdb.Environment(
                os.fsencode(directory),
                map_size=map_size,
                readonly=readonly,
                create=create,
                mode=MODE,
                sync=True,
                metasync=True,
                writemap=False,
                max_dbs=len(NAMES),
                max_readers=_MAX_READERS,
                max_spare_txns=1,
                lib_version=0,
                lock=files.locks is not None,
            )
        if not files.are_current:
            raise StoreError(f"the repository at {path} was replaced while it was opened: try again")
        _fill_up(files, environment)
        environment.reader_check()
        databases = _databases(environment, lock, patience, readonly=readonly, create=create)
    except BaseException as error:
        _close_all(environment, lock, files)
        if isinstance(error, lmdb.NotFoundError):
            raise unfinished(path) from None
        if isinstance(error, lmdb.Error):
            raise translated(error, str(path)) from None
        raise
    return Opened(environment, databases, lock, files, readonly=readonly)


def _close_all(environment: lmdb.Environment | None, lock: WriterLock, files: Files) -> None:
    """Close LMDB first: closing any descriptor of the lock file drops the locks that LMDB holds on it."""
    if environment is not None:
        environment.close()
    lock.close()
    files.close_locks()


def unfinished(path: Path) -> StoreUnfinished:
    return StoreUnfinished(f"the creation of the repository at {path} was interrupted: run `zonegit init` again")


def is_unfinished(path: Path) -> bool:
    """Whether a data file is the rest of an interrupted creation: no transaction was completed in it."""
    try:
        with opened_directory(path) as directory:
            file = open_file(directory, path, DATA, os.O_RDONLY)
    except OSError:  # opening the repository reports this
        return False
    try:
        if os.fstat(file).st_size > _EMPTY:
            return False
        data = os.pread(file, _EMPTY, 0)
    finally:
        os.close(file)
    transactions = data[_LAST] + data[mmap.PAGESIZE :][_LAST]
    begun = not data.strip(b"\0") or data[: len(_HEAD)] == _HEAD[: len(data)]
    return begun and not transactions.strip(b"\0")


@contextmanager
def making(path: Path) -> Iterator[None]:
    """Be the only process that creates a repository in a directory; removes the files of an interrupted attempt.

    An attempt that fails leaves no file behind.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if is_unfinished(path) and (path / DATA).stat().st_size:
            _remove_files(path)
        yield
    except ZonegitError:
        with suppress(OSError):  # the original error says more
            if is_unfinished(path) or not (path / DATA).exists():
                _remove_files(path)
        raise
    finally:
        os.close(directory)


def _remove_files(path: Path) -> None:
    for name in (DATA, LOCKS):
        (path / name).unlink(missing_ok=True)


def _fill_up(files: Files, environment: lmdb.Environment) -> None:
    """Append zeros if the file is shorter than LMDB expects: a process that reads beyond its end is killed.

    An undamaged file may be shorter, if its last pages are free and were never written. In a truncated file, LMDB
    finds zeros instead of a page, or an object doesn't match its hash, and that is reported. If too much is
    missing, the count of pages itself may be damaged, and the disk isn't filled because of that: `CorruptStore`.
    """
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    size = os.fstat(
        files.data
    ).st_size  # read after the count, since a writer extends the file before it counts pages
    if size >= needed:
        return
    if needed - size > max(size, _MISSING):
        raise CorruptStore(
            f"the repository at {files.path} is damaged: its file has {size:,} bytes of {needed:,}; "
            "restore a backup or clone it again"
        )
    files.lengthen(size, needed - size)


def _databases(
    environment: lmdb.Environment, lock: WriterLock, patience: Patience, *, readonly: bool, create: bool
) -> "list[lmdb._Database]":
    """Handles of all databases. py-lmdb keeps only those opened in a write transaction or read-only environment."""
    if readonly:
        return [environment.open_db(name, create=False) for name in NAMES]
    with lock.held(patience), environment.begin(write=True) as txn:
        return [environment.open_db(name, txn=txn, create=create) for name in NAMES]
