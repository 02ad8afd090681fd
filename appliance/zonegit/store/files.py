"""The two files of a repository, opened safely in a directory that other users may write to.

Several users may write to a repository's directory, so any name in it may become a link at any moment. Its files
are opened relative to the directory, never through a link, and from then on used by their descriptors. LMDB opens
files by name, so it is given a directory that only this process may change, with links to the open files.

Root opens only its own repositories: LMDB maps a file without checking it, and pages crafted by an attacker can do
more harm than a wrong answer. (`zonegit` gives up root's rights first, `cli.ownership`.)
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from time import time
from typing import Final, NamedTuple

from zonegit.errors import StoreError
from zonegit.store.lmdb_tables import FULL, full, refused
from zonegit.store.writer_lock import user_name

DATA: Final = "data.mdb"
LOCKS: Final = "lock.mdb"
MODE: Final = 0o750
"""The mode of a new directory; its files have it without the x bits."""
_FILE_MODE: Final = MODE & ~0o111
_SAFELY: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GROUP: Final = stat.S_IRGRP | stat.S_IWGRP
_OPEN: Final = "/proc/self/fd"
_OWN_PARENTS: Final = ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR")
"""Variables that name a directory of the service's or the user's own (systemd.exec(5), XDG Base Directory)."""
_PARENTS: Final = ("/dev/shm", "/tmp", "/var/tmp")  # noqa: S108  a directory with a random name is made there

_PREFIX: Final = "zonegit-opening-"
_ABANDONED: Final = 3600.0
"""Seconds after which a directory made for opening is taken to be left by a process that was killed."""
_LOOKED_AT: Final = 1000
"""The most entries of a directory in which abandoned ones are searched for."""


class Files(NamedTuple):
    """Descriptors of a repository's files. Close them after LMDB has closed its own, which would lose its locks."""

    path: Path
    data: int
    locks: int | None
    """None when reading without the table of readers."""
    unlocked: bool
    """Whether `locks` is None because this user may not write to the file, not because the disk is read-only."""

    def close_locks(self) -> None:
        """Close the lock file only: `data` is closed by its user."""
        if self.locks is not None:
            os.close(self.locks)

    def close(self) -> None:
        os.close(self.data)
        self.close_locks()

    @property
    def are_current(self) -> bool:
        """Whether the data file's name still leads to the open file."""
        found = self.path / DATA
        return found.exists() and found.stat().st_ino == os.fstat(self.data).st_ino

    def lengthen(self, start: int, size: int) -> None:
        """Extend the data file by `size` bytes from `start` on, if this user may write to it.

        Unlike ftruncate, this never shortens a file that another process has just extended.
        """
        with suppress(OSError):
            file = os.open(f"{_OPEN}/{self.data}", os.O_RDWR | os.O_CLOEXEC)
            try:
                os.posix_fallocate(file, start, size)
            finally:
                os.close(file)

    def announce(self) -> None:
        """Have those who watch the data file look at it (`commit_watch`)."""
        with suppress(OSError):  # they look some time anyway
            os.utime(self.data)

    @contextmanager
    def linked(self) -> Iterator[str]:
        """A directory for LMDB, in which the names of the two files are links to the open ones."""
        if not os.path.isdir(_OPEN):  # noqa: PTH112
            raise StoreError(f"there is no {_OPEN} here, by which zonegit opens a repository: mount /proc")
        directory = _new_directory()
        names = {DATA: self.data} if self.locks is None else {DATA: self.data, LOCKS: self.locks}
        try:
            for name, file in names.items():
                os.symlink(f"{_OPEN}/{file}", f"{directory}/{name}")  # noqa: PTH211
            yield directory
        finally:
            _remove(directory)


def open_files(path: Path, *, readonly: bool, create: bool, slots: int) -> Files:
    """Open a repository's files, and make those that are missing. `StoreError`.

    The table of readers gets room for `slots` bytes on the disk: LMDB maps it, and a process that touches a page of
    it for which the disk has no room is killed. If the group may write to the directory, it may write to the files,
    whatever the umask with which they were made.
    """
    try:
        with opened_directory(path) as directory:
            flags = os.O_RDONLY if readonly else os.O_RDWR | (os.O_CREAT if create else 0)
            data = open_file(directory, path, DATA, flags)
            try:
                locks, unlocked = _open_locks(directory, path, readonly=readonly)
            except BaseException:
                os.close(data)
                raise
            files = Files(path, data, locks, unlocked)
            try:
                _reserve(files, slots)
            except BaseException:
                files.close()
                raise
            if os.fstat(directory).st_mode & stat.S_IWGRP:
                _share_with_group(files)
            return files
    except OSError as error:
        raise refused(error.errno or 0, str(path)) or StoreError(
            f"the repository at {path} can't be used: {error.strerror}"
        ) from None


@contextmanager
def opened_directory(path: Path) -> Iterator[int]:
    """A repository's directory, opened. `StoreError` for root, if it belongs to another user."""
    directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        owner = os.fstat(directory).st_uid
        if owner and not os.geteuid():
            raise of_another(path, owner)
        yield directory
    finally:
        os.close(directory)


def of_another(path: Path, owner: int) -> StoreError:
    """The error for root, which opens nothing that another user can change."""
    name = user_name(owner)
    return StoreError(f"{path} belongs to {name}, and root opens only its own repositories: run this as {name}")


def open_file(directory: int, path: Path, name: str, flags: int) -> int:
    """One of the files of the repository at `path`, opened. `StoreError` for anything but a regular file."""
    try:
        file = os.open(name, flags | _SAFELY, _FILE_MODE, dir_fd=directory)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _odd(path / name, "a symbolic link") from None
    status = os.fstat(file)
    plain = stat.S_ISREG(status.st_mode)
    if plain and (os.geteuid() or not status.st_uid):
        return file
    os.close(file)
    raise of_another(path / name, status.st_uid) if plain else _odd(path / name, "not a regular file")


def _odd(file: Path, what: str) -> StoreError:
    return StoreError(f"{file} is {what}, so it isn't opened: find out who put it there, and remove it")


def _open_locks(directory: int, path: Path, *, readonly: bool) -> tuple[int | None, bool]:
    """The lock file, or None and whether it exists but this user may not write to it."""
    try:
        return open_file(directory, path, LOCKS, os.O_RDWR | os.O_CREAT), False
    except OSError as error:
        if not readonly or error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        if error.errno == errno.EROFS:
            return None, False
        os.stat(LOCKS, dir_fd=directory, follow_symlinks=False)
        return None, True


def _reserve(files: Files, size: int) -> None:
    """Reserve disk space for the table of readers. `StoreFull` if the disk has none for it at all."""
    if files.locks is None:
        return
    try:
        os.posix_fallocate(files.locks, 0, size)
    except OSError as error:
        if error.errno in FULL and not os.fstat(files.locks).st_blocks:
            raise full(str(files.path)) from None


def _share_with_group(files: Files) -> None:
    for file in filter(None, (files.data, files.locks)):
        with suppress(OSError):  # the disk is read-only
            status = os.fstat(file)
            if status.st_uid == os.geteuid() and status.st_mode & _GROUP != _GROUP:
                os.fchmod(file, stat.S_IMODE(status.st_mode) | _GROUP)


def _clear(parent: str) -> None:
    """Remove the directories of processes of this user that were killed while they opened a repository."""
    long_ago = time() - _ABANDONED
    with suppress(OSError), os.scandir(parent) as found:
        for each in islice(found, _LOOKED_AT):
            if each.name.startswith(_PREFIX):
                status = each.stat(follow_symlinks=False)
                own = status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode)
                if own and status.st_mtime < long_ago and _holds_only_links(each.path):
                    _remove(each.path)


def _holds_only_links(directory: str) -> bool:
    """Whether `linked` made it: a repository of that name would hold files."""
    with os.scandir(directory) as found:
        return all(each.is_symlink() for each in found)


def _remove(directory: str) -> None:
    for name in (DATA, LOCKS):
        with suppress(FileNotFoundError):
            os.unlink(f"{directory}/{name}")  # noqa: PTH108
    os.rmdir(directory)  # noqa: PTH106


def _new_directory() -> str:
    """Make a directory for this process alone."""
    own = [os.environ.get(name, "").partition(":")[0] for name in _OWN_PARENTS]
    failed: OSError | None = None
    for parent in (*filter(os.path.isabs, own), *_PARENTS):
        _clear(parent)
        directory = f"{parent}/{_PREFIX}{os.urandom(8).hex()}"
        try:
            os.mkdir(directory, 0o700)  # noqa: PTH102
        except OSError as error:
            failed = error
        else:
            return directory
    why = failed.strerror if failed else ""
    raise StoreError(
        f"can't make a directory in any of {', '.join(_PARENTS)}, by which zonegit opens a repository: {why}"
    )
