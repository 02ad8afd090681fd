"""Which directory a verb works in, and which repository it uses.

`-C DIR` changes the working directory, as in git. The repository is then the one that `--repo` names, or the
nearest: `.zonegit` here, this directory itself, or `.zonegit` in a parent directory; else `$ZONEGIT_REPO`, or the
service's. Without `-C`, `$ZONEGIT_REPO` precedes the nearest. World-writable parent directories are skipped: in
`/tmp/work`, `/tmp/.zonegit` may belong to anybody.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from zonegit.errors import StoreError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

HERE: Final = ".zonegit"
"""The repository's name inside a directory."""
SERVICE_REPOSITORY: Final = "/var/lib/zonegit"
"""The repository of the installed service."""
SERVICE_CONFIG: Final = "/etc/zonegit/zonegitd.toml"
"""The configuration of the installed service."""
DATA: Final = "data.mdb"


@contextmanager
def entered(directories: list[str]) -> Iterator[None]:
    """Change to these directories in turn, each relative to the previous one; change back at the end."""
    if not directories:
        yield
        return
    before = os.getcwd()  # noqa: PTH109  pathlib isn't imported before it is needed
    try:
        for directory in filter(None, directories):
            _change(directory)
        yield
    finally:
        os.chdir(before)


def _change(directory: str) -> None:
    try:
        os.chdir(directory)
    except (OSError, ValueError) as error:  # a NUL byte is a ValueError
        reason = getattr(error, "strerror", error)
        raise UsageError(f"cannot change to the directory {directory}: {reason}") from None


def existing(args: Namespace) -> Path:
    """The repository that a verb opens. `StoreError` if there is none; the message suggests a nearby one.

    It is looked up once: after becoming its owner (`cli.ownership`) the process may not see the working directory.
    """
    from pathlib import Path

    if found := getattr(args, "found_repository", None):
        return Path(found)
    chosen = args.repo or (args.directories and _nearest()) or os.environ.get("ZONEGIT_REPO") or _default()
    if not _holds_one(chosen):
        where = f"at {chosen}" if args.repo or chosen != HERE else "in this directory or its parents"
        raise StoreError(f"there is no repository {where}: {_advice(args, chosen)}")
    args.found_repository = os.path.abspath(chosen)  # noqa: PTH100
    return Path(chosen)


def new(args: Namespace) -> Path:
    """Where `init` and `clone` create one: only in a named directory or `.zonegit`, never the service's."""
    from pathlib import Path

    environment = None if args.directories else os.environ.get("ZONEGIT_REPO")
    return Path(args.repo or environment or HERE)


def is_made(args: Namespace) -> bool:
    """Whether there is a repository, or the start of one, where `init` creates it."""
    return _holds_one(str(new(args)))


def _default() -> str:
    """The default repository: the nearest, else the service's."""
    return _nearest() or (SERVICE_REPOSITORY if _holds_one(SERVICE_REPOSITORY) else HERE)


def _nearest() -> str | None:
    """The nearest repository: a relative path in or at the working directory, an absolute one above it."""
    if _holds_one(HERE):
        return HERE
    if _holds_one("."):
        return "."
    try:
        above = os.getcwd()  # noqa: PTH109
    except OSError:  # it was deleted
        return None
    while above != (above := os.path.dirname(above)):  # noqa: PTH120
        found = os.path.join(above, HERE)  # noqa: PTH118
        if _holds_one(found) and not os.stat(above).st_mode & stat.S_IWOTH:  # noqa: PTH116
            return found
    return None


def _holds_one(directory: str) -> bool:
    """Whether there is a repository, or a directory that this user may not look into."""
    try:
        os.stat(os.path.join(directory, DATA))  # noqa: PTH116, PTH118
    except PermissionError:
        return True
    except (OSError, ValueError):  # a NUL byte is a ValueError
        return False
    return True


def _advice(args: Namespace, chosen: str) -> str:
    """What to do instead; doesn't suggest creating a repository if an existing one was probably meant."""
    inside = os.path.join(chosen, HERE)  # noqa: PTH118
    said = "--repo" if args.repo else "$ZONEGIT_REPO"
    if _holds_one(inside):
        return f"there is one in {inside}; name that, or use `zonegit -C {chosen}` without {said}"
    other = _default()
    if _holds_one(other):
        whose = "the service's" if other == SERVICE_REPOSITORY else "the nearest one"
        return f"{whose} is {other}; leave {said} out, or use `--repo {other}`"
    if args.repo:
        return f"create one with `zonegit init --repo {chosen}`"
    return "create one with `zonegit init`"
