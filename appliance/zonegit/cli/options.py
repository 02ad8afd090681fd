"""Options that several verbs share, and what they open. Nothing dear is imported until a verb runs."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import interruption
from zonegit.cli.checks import check_options, strict
from zonegit.cli.ownership import chosen_repository

if TYPE_CHECKING:
    from pathlib import Path

    from zonegit.cli.output import Output
    from zonegit.model.names import WireName
    from zonegit.repo import Repository
    from zonegit.repo.everywhere import JointOptions
    from zonegit.repo.results import Position
    from zonegit.repo.writing import CommitOptions
    from zonegit.store.writer_lock import Patience

LOCK_TIMEOUT: Final = 60
"""Seconds that a verb waits while another process writes."""
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
    """`--dry-run` and `--lock-timeout`, for verbs that write."""
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and write nothing")
    parser.add_argument(
        "--lock-timeout",
        metavar="SECONDS",
        type=_seconds,
        default=LOCK_TIMEOUT,
        help=f"how long to wait while another process writes; 0: not at all (default: {LOCK_TIMEOUT})",
    )


def _seconds(text: str) -> float:
    from argparse import ArgumentTypeError

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ArgumentTypeError(f"{text[:40]!r} is no number of seconds")
    return seconds


def patience(args: Namespace, out: Output) -> Patience:
    """How long a verb waits for another writer; it says so after a second."""
    from zonegit.store.writer_lock import Patience

    return Patience(getattr(args, "lock_timeout", LOCK_TIMEOUT), out.fail)


def author_option(parser: ArgumentParser) -> None:
    """`--author`, for verbs that leave a trace in the reflog or in a commit."""
    parser.add_argument("--author", metavar="WHO", help="`Name <mail>` (default: user@host, or sudo's caller)")


def commit_options(parser: ArgumentParser, *message: str) -> None:
    """What verbs that make a commit take; `message` are the names of the option for its message."""
    parser.add_argument(
        *(message or ("-m", "--message")),
        metavar="TEXT",
        help="the commit's message (default: made from the change)",
    )
    author_option(parser)
    parser.add_argument("--branch", metavar="BRANCH", help="commit there (default: HEAD's branch)")
    signature_options(parser)
    check_options(parser)
    dry_run_option(parser)
    json_option(parser)


def signature_options(parser: ArgumentParser) -> None:
    """What may happen to the signatures of a zone that is signed elsewhere."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--unsign",
        dest="signatures",
        action="store_const",
        const="unsign",
        default="keep",
        help="drop all DNSSEC records of the zone",
    )
    group.add_argument(
        "--break-signatures",
        dest="signatures",
        action="store_const",
        const="break",
        help="change a signed zone though its signatures are wrong then",
    )


def commit_how(args: Namespace, zone: str) -> CommitOptions:
    """What `commit_options` read, for a change of this zone."""
    return {
        "zone": zone,
        "branch": args.branch,
        "who": args.author,
        "message": args.message,
        "dry_run": args.dry_run,
        "signatures": args.signatures,
        "strict": strict(args, zone),
    }


def joint_how(args: Namespace) -> JointOptions:
    """What `commit_options` read, for a change that may be one of several zones."""
    return {
        "zone": args.zone,
        "branch": args.branch,
        "who": args.author,
        "message": args.message,
        "dry_run": args.dry_run,
        "signatures": args.signatures,
        "strict": lambda zone: strict(args, zone),
    }


def apex(args: Namespace, repo: Repository) -> WireName:
    """The apex of the zone that the verb is about."""
    from zonegit.model.names import parse_apex

    return parse_apex(repo.position(args.zone).zone)


def open_repository(args: Namespace, out: Output, *, reads: bool = False) -> Repository:
    """The repository that is meant (`cli.location`).

    A verb that only reads, or is told `--dry-run`, never waits for a writer. A verb that could write says that it
    only `reads` this time. Readers are told when they read another branch than HEAD's, as that is gone.
    """
    from zonegit.repo import Repository

    reads = reads or not hasattr(args, "dry_run")
    readonly = reads or args.dry_run
    repo = Repository.open(chosen_repository(args), readonly=readonly, patience=patience(args, out))
    interruption.begin(args, repo)
    if reads:
        _warn_of_lost(args, repo, out)
    return repo


def head_names(repo: Repository, place: Position) -> str:
    """What a verb says that moved HEAD."""
    whose = "your HEAD names" if repo.shared else "HEAD names"
    others = "; the others who share this repository stay where they are" if repo.shared else ""
    return f"{whose} {place.zone}, branch {place.branch}{others}"


def _warn_of_lost(args: Namespace, repo: Repository, out: Output) -> None:
    """Say what is read where what HEAD names is gone, unless another zone is meant."""
    from zonegit.model.names import parse_apex, to_text

    standing = repo.standing()
    lost = standing.lost
    if lost is None or (args.zone is not None and to_text(parse_apex(args.zone)) != lost.zone):
        return
    instead = "no zone is left"
    if place := standing.place:
        choose = "check out another" if place.zone == lost.zone else "choose another: `zonegit zone switch ZONE`"
        instead = f"this is {place.branch} of {place.zone}, until you {choose}"
    out.warn(f"you were on branch {lost.branch} of {lost.zone}, which is gone; {instead}")
