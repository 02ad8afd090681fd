"""Text that only its user may see or lead elsewhere, while an editor has it.

It stands in a directory of its own, so that what an editor writes beside it (swap files, backups) is private, too.
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
    """The path of a new file with this text, of mode 600. `StoreError` where none can be made."""
    room = _new_room()
    path = f"{room}/{_FILE}"
    try:
        with open(os.open(path, _NEW, 0o600), "wb") as file:  # noqa: PTH123
            file.write(text)
    except OSError as error:
        remove(path)
        raise StoreError(f"can't write {path}: {error.strerror}") from None
    return path


def read(path: str) -> bytes:
    """The text as it is now. `Refused` where it isn't there, is another user's or no regular file."""
    try:
        file = os.open(path, _KEPT)
    except OSError as error:
        if error.errno == ENOENT:
            raise Refused(
                f"{path} isn't there, so there is no text to commit: begin again with `zonegit edit`"
            ) from None
        if error.errno == ELOOP:
            raise Refused(_other(path)) from None
        raise Refused(f"can't read {path}: {error.strerror}; make it readable, or begin again") from None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise Refused(_other(path))
        if status.st_uid != os.geteuid():
            raise Refused(f"{path} belongs to another user than the one who edits here: copy it, and edit the copy")
        with open(file, "rb", closefd=False) as opened:
            return opened.read()
    finally:
        os.close(file)


def _other(path: str) -> str:
    return f"{path} is no regular file: put the text there as one, not as a link or directory"


def replace(path: str, text: bytes) -> None:
    """Have a file hold another text. `StoreError` where that can't be; then it holds what it did."""
    new = f"{path}.{os.urandom(8).hex()}"
    try:
        with open(os.open(new, _NEW, 0o600), "wb") as file:  # noqa: PTH123
            file.write(text)
        os.replace(new, path)  # noqa: PTH105
    except OSError as error:
        with suppress(OSError):
            os.unlink(new)  # noqa: PTH108
        raise StoreError(f"can't write {path}: {error.strerror}") from None


def remove(path: str) -> None:
    """Remove a file that `write` made, with its directory and what an editor left in that; no other file."""
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
    raise StoreError(f"can't make a directory for the text in {', '.join(_ROOMS)}: set TMPDIR to one of your own")


def _is_safe(parent: str) -> bool:
    """Whether nobody but root and this user can rename what is made in this directory."""
    try:
        found = os.stat(parent)  # noqa: PTH116
    except OSError:
        return False
    if found.st_uid not in (0, os.geteuid()):
        return False
    return bool(found.st_mode & stat.S_ISVTX) or not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
