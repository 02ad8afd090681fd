"""Files that hold plans: read within bounds, and written so that nothing else is ever written to."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, BinaryIO, Final

from zonegit.errors import AlreadyThere, InvalidData, Refused, StoreError, UsageError

if TYPE_CHECKING:
    from zonegit.repo.plan import Plan

_STDOUT: Final = "-"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


def read(stream: BinaryIO) -> Plan:
    """The plan in a file. `InvalidData`."""
    from zonegit.repo.plan import MAX_SIZE, read_plan

    data = stream.read(MAX_SIZE + 1)
    if len(data) > MAX_SIZE:
        raise InvalidData(f"the plan has more than {MAX_SIZE:,} bytes, so zonegit didn't write it")
    return read_plan(data)


def check_free(path: str, *, force: bool) -> None:
    """`UsageError` for standard output, and `AlreadyThere` where a file may not be written over."""
    if path == _STDOUT:
        raise UsageError("-o - would mix the plan with the changes, which standard output shows: name a new file")
    _check_free(path, None, force=force)


def _check_free(name: str, directory: int | None, *, force: bool) -> None:
    """`AlreadyThere` as `check_free`: links, devices and directories stay what they are, --force or not."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(found.st_mode):
        raise AlreadyThere(f"{name} is there already, and is no regular file: name another file")
    if not force:
        raise AlreadyThere(f"{name} is there already: name another file, or write over it with --force")


def write(path: str, plan: Plan, *, force: bool) -> None:
    """Write a plan to a new file of mode 600, which takes the place of a regular one with `force`.

    `AlreadyThere`, `Refused` where root would write to another user's directory, or `StoreError`.
    """
    data = plan.encode()
    folder, name = os.path.split(path)
    beside = f".{name}.{os.urandom(4).hex()}"
    try:
        directory = os.open(folder or ".", _DIRECTORY)
        try:
            _refuse_another(directory, folder or ".")
            try:
                with open(os.open(beside, _NEW, 0o600, dir_fd=directory), "wb") as file:  # noqa: PTH123
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                if force:
                    _check_free(name, directory, force=True)
                    os.rename(beside, name, src_dir_fd=directory, dst_dir_fd=directory)
                    return
                os.link(beside, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
            except FileExistsError:
                check_free(path, force=False)
                raise
            finally:
                _unlink(beside, directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreError(f"can't write {path}: {error.strerror}") from None


def _unlink(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def _refuse_another(directory: int, path: str) -> None:
    """Nobody leads root to another file than it named."""
    found = os.fstat(directory)
    sticky = found.st_mode & stat.S_ISVTX
    shared = found.st_mode & stat.S_IWOTH and not sticky
    if not os.geteuid() and (found.st_uid or shared):
        raise Refused(f"{path} is another user's directory, in which root writes nothing: name a file elsewhere")
