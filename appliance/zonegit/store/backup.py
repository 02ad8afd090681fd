"""Backs up a repository's data file, and restores it.

A backup is a consistent copy of one version, made by LMDB without free pages while others may write. Restoring
never leaves a directory without a repository or with an incomplete one: the copy is written and checked there
first, and then renamed. A restored repository gets a new epoch, because peers may already know later states of the
old one.
"""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from zonegit.errors import CorruptStore, NoBackup, StoreBusy, StoreError, StoreFull
from zonegit.store.data_file import START, mistaken, whole_size
from zonegit.store.files import DATA, LOCKS, MODE, open_file
from zonegit.store.fsck import Progress, fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.lmdb_tables import FULL

_BEGUN: Final = "restoring-"
"""The prefix of the directory in which a copy is made. A leftover one belongs to an interrupted restore."""
COMPACTING: Final = "compacting-"
"""The same prefix for `store.compact`."""
_REPLACED: Final = "replaced-"
_CHUNK: Final = 1 << 20
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def back_up(path: Path, file: int, name: str) -> None:
    """Write the repository at `path` to an open file or pipe, durably. Errors call the file `name`.

    `StoreError` if it can't be written, BrokenPipeError if nobody reads the pipe.
    """
    with closing(LmdbStore.open(path, readonly=True)) as store:
        try:
            store.copy(file)
            if stat.S_ISREG(os.fstat(file).st_mode):
                os.fsync(file)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritten(file, name, error, store.stat().map_used) from None


def _unwritten(file: int, name: str, error: OSError, size: int) -> StoreError:
    message = f"can't write {name}: {error.strerror}"
    status = os.fstat(file)
    if error.errno not in FULL or not stat.S_ISREG(status.st_mode):
        return StoreError(message)
    free = free_bytes(file) + status.st_size  # the part that was written is deleted again
    return StoreFull(f"{message}; the backup needs up to {size:,} bytes, and only {free:,} are free there")


def free_bytes(file: int) -> int:
    """The free bytes of the file system."""
    disk = os.fstatvfs(file)
    return disk.f_bavail * disk.f_frsize


def restore(
    path: Path, source: int, name: str, *, dry_run: bool = False, progress: Progress | None = None
) -> Path | None:
    """Replace the repository in the directory `path` by the backup in an open file or pipe. Returns where the
    previous repository is kept, if there was one.

    Errors call the backup `name`: `NoBackup` for another kind of file, `CorruptStore` if it is damaged or
    incomplete, `StoreBusy` while anything uses either, `StoreFull` without room for it. After an error nothing has
    changed.
    """
    new = not path.exists()
    path.mkdir(mode=MODE, parents=True, exist_ok=True)
    directory = os.open(path, _OPEN & ~os.O_NOFOLLOW)
    try:
        lock_directory(directory, path)
        clear(directory)
        with unused(directory, path):  # fail early, and not only after everything is copied and checked
            pass
        with new_directory(directory, _BEGUN) as (made_name, made):
            missing = _copy(source, name, made, path)
            _check(path / made_name, name, missing, progress)
            kept = None if dry_run else _put_in_place(directory, path, made)
        if not dry_run:
            LmdbStore.open(path, readonly=True).close()  # opening it gives the group access to the files
        return kept
    finally:
        os.close(directory)
        if new:
            with suppress(OSError):  # fails if a repository is in it
                path.rmdir()


def lock_directory(directory: int, path: Path) -> None:
    """Be the only process that replaces a repository's data file, as long as `directory` is open. `StoreBusy`."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreBusy(
            f"another process is creating, restoring or compacting the repository at {path}: wait for it"
        ) from None


@contextmanager
def new_directory(directory: int, begin: str) -> Iterator[tuple[str, int]]:
    """A temporary directory in the repository's directory: its name, beginning with `begin`, and a descriptor."""
    name = f"{begin}{os.urandom(4).hex()}"
    os.mkdir(name, 0o700, dir_fd=directory)
    made = os.open(name, _OPEN, dir_fd=directory)
    try:
        yield name, made
    finally:
        os.close(made)
        _remove(directory, name)


def clear(directory: int) -> None:
    """Remove what interrupted attempts have left."""
    for name in os.listdir(directory):
        if name.startswith((_BEGUN, COMPACTING)):
            _remove(directory, name)


def _remove(directory: int, name: str) -> None:
    with suppress(OSError):
        inside = os.open(name, _OPEN, dir_fd=directory)
        try:
            for file in (DATA, LOCKS):
                with suppress(FileNotFoundError):
                    os.unlink(file, dir_fd=inside)
        finally:
            os.close(inside)
        os.rmdir(name, dir_fd=directory)


def _copy(source: int, name: str, made: int, path: Path) -> str:
    """Copy a backup to where it is checked. If it is evidently truncated, returns that as text."""
    try:
        fcntl.flock(source, fcntl.LOCK_SH | fcntl.LOCK_NB)  # a writer holds the exclusive lock
    except BlockingIOError:
        raise StoreBusy(f"{name} is a repository that is being written to: wait, or stop the writer") from None
    start = b"".join(_pieces(source, name, START))
    if not start:
        raise CorruptStore(f"{name} is empty: take another backup; nothing was changed")
    if message := mistaken(start):
        raise NoBackup(f"{name} {message}; nothing was changed")
    size = os.fstat(source).st_size
    if size > (free := free_bytes(made)):
        raise StoreFull(f"{name} needs {size:,} bytes in {path}, where {free:,} are free; nothing was changed")
    try:
        copy = os.open(DATA, _NEW, MODE & ~0o111, dir_fd=made)
        with os.fdopen(copy, "wb") as file:
            file.write(start)
            for piece in _pieces(source, name):
                file.write(piece)
            size = file.tell()
    except OSError as error:
        message = f"can't write a copy of {name} in {path}: {error.strerror}; nothing was changed"
        raise (StoreFull if error.errno in FULL else StoreError)(message) from None
    whole = whole_size(start)
    return f"it has {size:,} bytes of {whole:,}: copy it again" if size < whole else ""


def _pieces(source: int, name: str, most: int = 1 << 63) -> Iterator[bytes]:
    """The content of a file or pipe in pieces, up to `most` bytes. `StoreError` if it can't be read."""
    while most > 0:
        try:
            piece = os.read(source, min(most, _CHUNK))
        except OSError as error:
            raise StoreError(f"can't read {name}: {error.strerror}; nothing was changed") from None
        if not piece:
            return
        most -= len(piece)
        yield piece


def _check(copy: Path, name: str, missing: str, progress: Progress | None) -> None:
    """Check the copy, and give it a new epoch."""
    try:
        with closing(LmdbStore.open(copy)) as store:
            problems = fsck(store, progress).problems
            if not problems:
                with store.write() as writer:
                    writer.begin_epoch(os.urandom(16))
    except StoreFull:
        raise StoreFull(f"no space is left in {copy.parent} to check {name}; nothing was changed") from None
    except CorruptStore:
        message = missing or "take another backup"
        raise CorruptStore(f"{name} is damaged, and nothing was changed: {message}") from None
    except StoreError as error:
        message = str(error).replace(str(copy), name)
        raise CorruptStore(f"{name} can't be restored, and nothing was changed: {message}") from None
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        message = missing or f"{problems[0].replace(str(copy), name)}{more}"
        raise CorruptStore(f"{name} is damaged, and nothing was changed: {message}")


def _put_in_place(directory: int, path: Path, made: int) -> Path | None:
    """Replace the data file while nobody uses it. Returns where the old one is kept."""
    kept: Path | None = None
    with unused(directory, path):
        with suppress(FileNotFoundError):
            before = os.stat(DATA, dir_fd=directory, follow_symlinks=False)
            name = f"{_REPLACED}{os.urandom(4).hex()}"
            os.mkdir(name, MODE, dir_fd=directory)
            kept_in = os.open(name, _OPEN, dir_fd=directory)
            try:
                os.link(DATA, DATA, src_dir_fd=directory, dst_dir_fd=kept_in, follow_symlinks=False)
                os.utime(kept_in, ns=(before.st_atime_ns, before.st_mtime_ns))
            finally:
                os.close(kept_in)
            kept = path / name
        os.rename(DATA, DATA, src_dir_fd=made, dst_dir_fd=directory)
        os.fsync(directory)
    return kept


@contextmanager
def unused(directory: int, path: Path) -> Iterator[None]:
    """Run while no other process has the repository open, which would hold a lock on its table of readers.
    `StoreBusy`.
    """
    try:
        locks = open_file(directory, path, LOCKS, os.O_RDWR)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.lockf(locks, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(locks)
        raise StoreBusy(
            f"the repository at {path} is in use: stop zonegitd with its sockets, and any running zonegit"
        ) from None
    try:
        yield
    finally:
        os.close(locks)
