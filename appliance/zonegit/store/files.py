"""The two files of a repository, opened so that nobody leads whoever opens them to another file.

Several users may write to a repository's directory, so any name in it may become a link at any moment. Its files
are opened relative to the directory, never through a link, and whatever is done to them is done to what was opened.
LMDB opens files by their names: it is shown a directory that this process alone may change, with links to the open
files.

Root opens its own repositories only: LMDB maps a file as it is, and pages that somebody made for that purpose can
do more harm than a wrong answer. (`zonegit` goes on as the service's user instead, `cli.ownership`.)
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from time import time
from typing import Final

from zonegit.errors import StoreError
from zonegit.store.lmdb_tables import FULL, full, refused
from zonegit.store.writer_lock import user_name

DATA: Final = "data.mdb"
LOCKS: Final = "lock.mdb"
MODE: Final = 0o750
"""Of a new directory; its files lack the x bits."""
_FILE_MODE: Final = MODE & ~0o111
_SAFELY: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GROUP: Final = stat.S_IRGRP | stat.S_IWGRP
_OPEN: Final = "/proc/self/fd"
_OWN_ROOMS: Final = ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR")
"""Variables that name a directory of the service's or the user's own (systemd.exec(5), XDG Base Directory)."""
_ROOMS: Final = ("/dev/shm", "/tmp", "/var/tmp")  # noqa: S108  a directory with a name by chance is made there

_ROOM: Final = "zonegit-opening-"
_ABANDONED: Final = 3600.0
"""Seconds after which a directory that was made for opening is taken for one of a process that was killed."""
_LOOKED_AT: Final = 1000


@dataclass(frozen=True, slots=True)
class Files:
    """Descriptors of a repository's files. To be closed when LMDB has closed its own, whose locks would go too."""

    path: Path
    data: int
    locks: int | None
    """None for who reads without the table of readers."""
    unlocked: bool
    """Whether that is because this user may not write to it, and not since the disk is read-only."""

    def close_locks(self) -> None:
        """`data` is its user's to close."""
        if self.locks is not None:
            os.close(self.locks)

    def close(self) -> None:
        os.close(self.data)
        self.close_locks()

    @property
    def are_current(self) -> bool:
        """Whether the data file is still the one that its name leads to."""
        found = self.path / DATA
        return found.exists() and found.stat().st_ino == os.fstat(self.data).st_ino

    def lengthen(self, start: int, size: int) -> None:
        """Have so many more bytes at the end of the data file, where this user may write to it.

        Unlike ftruncate, this never shortens what a writer in another process makes longer meanwhile.
        """
        with suppress(OSError):
            file = os.open(f"{_OPEN}/{self.data}", os.O_RDWR | os.O_CLOEXEC)
            try:
                os.posix_fallocate(file, start, size)
            finally:
                os.close(file)

    @contextmanager
    def shown(self) -> Iterator[str]:
        """A directory for LMDB to open, in which its two names lead to the open files."""
        if not os.path.isdir(_OPEN):  # noqa: PTH112
            raise StoreError(f"there is no {_OPEN} here, by which zonegit opens a repository: mount /proc")
        room = _new_room()
        names = {DATA: self.data} if self.locks is None else {DATA: self.data, LOCKS: self.locks}
        try:
            for name, file in names.items():
                os.symlink(f"{_OPEN}/{file}", f"{room}/{name}")  # noqa: PTH211
            yield room
        finally:
            _remove(room)


def open_files(path: Path, *, readonly: bool, create: bool, slots: int) -> Files:
    """Open a repository's files, and make those that are missing. `StoreError`.

    The table of readers gets room for `slots` bytes on the disk: LMDB maps it, and a process that touches a page of
    it for which the disk has no room is killed. Where the group may write to the directory it may write to the
    files, whatever the umask of who made them.
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
    """A repository's directory. `StoreError` where it is root who opens another user's."""
    directory = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        owner = os.fstat(directory).st_uid
        if owner and not os.geteuid():
            raise of_another(path, owner)
        yield directory
    finally:
        os.close(directory)


def of_another(path: Path, owner: int) -> StoreError:
    """Root is refused what another user can change."""
    name = user_name(owner)
    return StoreError(f"{path} belongs to {name}, and root opens no repository of others: run this as {name}")


def open_file(directory: int, path: Path, name: str, flags: int) -> int:
    """One of the files of the repository at `path`. `StoreError` for a link, or what is no plain file."""
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
    raise of_another(path / name, status.st_uid) if plain else _odd(path / name, "no plain file")


def _odd(file: Path, what: str) -> StoreError:
    return StoreError(f"{file} is {what}, and isn't opened: find out who put it there, and remove it")


def _open_locks(directory: int, path: Path, *, readonly: bool) -> tuple[int | None, bool]:
    """The lock file, if it can be used, and whether it is there but this user may not write to it."""
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
    """Have the disk keep room for the table of readers. `StoreFull` when there is none at all."""
    if files.locks is None:
        return
    try:
        os.posix_fallocate(files.locks, 0, size)
    except OSError as error:
        if error.errno in FULL and not os.fstat(files.locks).st_blocks:
            raise full(str(files.path)) from None


def _share_with_group(files: Files) -> None:
    for file in filter(None, (files.data, files.locks)):
        with suppress(OSError):  # a disk that is read-only
            status = os.fstat(file)
            if status.st_uid == os.geteuid() and status.st_mode & _GROUP != _GROUP:
                os.fchmod(file, stat.S_IMODE(status.st_mode) | _GROUP)


def _clear(parent: str) -> None:
    """Remove what processes of this user left that were killed while they opened a repository."""
    long_ago = time() - _ABANDONED
    with suppress(OSError), os.scandir(parent) as found:
        for each in islice(found, _LOOKED_AT):
            if each.name.startswith(_ROOM):
                status = each.stat(follow_symlinks=False)
                own = status.st_uid == os.geteuid() and stat.S_ISDIR(status.st_mode)
                if own and status.st_mtime < long_ago and _holds_links_alone(each.path):
                    _remove(each.path)


def _holds_links_alone(room: str) -> bool:
    """Whether it is what `shown` made: a repository of that name has files."""
    with os.scandir(room) as found:
        return all(each.is_symlink() for each in found)


def _remove(room: str) -> None:
    for name in (DATA, LOCKS):
        with suppress(FileNotFoundError):
            os.unlink(f"{room}/{name}")  # noqa: PTH108
    os.rmdir(room)  # noqa: PTH106


def _new_room() -> str:
    """A new directory of this process's own."""
    own = [os.environ.get(name, "").partition(":")[0] for name in _OWN_ROOMS]
    failed: OSError | None = None
    for parent in (*filter(os.path.isabs, own), *_ROOMS):
        _clear(parent)
        room = f"{parent}/{_ROOM}{os.urandom(8).hex()}"
        try:
            os.mkdir(room, 0o700)  # noqa: PTH102
        except OSError as error:
            failed = error
        else:
            return room
    why = failed.strerror if failed else ""
    raise StoreError(
        f"can't make a directory in any of {', '.join(_ROOMS)}, by which zonegit opens a repository: {why}"
    )
