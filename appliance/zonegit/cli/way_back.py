"""The command that undoes what a verb did, printed by each verb that removes something."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from zonegit.errors import Refused
from zonegit.model.ids import short

if TYPE_CHECKING:
    from zonegit.repo import Committed, Repository


def way_back(args: Namespace, verb: str, *words: str) -> str:
    """`to undo: zonegit …`, quoted for a shell, with the directory, repository and zone that `args` name."""
    where = [word for directory in args.directories for word in ("-C", directory)]
    if args.repo:
        where += ["--repo", args.repo]
    if args.zone:
        where += ["--zone", args.zone]
    return f"to undo: {shlex.join(['zonegit', *where, *verb.split(), *words])}"


def reset_way_back(repo: Repository, done: Committed, args: Namespace) -> str | None:
    """The command that restores a branch's content from before `done`; None if `done` moved nothing.

    A signed version can't get a new serial; then the line says that no command undoes it.
    """
    if done.old is None or done.new in (None, done.old):
        return None
    try:
        repo.reset(done.old.hex(), zone=done.zone, branch=done.branch, dry_run=True)
    except Refused as refusal:
        return f"the branch was at {short(done.old)}, and this can't be undone: {refusal}"
    branch = ("--branch", args.branch) if args.branch else ()
    return way_back(args, "reset", "--hard", short(done.old), *branch)
