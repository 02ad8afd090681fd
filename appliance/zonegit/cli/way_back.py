"""The command that undoes what a verb did, printed by each verb that takes something away."""

from __future__ import annotations

import shlex
from argparse import Namespace
from typing import TYPE_CHECKING

from zonegit.errors import Refused
from zonegit.model.ids import short

if TYPE_CHECKING:
    from zonegit.repo import Committed, Repository


def way_back(args: Namespace, verb: str, *words: str) -> str:
    """`the way back: zonegit …`, ready for a shell, with the directory, repository and zone that `args` named."""
    where = [word for directory in args.directories for word in ("-C", directory)]
    if args.repo:
        where += ["--repo", args.repo]
    if args.zone:
        where += ["--zone", args.zone]
    return f"the way back: {shlex.join(['zonegit', *where, *verb.split(), *words])}"


def reset_way_back(repo: Repository, done: Committed, args: Namespace) -> str | None:
    """The command that gives a branch its content from before `done` back; None where `done` moved nothing.

    A signed version can't get a new serial, so there is no such command then, and the line says so.
    """
    if done.old is None or done.new in (None, done.old):
        return None
    try:
        repo.reset(done.old.hex(), zone=done.zone, branch=done.branch, dry_run=True)
    except Refused as refusal:
        return f"the branch was at {short(done.old)}, and no command leads back: {refusal}"
    branch = ("--branch", args.branch) if args.branch else ()
    return way_back(args, "reset", "--hard", short(done.old), *branch)
