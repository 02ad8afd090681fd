"""Options that several verbs share, and what they open. Nothing dear is imported until a verb runs."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final, TypedDict

from zonegit.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from zonegit.model.names import WireName
    from zonegit.repo import Repository

SERVICE_KEYS: Final = "/etc/zonegit/keys.d"
"""Where the package keeps the service's keys."""


def json_option(parser: ArgumentParser) -> None:
    """`--json`, for verbs that answer something."""
    parser.add_argument("--json", action="store_true", help="answer in JSON; docs/cli.md has the shapes")


def keys_option(parser: ArgumentParser) -> None:
    """`--keys`, for verbs on key files: the service's directory, where there is one."""
    service = os.path.isdir(SERVICE_KEYS)  # noqa: PTH112  pathlib isn't imported before it is needed
    parser.add_argument(
        "--keys",
        metavar="DIR",
        type=_directory,
        required=not service,
        default=SERVICE_KEYS,
        help=f"the directory that holds the key files (default: {SERVICE_KEYS} where that is there)",
    )


def _directory(text: str) -> Path:
    from pathlib import Path

    return Path(text)


def dry_run_option(parser: ArgumentParser) -> None:
    """`--dry-run`, for verbs that write."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")


def author_option(parser: ArgumentParser) -> None:
    """`--author`, for verbs that leave a trace in the reflog or in a commit."""
    parser.add_argument("--author", metavar="WHO", help="`Name <mail>` (default: user@host)")


def commit_options(parser: ArgumentParser) -> None:
    """What verbs that make a commit take."""
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="the commit's message (default: made from the change)"
    )
    author_option(parser)
    parser.add_argument("--branch", metavar="BRANCH", help="commit there (default: HEAD's branch)")
    dry_run_option(parser)
    json_option(parser)


class How(TypedDict):
    """The keywords that every call of `Repository` that commits takes."""

    zone: str | None
    branch: str | None
    who: str | None
    message: str | None
    dry_run: bool


def commit_how(args: Namespace) -> How:
    """What `commit_options` read."""
    return How(zone=args.zone, branch=args.branch, who=author(args), message=message(args), dry_run=args.dry_run)


def author(args: Namespace) -> str | None:
    """`--author`; None if it wasn't given. `Repository` checks its form."""
    who: str | None = args.author
    if who is not None and not who.strip():
        raise UsageError("--author is empty; write 'Ada <ada@example.org>'")
    return who


def message(args: Namespace) -> str | None:
    """`--message`, checked; None if it wasn't given."""
    text: str | None = args.message
    if text is not None and (not text.strip() or not all(char.isprintable() or char in "\n\t" for char in text)):
        raise UsageError("--message is empty, or holds control characters; write a line of plain text")
    return text


def apex(args: Namespace, repo: Repository) -> WireName:
    """The apex of the zone that the verb is about."""
    from zonegit.model.names import parse_apex

    return parse_apex(args.zone if args.zone is not None else repo.position().zone)


def apex_text(args: Namespace, repo: Repository) -> str:
    """The zone that the verb is about, in canonical form."""
    from zonegit.model.names import to_text

    return to_text(apex(args, repo))


def branch_of(zone: str | None, repo: Repository) -> str:
    """HEAD's branch; of another zone the default one."""
    from zonegit.model.names import parse_apex
    from zonegit.model.refs import DEFAULT_BRANCH

    here = repo.position()
    if zone is None or parse_apex(zone) == parse_apex(here.zone):
        return here.branch
    branches = repo.branches(zone=zone)
    return DEFAULT_BRANCH if DEFAULT_BRANCH in branches else min(branches)


def open_repository(args: Namespace) -> Repository:
    """The repository that `--repo`, `ZONEGIT_REPO` or the working directory names.

    A verb that only reads, or is told `--dry-run`, never waits for a writer.
    """
    from zonegit.repo import Repository

    return Repository.open(args.repo, readonly=getattr(args, "dry_run", True))
