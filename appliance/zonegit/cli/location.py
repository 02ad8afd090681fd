"""Which directory a verb works in, and which repository is meant there.

`-C DIR` changes the working directory, as git's does. The repository is then the one that `--repo` names, or the
nearest: `.zonegit` here, this directory itself, or `.zonegit` in a directory above; else `$ZONEGIT_REPO`'s, or the
service's. Without `-C` the environment comes before what is near. Directories above that everybody may write to are
passed over: in `/tmp/work`, `/tmp/.zonegit` may be anybody's.
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
"""The repository of a directory, in it."""
SERVICE_REPOSITORY: Final = "/var/lib/zonegit"
"""What the installed service answers from."""
DATA: Final = "data.mdb"


@contextmanager
def entered(directories: list[str]) -> Iterator[None]:
    """Work in the directory that these lead to, each relative to the one before; then in the old one again."""
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
        raise UsageError(f"can't change to the directory {directory}: {reason}") from None


def existing(args: Namespace) -> Path:
    """The repository that a verb opens. `StoreError` where there is none, which says what is near instead.

    It is looked for once: who goes on as its owner (`cli.ownership`) may not see the working directory any more.
    """
    from pathlib import Path

    if found := getattr(args, "found_repository", None):
        return Path(found)
    chosen = args.repo or (args.directories and _nearest()) or os.environ.get("ZONEGIT_REPO") or _default()
    if not _holds_one(chosen):
        where = f"at {chosen}" if args.repo or chosen != HERE else "in this directory or above it"
        raise StoreError(f"there is no repository {where}: {_advice(args, chosen)}")
    args.found_repository = os.path.abspath(chosen)  # noqa: PTH100
    return Path(chosen)


def new(args: Namespace) -> Path:
    """Where `init` and `clone` make one: never a directory that nobody named, above all not the service's."""
    from pathlib import Path

    environment = None if args.directories else os.environ.get("ZONEGIT_REPO")
    return Path(args.repo or environment or HERE)


def is_made(args: Namespace) -> bool:
    """Whether anything of a repository is where `init` makes one."""
    return _holds_one(str(new(args)))


def _default() -> str:
    """The one that is meant where nothing is said."""
    return _nearest() or (SERVICE_REPOSITORY if _holds_one(SERVICE_REPOSITORY) else HERE)


def _nearest() -> str | None:
    """The nearest repository: relative for one in or at the working directory, absolute for one above it."""
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
    """Whether there is a repository, or something that only its owner may look at."""
    try:
        os.stat(os.path.join(directory, DATA))  # noqa: PTH116, PTH118
    except PermissionError:
        return True
    except (OSError, ValueError):  # a NUL byte is a ValueError
        return False
    return True


def _advice(args: Namespace, chosen: str) -> str:
    """What to do instead: never to make a repository where one is meant that is there already."""
    inside = os.path.join(chosen, HERE)  # noqa: PTH118
    said = "--repo" if args.repo else "$ZONEGIT_REPO"
    if _holds_one(inside):
        return f"the one in it is {inside}; name that, or say `zonegit -C {chosen}` without {said}"
    other = _default()
    if _holds_one(other):
        whose = "the service's" if other == SERVICE_REPOSITORY else "the nearest one"
        return f"{whose} is {other}; leave {said} out, or say `--repo {other}`"
    if args.repo:
        return f"make one with `zonegit init --repo {chosen}`"
    return "make one with `zonegit init`"
