"""The command that undoes what a verb did, printed by each verb that takes something away."""

from __future__ import annotations

import shlex
from argparse import Namespace


def way_back(args: Namespace, verb: str, *words: str) -> str:
    """`the way back: zonegit …`, ready for a shell, with the directory, repository and zone that `args` named."""
    where = [word for directory in args.directories for word in ("-C", directory)]
    if args.repo:
        where += ["--repo", args.repo]
    if args.zone:
        where += ["--zone", args.zone]
    return f"the way back: {shlex.join(['zonegit', *where, *verb.split(), *words])}"
