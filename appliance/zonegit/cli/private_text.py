"""A file for the editor that no other user can read or redirect.

It is in a directory of its own, so that files that an editor writes beside it (swap files, backups) are private
too.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from errno import ELOOP, ENOENT
from typing import Final

from zonegit.errors import Refused, StoreError

_ROOM: Final = "zonegit-edit-"
_FILE: Final = "edit.zone"
_ROOMS: Final = ("/tmp", "/var/tmp")  # noqa: S108  a directory with a name by chance is made there
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def write(text: bytes) -> str:
    """The path of a new file with this text, of mode 600. `StoreError` if it can't be created."""
    room = _new_room()
    path = f"{room}/{_FILE}"
    try:
        with open(os.open(path, _NEW, 0o600), "wb") as file:  # noqa: PTH123
            file.write(text)
    except OSError as error:
        remove(path)
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
    return path


def read(path: str) -> bytes:
    """The text as it is now. `Refused` if it is missing, another user's, or not a regular file."""
    try:
        file = os.open(path, _KEPT)
    except OSError as error:
        if error.errno == ENOENT:
            raise Refused(
                f"{path} does not exist, so there is no text to commit: start again with `zonegit edit`"
            ) from None
        if error.errno == ELOOP:
            raise Refused(_other(path)) from None
        raise Refused(f"cannot read {path}: {error.strerror}; make it readable, or start again") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(_other(path))
        if status.st_uid != os.geteuid():
            raise Refused(f"{path} belongs to another user: copy it, and edit the copy")
        with open(file, "rb", closefd=False) as opened:
            return opened.read()
    finally:
        os.close(file)


def _other(path: str) -> str:
    return f"{path} is not a regular file: replace the link or directory by a file with the text"


def replace(path: str, text: bytes) -> None:
    """Replace the text of a file. `StoreError` if that fails; then the file is unchanged."""
    new = f"{path}.{os.urandom(8).hex()}"
    try:
        with open(os.open(new, _NEW, 0o600), "wb") as file:  # noqa: PTH123
            file.write(text)
        os.replace(new, path)  # noqa: PTH105
    except OSError as error:
        with suppress(OSError):
            os.unlink(new)  # noqa: PTH108
        raise StoreError(f"cannot write {path}: {error.strerror}") from None


def remove(path: str) -> None:
    """Remove a file that `write` created, with its directory and everything in it. Ignores any other file."""
    room, name = os.path.split(path)
    if name != _FILE or not os.path.basename(room).startswith(_ROOM):  # noqa: PTH119
        return
    from shutil import rmtree

    rmtree(room, ignore_errors=True)


def _new_room() -> str:
    for parent in (os.environ.get("TMPDIR", ""), *_ROOMS):
        if not os.path.isabs(parent) or not _is_safe(parent):  # noqa: PTH117
            continue
        room = f"{parent.rstrip('/')}/{_ROOM}{os.urandom(8).hex()}"
        try:
            os.mkdir(room, 0o700)  # noqa: PTH102
        except OSError:
            continue
        return room
    raise StoreError(
        f"cannot create a directory for the text in {', '.join(_ROOMS)}: set TMPDIR to one of your own"
    )


def _is_safe(parent: str) -> bool:
    """Whether only root and this user can rename what is created in this directory."""
    try:
        found = os.stat(parent)  # noqa: PTH116
    except OSError:
        return False
    if found.st_uid not in (0, os.geteuid()):
        return False
    return bool(found.st_mode & stat.S_ISVTX) or not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
