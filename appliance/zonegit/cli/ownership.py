"""Giving up root's rights before opening a repository that root doesn't own.

Root opens no file that another user can change or redirect (`store.files`). For a repository of the service's user,
or of the user who called sudo, `zonegit` becomes that user, for good and before it opens anything; a repository of
any other user is refused. Other files named on the command line have to be readable by that user, except zone
files, which are read first.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from zonegit.cli.location import SERVICE_REPOSITORY, existing

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path


def chosen_repository(args: Namespace) -> Path:
    """The repository that a verb opens (`cli.location`). Root becomes its owner. `StoreError`."""
    return as_owner(existing(args))


def as_owner(path: Path) -> Path:
    """The path of a repository to be opened or created. Root becomes its owner. `StoreError`."""
    if os.geteuid():
        return path
    found = _nearest(path)
    owner = found.st_uid if found else 0
    if not found or not owner:
        return path
    from zonegit.errors import StoreError
    from zonegit.repo import caller
    from zonegit.store.files import of_another
    from zonegit.store.writer_lock import user_name

    if owner not in _trusted():
        raise of_another(path, owner)
    try:
        caller.continue_as(owner, found.st_gid)
    except OSError as error:
        name = user_name(owner)
        why = f"{path} belongs to {name}, and root cannot become {name} here ({error.strerror})"
        raise StoreError(f"{why}: run this as {name}") from None
    for module in (__name__, "lmdb", "os"):  # zonegit, what it needs, and Python
        part = sys.modules[module].__file__
        if part and not os.access(part, os.R_OK):
            name = user_name(owner)
            way = f"install zonegit and its Python where {name} can read them, for example with the package"
            raise StoreError(f"{path} belongs to {name}, who cannot read {part}, which zonegit needs: {way}")
    return path


def _nearest(path: Path) -> os.stat_result | None:
    """The status of the path, or of its nearest existing parent."""
    for each in (path, *path.absolute().parents):
        try:
            return each.stat()
        except (OSError, ValueError):  # a NUL byte is a ValueError
            continue
    return None


def _trusted() -> set[int]:
    """The uids whose repositories root uses: the service's, and under sudo the caller's."""
    caller = os.environ.get("SUDO_UID", "")
    trusted = {int(caller)} if caller.isdecimal() else set()
    try:
        return trusted | {os.stat(SERVICE_REPOSITORY).st_uid}  # noqa: PTH116
    except OSError:
        return trusted
