"""Returns the free pages of a repository's data file to the disk, by replacing it with a copy that has none.

Refused while anything has the repository open: other processes would continue with the old file, and their writes
would be lost. The copy is made beside the file, compared with it item by item, and put in its place by one rename,
so that an interruption leaves either the old file or the new one. To peers it is the same repository.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore, StoreBusy, StoreError, StoreFull
from zonegit.store.backup import COMPACTING, clear, free_bytes, lock_directory, new_directory, unused
from zonegit.store.environment import is_open
from zonegit.store.files import DATA, open_file, opened_directory
from zonegit.store.lmdb import LmdbStore
from zonegit.store.lmdb_tables import FULL
from zonegit.store.tables import Table

Progress = Callable[[int, int], None]
"""Called with the number of items compared so far, and of all items."""

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP: Final = 10_000
_ROOM: Final = 1 << 20
"""Free bytes that are required beyond the size of the copy."""


class Compacted(NamedTuple):
    """The size of the data file in bytes."""

    before: int
    after: int

    @property
    def saved(self) -> int:
        return self.before - self.after


def compact(path: Path, *, dry_run: bool = False, progress: Progress | None = None) -> Compacted:
    """Make the data file of the repository at `path` as small as it can be.

    `StoreBusy` while anything uses the repository, `StoreFull` without room for the copy, `CorruptStore` if a page
    of it can't be read. After an error the repository is unchanged.
    """
    if is_open(path):
        raise StoreBusy(f"the repository at {path} is open in this process: close it first")
    with closing(LmdbStore.open(path, readonly=True)) as store:  # raises if anything is wrong with it
        after = store.least_size()
    with opened_directory(path):
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        lock_directory(directory, path)
        with _only_writer(directory, path) as file:
            before = os.fstat(file).st_size
            with unused(directory, path):  # or this would fail only after copying and comparing
                pass
            if after + _ROOM > (free := free_bytes(directory)):
                raise StoreFull(
                    f"compacting needs {after:,} bytes in {path}, where {free:,} are free; nothing was changed"
                )
            if dry_run:
                return Compacted(before, min(after, before))
            clear(directory)
            with new_directory(directory, COMPACTING) as (name, made):
                _copy(path, made, os.fstat(file))
                _compare(path, path / name, progress)
                size = os.stat(DATA, dir_fd=made).st_size
                with unused(directory, path):
                    os.rename(DATA, DATA, src_dir_fd=made, dst_dir_fd=directory)
                    os.fsync(directory)
        LmdbStore.open(path, readonly=True).close()  # opening it shares the new file with the group
        return Compacted(before, size)
    finally:
        os.close(directory)


@contextmanager
def _only_writer(directory: int, path: Path) -> Iterator[int]:
    """The data file, opened and locked as by a writer, so that nobody else changes it meanwhile. `StoreBusy`."""
    file = open_file(directory, path, DATA, os.O_RDWR)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"the repository at {path} is being written to: wait, or stop the writer") from None
        yield file
    finally:
        os.close(file)


def _copy(path: Path, made: int, before: os.stat_result) -> None:
    """Write the copy, with the group and the permissions of the data file."""
    try:
        file = os.open(DATA, _NEW, 0o600, dir_fd=made)
        try:
            with closing(LmdbStore.open(path, readonly=True)) as store:
                store.copy(file)
            with suppress(OSError):
                os.fchown(file, -1, before.st_gid)
            os.fchmod(file, before.st_mode & 0o7777)
            os.fsync(file)
        finally:
            os.close(file)
    except OSError as error:
        message = f"can't write a copy of {path / DATA}: {error.strerror}; nothing was changed"
        raise (StoreFull if error.errno in FULL else StoreError)(message) from None


def _compare(path: Path, copy: Path, progress: Progress | None) -> None:
    """Check that the copy holds what the repository holds, byte for byte. `CorruptStore`."""
    with (
        closing(LmdbStore.open(path, readonly=True)) as old,
        closing(LmdbStore.open(copy, readonly=True)) as new,
        old.read() as ours,
        new.read() as theirs,
    ):
        total = sum(ours.tables.count(table) for table in Table)
        done = 0
        for table in Table:
            for mine, other in zip_longest(ours.tables.scan(table), theirs.tables.scan(table)):
                if mine != other:
                    raise CorruptStore(
                        f"a copy of {path / DATA} differs from it; nothing was changed: run `zonegit fsck`"
                    )
                done += 1
                if progress and not done % _STEP:
                    progress(done, total)
        if progress:
            progress(total, total)
