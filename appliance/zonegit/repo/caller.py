"""The user who runs this process; under sudo, the user who called sudo.

The caller stays the same when root drops its privileges and continues as the owner of a repository: HEAD and the
author of commits are still the caller's.
"""

import os
import pwd
from typing import NamedTuple


class _Caller(NamedTuple):
    uid: int
    name: str


_before: list[_Caller] = []
"""The caller as it was before `continue_as`."""


def user() -> int:
    """The uid of the caller."""
    if _before:
        return _before[0].uid
    caller = os.environ.get("SUDO_UID", "")
    return int(caller) if not os.geteuid() and caller.isdecimal() else os.geteuid()


def login() -> str:
    """The caller's name: `alice@host`, or under sudo `alice (sudo)`.

    A user without a name, as in some containers, is `uid1000@host`.
    """
    import getpass

    if _before:
        return _before[0].name
    caller = os.environ.get("SUDO_USER", "")
    if not os.geteuid() and caller not in ("", "root"):
        return f"{caller} (sudo)"
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"uid{os.getuid()}"
    return f"{name}@{os.uname().nodename}"


def continue_as(uid: int, gid: int) -> None:
    """Drop root's privileges and run as this user from now on, irrevocably. OSError if root isn't allowed to.

    The groups are those of the user, or only `gid` if the system doesn't know the user.
    """
    before = _Caller(user(), login())
    try:
        found = pwd.getpwuid(uid)
        gid, groups = found.pw_gid, os.getgrouplist(found.pw_name, found.pw_gid)
    except KeyError:
        groups = [gid]
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    _before.append(before)
