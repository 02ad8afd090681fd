"""Plan files: read within bounds, and written so that no other file is ever overwritten."""

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
        raise InvalidData(f"the plan has more than {MAX_SIZE:,} bytes; zonegit writes none of that size")
    return read_plan(data)


def check_free(path: str, *, force: bool) -> None:
    """`UsageError` for standard output, `AlreadyThere` if the file exists and may not be overwritten."""
    if path == _STDOUT:
        raise UsageError("-o -: standard output already shows the changes; name a new file for the plan")
    _check_free(path, None, force=force)


def _check_free(name: str, directory: int | None, *, force: bool) -> None:
    """`AlreadyThere` as `check_free`: links, devices and directories are never replaced, even with --force."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISREG(found.st_mode):
        raise AlreadyThere(f"{name} already exists and is not a regular file: name another file")
    if not force:
        raise AlreadyThere(f"{name} already exists: name another file, or overwrite it with --force")


def write(path: str, plan: Plan, *, force: bool) -> None:
    """Write a plan to a new file of mode 600; with `force` it replaces a regular file.

    `AlreadyThere`, `Refused` if root would write to another user's directory, or `StoreError`.
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
        raise StoreError(f"cannot write {path}: {error.strerror}") from None


def _unlink(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def _refuse_another(directory: int, path: str) -> None:
    """`Refused` if another user could redirect root's write to a different file."""
    found = os.fstat(directory)
    sticky = found.st_mode & stat.S_ISVTX
    shared = found.st_mode & stat.S_IWOTH and not sticky
    if not os.geteuid() and (found.st_uid or shared):
        raise Refused(f"{path} is another user's directory, where root writes no plan: name a file elsewhere")
