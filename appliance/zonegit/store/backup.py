"""A repository's data file as a backup, and put back from one.

A backup is what LMDB writes of one version: whole, without pages that are free, whoever writes meanwhile. Putting
it back never leaves a directory without a repository, or with a part of one: the copy is made and checked in it,
and takes its place by a rename. It gets another epoch, since it may go on from a state whose future others know.
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
"""How a directory is named in which a copy is made; what is left of one was interrupted."""
COMPACTING: Final = "compacting-"
"""The same of `store.compact`."""
_REPLACED: Final = "replaced-"
_CHUNK: Final = 1 << 20
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def back_up(path: Path, file: int, name: str) -> None:
    """Write the repository at `path` to an open file or pipe, and have it on the disk. Errors call the file `name`.

    `StoreError` where it can't be written, BrokenPipeError where nobody reads the pipe.
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
    told = f"can't write {name}: {error.strerror}"
    status = os.fstat(file)
    if error.errno not in FULL or not stat.S_ISREG(status.st_mode):
        return StoreError(told)
    free = free_bytes(file) + status.st_size  # what was written of it goes again
    return StoreFull(f"{told}; the backup takes up to {size:,} bytes, of which {free:,} are free there")


def free_bytes(file: int) -> int:
    """Bytes that the file system has left."""
    disk = os.fstatvfs(file)
    return disk.f_bavail * disk.f_frsize


def restore(
    path: Path, source: int, name: str, *, dry_run: bool = False, progress: Progress | None = None
) -> Path | None:
    """Make the directory `path` the repository that an open file or pipe holds; where the one before is.

    Errors call the backup `name`: `NoBackup` for another kind of file, `CorruptStore` where it isn't whole,
    `StoreBusy` while anything uses either, `StoreFull` without room for it. All is as it was then.
    """
    new = not path.exists()
    path.mkdir(mode=MODE, parents=True, exist_ok=True)
    directory = os.open(path, _OPEN & ~os.O_NOFOLLOW)
    try:
        take(directory, path)
        clear(directory)
        with unused(directory, path):  # or it would be told when all is copied and checked
            pass
        with beside(directory, _BEGUN) as (place, made):
            missing = _copy(source, name, made, path)
            _check(path / place, name, missing, progress)
            kept = None if dry_run else _put_in_place(directory, path, made)
        if not dry_run:
            LmdbStore.open(path, readonly=True).close()  # which shares the files with the group
        return kept
    finally:
        os.close(directory)
        if new:
            with suppress(OSError):  # a repository is in it
                path.rmdir()


def take(directory: int, path: Path) -> None:
    """Be the only one who puts a file into a repository's directory, as long as that is open. `StoreBusy`."""
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreBusy(
            f"another process makes, restores or compacts the repository at {path}: wait for it"
        ) from None


@contextmanager
def beside(directory: int, begin: str) -> Iterator[tuple[str, int]]:
    """A new directory in the repository's, for as long as it is worked in: its name, and it opened."""
    name = f"{begin}{os.urandom(4).hex()}"
    os.mkdir(name, 0o700, dir_fd=directory)
    made = os.open(name, _OPEN, dir_fd=directory)
    try:
        yield name, made
    finally:
        os.close(made)
        _remove(directory, name)


def clear(directory: int) -> None:
    """Remove what interrupted tries left."""
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
    """Copy a backup to where it is checked. What is evidently missing at its end, in words."""
    try:
        fcntl.flock(source, fcntl.LOCK_SH | fcntl.LOCK_NB)  # whoever writes to a repository has it alone
    except BlockingIOError:
        raise StoreBusy(f"{name} is a repository that is being written to: wait for that, or stop it") from None
    start = b"".join(_pieces(source, name, START))
    if not start:
        raise CorruptStore(f"{name} is empty: take another backup; nothing was changed")
    if told := mistaken(start):
        raise NoBackup(f"{name} {told}; nothing was changed")
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
        told = f"can't write a copy of {name} in {path}: {error.strerror}; nothing was changed"
        raise (StoreFull if error.errno in FULL else StoreError)(told) from None
    whole = whole_size(start)
    return f"it has {size:,} bytes of {whole:,}: copy it again" if size < whole else ""


def _pieces(source: int, name: str, most: int = 1 << 63) -> Iterator[bytes]:
    """What comes from a file or pipe, but for what is behind so many bytes. `StoreError` where it can't be read."""
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
    """Check the copy, and give it another epoch."""
    try:
        with closing(LmdbStore.open(copy)) as store:
            problems = fsck(store, progress).problems
            if not problems:
                with store.write() as writer:
                    writer.begin_epoch(os.urandom(16))
    except StoreFull:
        raise StoreFull(f"no room is left to check {name} in {copy.parent}; nothing was changed") from None
    except CorruptStore:
        told = missing or "take another backup"
        raise CorruptStore(f"{name} is damaged, and nothing was changed: {told}") from None
    except StoreError as error:
        told = str(error).replace(str(copy), name)
        raise CorruptStore(f"{name} can't be restored, and nothing was changed: {told}") from None
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        told = missing or f"{problems[0].replace(str(copy), name)}{more}"
        raise CorruptStore(f"{name} is damaged, and nothing was changed: {told}")


def _put_in_place(directory: int, path: Path, made: int) -> Path | None:
    """Exchange the data files while nobody uses the old one; where the old one is now."""
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
    """While no other process has the repository open: each holds a lock on its table of readers. `StoreBusy`."""
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
            f"the repository at {path} is in use: stop zonegitd with its sockets, and any zonegit at work"
        ) from None
    try:
        yield
    finally:
        os.close(locks)
