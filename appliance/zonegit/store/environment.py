"""LMDB environments of this process: opened with the settings that the store's promises rest on, shared, closed.

LMDB forbids opening a file twice in one process (its locks belong to the pair of both), so whoever opens the same
repository again gets the same environment, and the last user closes it. A transaction is a user too: a store may be
closed while another thread is in the middle of one. Closing LMDB under that thread would free the pages that it
reads, and leave the mutex of writers locked for good, for only the thread that took it can give it back. The engine
is LMDB 0.9's, whatever the default of the installed py-lmdb: its two engines can't read each other's files.

Readers note in the lock file which version they read, so that no writer uses its pages again. Who may read the
repository but not write to that file reads without (`Opened.unlocked`), and looks afterwards whether a writer may
have used them.

A repository belongs to its directory's owner, and to its group where that may write: root acts as the owner when it
opens the files, so that a service that runs as that user can open what root made.
"""

import fcntl
import mmap
import os
import stat
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import lmdb

from zonegit.errors import CorruptStore, StoreError, StoreUnfinished, ZonegitError
from zonegit.store.lmdb_tables import FULL, NAMES, full, translated
from zonegit.store.writer_lock import ENDLESS, Patience, WriterLock

MAP_SIZE: Final = 1 << 40
"""Bytes of address space; only what is used takes disk."""
_MAX_READERS: Final = 1022
_SLOT: Final = 64
"""Bytes of a reader's slot in the table of readers; its head takes the room of some two."""
_MISSING: Final = 64 << 20
"""Bytes that a data file may lack; a larger one as many as it has."""
_MODE: Final = 0o750
"""Of a new directory; its files lack the x bits."""
_EXECUTE: Final = 0o111
DATA: Final = "data.mdb"
_LOCKS: Final = "lock.mdb"
_FILES: Final = (DATA, _LOCKS)
_EMPTY: Final = 2 * mmap.PAGESIZE
"""Bytes of LMDB's two meta pages; a file with any table in it is longer."""
_HEAD: Final = struct.pack("=QHHII", 0, 0, 8, 0, 0xBEEFC0DE)
"""How every data file begins: page 0, a meta page, and LMDB's magic number in this machine's byte order."""
_LAST: Final = slice(144, 152)
"""Where a meta page has the number of the last transaction."""
_GROUP: Final = stat.S_IRGRP | stat.S_IWGRP

_FileKey = tuple[int, int]


@dataclass(slots=True)
class Opened:
    """An environment with its databases, and how many stores and transactions in this process use it."""

    environment: lmdb.Environment
    databases: "list[lmdb._Database]"
    lock: WriterLock
    readonly: bool
    unlocked: bool = False
    """Whether pages of a version that is being read may be written to meanwhile."""
    users: int = 1
    counting: threading.RLock = field(default_factory=threading.RLock)
    """Guards `users`; `_lock` can't, for it is held while an environment is opened, which may wait for a writer."""


_lock = threading.RLock()  # one that its thread may take again: the collector may end an abandoned reader anywhere
_opened: dict[_FileKey, Opened] = {}


def acquire(
    path: Path, map_size: int, *, readonly: bool, create: bool = False, patience: Patience = ENDLESS
) -> Opened:
    """The environment in a directory. Opening for writing waits for a writer that is at work. `StoreError`."""
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
    """Close an environment that nobody uses, unless it was acquired again or closed meanwhile."""
    with _lock:
        keys = [key for key, other in _opened.items() if other is opened]
        if keys and not opened.users:
            opened.environment.close()
            opened.lock.close()
            for key in keys:
                del _opened[key]


def _key(path: Path) -> _FileKey:
    try:
        status = (path / "data.mdb").stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _open(path: Path, map_size: int, patience: Patience, *, readonly: bool, create: bool) -> Opened:
    try:
        with _as_owner(path):
            _reserve_locks(path)
            unlocked = readonly and _is_locked_out(path)
            environment = lmdb.Environment(
                os.fsencode(path),
                map_size=map_size,
                readonly=readonly,
                create=create,
                mode=_MODE,
                sync=True,
                metasync=True,
                writemap=False,
                max_dbs=len(NAMES),
                max_readers=_MAX_READERS,
                max_spare_txns=1,
                lib_version=0,
                lock=not unlocked,
            )
            _share_with_group(path)
            _fill_up(path, environment)
        environment.reader_check()
    except lmdb.Error as error:
        raise translated(error, str(path)) from None
    lock = WriterLock(path / DATA)
    try:
        databases = _databases(environment, lock, patience, readonly=readonly, create=create)
    except BaseException as error:
        environment.close()
        lock.close()
        if isinstance(error, lmdb.NotFoundError):
            raise unfinished(path) from None
        if isinstance(error, lmdb.Error):
            raise translated(error, str(path)) from None
        raise
    return Opened(environment, databases, lock, readonly, unlocked)


def unfinished(path: Path) -> StoreUnfinished:
    return StoreUnfinished(f"the repository at {path} was never finished: run `zonegit init` again")


def is_unfinished(path: Path) -> bool:
    """Whether a data file is what is left of one whose first write was cut short: no transaction ended in it."""
    file = path / DATA
    if not file.exists() or file.stat().st_size > _EMPTY:
        return False
    data = file.read_bytes()
    transactions = data[_LAST] + data[mmap.PAGESIZE :][_LAST]
    begun = not data.strip(b"\0") or data[: len(_HEAD)] == _HEAD[: len(data)]
    return begun and not transactions.strip(b"\0")


@contextmanager
def making(path: Path) -> Iterator[None]:
    """Be the only one who makes a repository in a directory; what an interrupted try left of a file is gone.

    A try that fails leaves no file behind.
    """
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        if is_unfinished(path) and (path / DATA).stat().st_size:
            _remove_files(path)
        yield
    except ZonegitError:
        with suppress(OSError):  # the error that is on its way says more
            if is_unfinished(path) or not (path / DATA).exists():
                _remove_files(path)
        raise
    finally:
        os.close(directory)


def _remove_files(path: Path) -> None:
    for name in _FILES:
        (path / name).unlink(missing_ok=True)


@contextmanager
def _as_owner(path: Path) -> Iterator[None]:
    """As root: be the owner of a directory for a while."""
    try:
        status = path.stat()
    except OSError:
        status = None
    if status is None or os.geteuid() or not status.st_uid:
        yield
        return
    group = os.getegid()
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _share_with_group(path: Path) -> None:
    """Let the group write to the files of a directory that it may write to, whatever the umask of who made them."""
    if not path.stat().st_mode & stat.S_IWGRP:
        return
    for name in _FILES:
        with suppress(OSError):  # a disk that is read-only, where one of them needn't be there either
            status = (path / name).stat()
            if status.st_uid == os.geteuid() and status.st_mode & _GROUP != _GROUP:
                (path / name).chmod(stat.S_IMODE(status.st_mode) | _GROUP)


def _is_locked_out(path: Path) -> bool:
    """Whether this user may not write to the lock file. (On a read-only disk LMDB itself does without.)"""
    locks = path / _LOCKS
    if not locks.exists() or os.access(locks, os.W_OK, effective_ids=True):
        return False
    return not os.statvfs(path).f_flag & os.ST_RDONLY


def _reserve_locks(path: Path) -> None:
    """Have the disk keep room for the table of readers. `StoreFull` when there is none at all.

    LMDB maps it, and a process that touches a page of it for which the disk has no room is killed.
    """
    try:
        file = os.open(path / _LOCKS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE & ~_EXECUTE)
    except OSError:
        return  # LMDB meets the same and says what
    try:
        os.posix_fallocate(file, 0, _SLOT * (_MAX_READERS + 2))
    except OSError as error:
        if error.errno in FULL and not os.fstat(file).st_blocks:
            raise full(str(path)) from None
    finally:
        os.close(file)


def _fill_up(path: Path, environment: lmdb.Environment) -> None:
    """Put zeros where the file is shorter than LMDB takes it to be: a process that reads behind its end is killed.

    A whole file may be shorter, by free pages that were never written; in one that was cut off LMDB meets zeros
    instead of pages, or an object other bytes than its hash's, and says so. Where more is missing, LMDB's count
    itself may be what was changed: no disk is filled for that, the environment is closed. `CorruptStore`.
    """
    needed = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    size = (path / _FILES[0]).stat().st_size  # afterwards: a writer makes the file longer before its pages count
    if size >= needed:
        return
    if needed - size > max(size, _MISSING):
        environment.close()
        raise CorruptStore(
            f"the repository at {path} is damaged: its file has {size:,} bytes of {needed:,}; "
            "restore a backup or clone it again"
        )
    with suppress(OSError), (path / _FILES[0]).open("r+b") as file:
        # Unlike ftruncate, this never shortens what a writer in another process makes longer meanwhile.
        os.posix_fallocate(file.fileno(), size, needed - size)


def _databases(
    environment: lmdb.Environment, lock: WriterLock, patience: Patience, *, readonly: bool, create: bool
) -> "list[lmdb._Database]":
    """Handles of all databases. py-lmdb keeps them only from a write transaction or a read-only environment."""
    if readonly:
        return [environment.open_db(name, create=False) for name in NAMES]
    with lock.held(patience), environment.begin(write=True) as txn:
        return [environment.open_db(name, txn=txn, create=create) for name in NAMES]
