"""A repository's data file as a backup, and put back from one.

A backup is what LMDB writes of one version: whole, without pages that are free, whoever writes meanwhile. Putting
it back never leaves a directory without a repository, or with a part of one: the copy is made and checked in it,
and takes its place by a rename. It gets another epoch, since it may go on from a state whose future others know.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from zonegit.errors import CorruptStore, StoreBusy, StoreError
from zonegit.store.files import DATA, LOCKS, MODE, open_file
from zonegit.store.fsck import Progress, fsck
from zonegit.store.lmdb import LmdbStore

_BEGUN: Final = "restoring-"
"""How a directory is named in which a copy is made; what is left of one was interrupted."""
_REPLACED: Final = "replaced-"
_CHUNK: Final = 1 << 20
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def back_up(path: Path, file: int) -> None:
    """Write the repository at `path` to an open file, and have it on the disk."""
    with closing(LmdbStore.open(path, readonly=True)) as store:
        store.copy(file)
    os.fsync(file)


def restore(path: Path, source: int, *, dry_run: bool = False, progress: Progress | None = None) -> Path | None:
    """Make the directory `path` the repository that an open file holds; where the one that was there is now.

    `CorruptStore` where the backup isn't whole, `StoreBusy` while anything uses either; all is as it was then.
    """
    new = not path.exists()
    path.mkdir(mode=MODE, parents=True, exist_ok=True)
    directory = os.open(path, _OPEN & ~os.O_NOFOLLOW)
    try:
        _take(directory, path)
        _clear(directory)
        with _made(directory, f"{_BEGUN}{os.urandom(4).hex()}") as (name, made):
            _copy(source, made)
            _check(path / name, progress)
            kept = None if dry_run else _put_in_place(directory, path, made)
        if not dry_run:
            LmdbStore.open(path, readonly=True).close()  # which shares the files with the group
        return kept
    finally:
        os.close(directory)
        if dry_run and new:
            path.rmdir()


def _take(directory: int, path: Path) -> None:
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreBusy(f"another process makes or restores the repository at {path}: wait for it") from None


@contextmanager
def _made(directory: int, name: str) -> Iterator[tuple[str, int]]:
    """A new directory in the repository's, for as long as it is worked in."""
    os.mkdir(name, 0o700, dir_fd=directory)
    made = os.open(name, _OPEN, dir_fd=directory)
    try:
        yield name, made
    finally:
        os.close(made)
        _remove(directory, name)


def _clear(directory: int) -> None:
    """Remove what interrupted tries left."""
    for name in os.listdir(directory):
        if name.startswith(_BEGUN):
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


def _copy(source: int, made: int) -> None:
    """Copy a file to where the repository is checked. `StoreError` where it can't be read or written."""
    try:
        fcntl.flock(source, fcntl.LOCK_SH | fcntl.LOCK_NB)  # whoever writes to a repository has it alone
    except BlockingIOError:
        raise StoreBusy("the backup is a repository that is being written to: wait for that, or stop it") from None
    try:
        copy = os.open(DATA, _NEW, MODE & ~0o111, dir_fd=made)
        with os.fdopen(copy, "wb") as file:
            at = 0
            while data := os.pread(source, _CHUNK, at):
                file.write(data)
                at += len(data)
    except OSError as error:
        raise StoreError(f"the backup can't be copied: {error.strerror}; nothing was changed") from None


def _check(path: Path, progress: Progress | None) -> None:
    """Check the copy, and give it another epoch."""
    try:
        store = LmdbStore.open(path)
    except StoreError as error:
        raise CorruptStore(f"that is no backup that can be restored, and nothing was changed: {error}") from None
    with closing(store):
        problems = fsck(store, progress).problems
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise CorruptStore(f"the backup is damaged, and nothing was changed: {problems[0]}{more}")
        with store.write() as writer:
            writer.begin_epoch(os.urandom(16))


def _put_in_place(directory: int, path: Path, made: int) -> Path | None:
    """Exchange the data files while nobody uses the old one; where the old one is now."""
    kept: Path | None = None
    with _unused(directory, path):
        with suppress(FileNotFoundError):
            before = os.stat(DATA, dir_fd=directory, follow_symlinks=False)
            name = f"{_REPLACED}{os.urandom(4).hex()}"
            os.mkdir(name, MODE, dir_fd=directory)
            beside = os.open(name, _OPEN, dir_fd=directory)
            try:
                os.link(DATA, DATA, src_dir_fd=directory, dst_dir_fd=beside, follow_symlinks=False)
                os.utime(beside, ns=(before.st_atime_ns, before.st_mtime_ns))
            finally:
                os.close(beside)
            kept = path / name
        os.rename(DATA, DATA, src_dir_fd=made, dst_dir_fd=directory)
        os.fsync(directory)
    return kept


@contextmanager
def _unused(directory: int, path: Path) -> Iterator[None]:
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
