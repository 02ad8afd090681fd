"""Give the free pages of a repository's data file back to the disk: a copy without them takes its place.

While anything has the repository open that is refused: other processes would go on with the old file, and what they
write would be lost. The copy is made beside the file, compared with it item by item, and put in its place by one
rename, so that an interruption leaves the one or the other. It is the same repository to its peers.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Final

from zonegit.errors import CorruptStore, StoreBusy, StoreError, StoreFull
from zonegit.store.backup import COMPACTING, beside, clear, free_bytes, take, unused
from zonegit.store.environment import is_open
from zonegit.store.files import DATA, open_file, opened_directory
from zonegit.store.lmdb import LmdbStore
from zonegit.store.lmdb_tables import FULL
from zonegit.store.tables import Table

Progress = Callable[[int, int], None]
"""Called with the items that were compared and how many there are."""

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP: Final = 10_000
_ROOM: Final = 1 << 20
"""Bytes beside the copy's."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """Bytes of the data file."""

    before: int
    after: int

    @property
    def saved(self) -> int:
        return self.before - self.after


def compact(path: Path, *, dry_run: bool = False, progress: Progress | None = None) -> Compacted:
    """Make the data file of the repository at `path` as small as it can be.

    `StoreBusy` while anything uses the repository, `StoreFull` without room for the copy, `CorruptStore` where a
    page of it can't be read. All is as it was then.
    """
    if is_open(path):
        raise StoreBusy(f"the repository at {path} is open in this process: close it first")
    with closing(LmdbStore.open(path, readonly=True)) as store:  # which says what is wrong, if anything is
        after = store.least_size()
    with opened_directory(path):
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        take(directory, path)
        with _only_writer(directory, path) as file:
            before = os.fstat(file).st_size
            with unused(directory, path):  # or it would be told when all is copied and compared
                pass
            if after + _ROOM > (free := free_bytes(directory)):
                raise StoreFull(
                    f"compacting needs {after:,} bytes in {path}, where {free:,} are free; nothing was changed"
                )
            if dry_run:
                return Compacted(before, min(after, before))
            clear(directory)
            with beside(directory, COMPACTING) as (place, made):
                _copy(path, made, os.fstat(file))
                _compare(path, path / place, progress)
                size = os.stat(DATA, dir_fd=made).st_size
                with unused(directory, path):
                    os.rename(DATA, DATA, src_dir_fd=made, dst_dir_fd=directory)
                    os.fsync(directory)
        LmdbStore.open(path, readonly=True).close()  # which shares the files with the group
        return Compacted(before, size)
    finally:
        os.close(directory)


@contextmanager
def _only_writer(directory: int, path: Path) -> Iterator[int]:
    """The data file, open and locked as a writer does: nobody changes it before this ends. `StoreBusy`."""
    file = open_file(directory, path, DATA, os.O_RDWR)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreBusy(f"the repository at {path} is being written to: wait for that, or stop it") from None
        yield file
    finally:
        os.close(file)


def _copy(path: Path, made: int, before: os.stat_result) -> None:
    """Write the copy, as readable and writable as the file is."""
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
        told = f"can't write a copy of {path / DATA}: {error.strerror}; nothing was changed"
        raise (StoreFull if error.errno in FULL else StoreError)(told) from None


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
