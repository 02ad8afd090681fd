"""Who is at work: the user of this process, or who called it by sudo.

That stays so when root goes on as the owner of a repository: whose HEAD counts and who a commit's author is doesn't
change with the rights that a process has given up.
"""

import os
import pwd
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Caller:
    uid: int
    name: str


_before: list[_Caller] = []
"""Who it was before `go_on_as`."""


def user() -> int:
    """The number of who is at work: under sudo, of who called it."""
    if _before:
        return _before[0].uid
    caller = os.environ.get("SUDO_UID", "")
    return int(caller) if not os.geteuid() and caller.isdecimal() else os.geteuid()


def login() -> str:
    """The login name at this host, or under sudo the caller's: `alice (sudo)`.

    A user that the system has no name for (in a container) goes by the number.
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


def go_on_as(uid: int, gid: int) -> None:
    """As root: be this user for the rest of the process, with no way back. OSError where root may not do that.

    The groups are the user's, or `gid` alone for one that the system doesn't know.
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
