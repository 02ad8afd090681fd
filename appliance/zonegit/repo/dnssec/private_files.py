"""A directory that only its user can look into, and its files: read with every check, written so that a crash or a
full disk leaves the old file or the new one.

Refused: directories and files that another user owns, reads or writes, and symbolic links. Everything is opened
relative to the directory's descriptor, so that nothing can be redirected after the check.
"""

import errno
import fcntl
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final, TypeVar

from zonegit.errors import DnssecError
from zonegit.store.writer_lock import user_name

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TEMPORARY: Final = re.compile(r"\..+\.[0-9a-f]{16}\.new", re.DOTALL)
_ELSEWHERE: Final = "; create it for zonegitd's user, or set dnssec_keys to another directory"
_PAUSE: Final = 0.02
"""Seconds between two tries to take the lock."""
_T = TypeVar("_T")


class PrivateDirectory:
    """An open directory. Its errors are `DnssecError`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path: Final = path
        self._descriptor: Final = descriptor

    @classmethod
    @contextmanager
    def opened(cls, path: Path, *, create: bool = False) -> Iterator["PrivateDirectory | None"]:
        """The directory at a path, whose last part may be a link of root or of this user; None if there is none."""
        if create and _reported(path, "created", lambda: _made(path, None), _ELSEWHERE):
            with _closing(_reported(path.parent, "opened", lambda: os.open(path.parent, _DIRECTORY))) as parent:
                _reported(path.parent, "written", lambda: os.fsync(parent))
        try:
            _check_way(path)
            descriptor = os.open(path, _DIRECTORY)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise DnssecError(f"{path}: cannot be opened: {error.strerror}") from None
        except RuntimeError:  # Path.resolve
            raise DnssecError(f"{path}: is a symbolic link to itself; name the directory itself") from None
        with _closing(descriptor):
            _check(path, os.fstat(descriptor), 0o700)
            yield cls(path, descriptor)

    @contextmanager
    def inner(self, name: str, *, create: bool = False) -> Iterator["PrivateDirectory | None"]:
        """The directory of this name in it; None if there is none."""
        path = self.path / name
        if create and _reported(path, "created", lambda: _made(Path(name), self._descriptor)):
            self.sync()
        try:
            descriptor = os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=self._descriptor)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise DnssecError(f"{path}: {self._why(name, error)}") from None
        with _closing(descriptor):
            _check(path, os.fstat(descriptor), 0o700)
            yield type(self)(path, descriptor)

    @contextmanager
    def locked(self, wait: float) -> Iterator[None]:
        """Hold the lock, which excludes other processes. `DnssecError` if it isn't free within `wait` seconds."""
        until = monotonic() + wait
        while not self._lock():
            if monotonic() >= until:
                raise DnssecError(
                    f"{self.path}: another process is changing the keys (zonegitd, or a `zonegit dnssec` command); "
                    "try again in a moment"
                )
            sleep(_PAUSE)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def names(self) -> list[str]:
        """The names of everything in it, sorted, but for files that are being written."""
        return sorted(name for name in self._listed() if not _TEMPORARY.fullmatch(name))

    def status(self, name: str) -> os.stat_result | None:
        """The status of a file that may be read; None if it doesn't exist."""
        with self._file(name) as descriptor:
            return os.fstat(descriptor) if descriptor is not None else None

    def read(self, name: str, most: int) -> bytes | None:
        """The bytes of a file; None if it doesn't exist. Refused if it has more than `most`."""
        with self._file(name) as descriptor:
            if descriptor is None:
                return None
            data = _reported(self.path / name, "read", lambda: _read_all(descriptor, most + 1))
        if len(data) > most:
            raise DnssecError(f"{self.path / name}: is larger than {most} bytes")
        return data

    def write_new(self, name: str, data: bytes) -> bool:
        """Write a file that doesn't exist; False if it does. It is on the disk when this returns."""
        return _reported(self.path / name, "written", lambda: self._linked(name, data))

    def replace(self, name: str, data: bytes) -> None:
        """Write a file, or replace it as a whole. It is on the disk when this returns."""

        def replaced() -> None:
            with self._temporary(name, data) as temporary:
                os.rename(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            os.fsync(self._descriptor)

        _reported(self.path / name, "written", replaced)

    def remove(self, name: str) -> bool:
        """Remove a file; False if it doesn't exist."""
        try:
            os.unlink(name, dir_fd=self._descriptor)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise DnssecError(f"{self.path / name}: cannot be removed: {error.strerror}") from None
        self.sync()
        return True

    def sync(self) -> None:
        """Wait until the names in it are on the disk."""
        _reported(self.path, "written", lambda: os.fsync(self._descriptor))

    def clean(self) -> None:
        """Remove what writers that were interrupted have left. Only under the lock."""
        for name in self._listed():
            if _TEMPORARY.fullmatch(name):
                self.remove(name)

    def _listed(self) -> list[str]:
        return _reported(self.path, "read", lambda: os.listdir(self._descriptor))  # noqa: PTH208

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise DnssecError(f"{self.path}: cannot be locked: {error.strerror}") from None
        return True

    @contextmanager
    def _file(self, name: str) -> Iterator[int | None]:
        path = self.path / name
        try:
            descriptor = os.open(name, _READ, dir_fd=self._descriptor)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise DnssecError(f"{path}: {self._why(name, error)}") from None
        with _closing(descriptor):
            _check(path, os.fstat(descriptor), 0o600)
            yield descriptor

    def _linked(self, name: str, data: bytes) -> bool:
        with self._temporary(name, data) as temporary:
            try:
                os.link(temporary, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            except FileExistsError:
                return False
        os.fsync(self._descriptor)
        return True

    @contextmanager
    def _temporary(self, name: str, data: bytes) -> Iterator[str]:
        """A new file with these bytes, on the disk; gone afterwards, if it still has this name."""
        temporary = f".{name}.{os.urandom(8).hex()}.new"
        try:
            with _closing(os.open(temporary, _WRITE, 0o600, dir_fd=self._descriptor)) as descriptor:
                _write_all(descriptor, data)
                os.fsync(descriptor)
            yield temporary
        finally:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=self._descriptor)

    def _why(self, name: str, error: OSError) -> str:
        with suppress(OSError):
            if stat.S_ISLNK(os.stat(name, dir_fd=self._descriptor, follow_symlinks=False).st_mode):
                return "is a symbolic link; replace it with what it points to"
        return f"cannot be opened: {error.strerror}"


def _made(path: Path, parent: int | None) -> bool:
    try:
        os.mkdir(path, 0o700, dir_fd=parent)
    except FileExistsError:
        return False
    return True


def _check(path: Path, found: os.stat_result, mode: int) -> None:
    """Refuse what another user may read or write."""
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        raise DnssecError(f"{path}: is not a regular file")
    if found.st_uid != os.geteuid():
        mine, theirs = user_name(os.geteuid()), user_name(found.st_uid)
        raise DnssecError(f"{path}: belongs to {theirs}, but this process runs as {mine}; run it as {theirs}")
    if found.st_mode & 0o077:
        now = stat.S_IMODE(found.st_mode)
        raise DnssecError(f"{path}: mode {now:04o} lets others at private keys; run: chmod {mode:04o} {path}")


def _check_way(path: Path) -> None:
    """Refuse a path that another user can redirect."""
    trusted = (0, os.geteuid())
    link = os.lstat(path)
    if stat.S_ISLNK(link.st_mode) and link.st_uid not in trusted:
        raise DnssecError(f"{path}: is a symbolic link of {user_name(link.st_uid)}; name the directory itself")
    for parent in {path.parent, path.resolve().parent}:
        above = parent.stat()
        shared = above.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not above.st_mode & stat.S_ISVTX
        if shared or above.st_uid not in trusted:
            raise DnssecError(f"{parent}: others may replace the key directory in it; move that elsewhere")


def _reported(path: Path, what: str, run: Callable[[], _T], remedy: str = "") -> _T:
    try:
        return run()
    except OSError as error:
        helps = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
        raise DnssecError(f"{path}: cannot be {what}: {error.strerror}{remedy if helps else ''}") from None


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_all(descriptor: int, most: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read(most)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
