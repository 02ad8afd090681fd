"""Options that several verbs share, and opening the repository. Expensive imports wait until they are needed."""

from __future__ import annotations

import os
import re
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
    from zonegit.repo.joint import JointOptions
    from zonegit.repo.results import Position
    from zonegit.repo.writing import CommitOptions
    from zonegit.store.writer_lock import Patience

LOCK_TIMEOUT: Final = 60
"""Seconds that a verb waits while another process writes."""
SERVICE_KEYS: Final = "/etc/zonegit/keys.d"
"""Where the package keeps the service's keys."""


def json_option(parser: ArgumentParser) -> None:
    """`--json`, for verbs that print an answer."""
    parser.add_argument("--json", action="store_true", help="print JSON; docs/cli.md describes it")


def keys_option(parser: ArgumentParser) -> None:
    """`--keys`, for verbs on key files; the default is the service's directory if it exists."""
    service = os.path.isdir(SERVICE_KEYS)  # noqa: PTH112  pathlib isn't imported before it is needed
    parser.add_argument(
        "--keys",
        metavar="DIR",
        type=_directory,
        required=not service,
        default=SERVICE_KEYS,
        help=f"the directory of the key files (default: {SERVICE_KEYS} if it exists)",
    )


def _directory(text: str) -> Path:
    from pathlib import Path

    return Path(text)


def fast_forward_options(parser: ArgumentParser, only: str) -> None:
    """`--ff-only` and `--no-ff`, as a value of `repo.merges.FastForward`. `only`: the help of the former."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--ff-only",
        dest="ff",
        action="store_const",
        const="only",
        default="allow",
        help=only,
    )
    group.add_argument("--no-ff", dest="ff", action="store_const", const="never", help="always make a commit")


def dry_run_option(parser: ArgumentParser) -> None:
    """`--dry-run` and `--lock-timeout`, for verbs that write."""
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and write nothing")
    parser.add_argument(
        "--lock-timeout",
        metavar="SECONDS",
        type=_seconds,
        default=LOCK_TIMEOUT,
        help=f"how long to wait for another writer; 0: not at all (default: {LOCK_TIMEOUT})",
    )


def _seconds(text: str) -> float:
    from argparse import ArgumentTypeError

    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ArgumentTypeError(f"{text[:40]!r} is not a number of seconds, 0 or more")
    return seconds


_HOUR: Final = re.compile("[0-9]{1,2}:[0-9]{2}")


def _future_time(text: str) -> int:
    """A time in the future, in Unix seconds. It is local time unless it has an offset from UTC."""
    import time
    from argparse import ArgumentTypeError
    from datetime import datetime, timedelta

    from zonegit.repo.dates import utc

    now = time.time()
    try:
        if _HOUR.fullmatch(text):
            day = datetime.fromtimestamp(now)
            start = datetime.fromisoformat(f"{day:%Y-%m-%d} {text.zfill(5)}")
            if start.timestamp() <= now:
                start += timedelta(days=1)
        else:
            start = datetime.fromisoformat(text)
        found = int(start.timestamp())
    except (ValueError, OverflowError):
        raise ArgumentTypeError(
            f"{text[:40]!r} is not a time: write it like '2027-01-31 03:00', or 03:00 for the next one"
        ) from None
    if found <= now:
        raise ArgumentTypeError(f"{text[:40]!r} has passed: it is {utc(now)} now")
    return found


def patience(args: Namespace, out: Output) -> Patience:
    """How long a verb waits for another writer; after a second it prints a message."""
    from zonegit.store.writer_lock import Patience

    return Patience(getattr(args, "lock_timeout", LOCK_TIMEOUT), out.fail)


def author_option(parser: ArgumentParser) -> None:
    """`--author`, for verbs that write a reflog entry or a commit."""
    parser.add_argument(
        "--author",
        metavar="WHO",
        help="`Name <mail>` (default: as configured, else user@host; under sudo: the caller)",
    )


def at_option(parser: ArgumentParser) -> None:
    """`--at`, for verbs that make a commit."""
    parser.add_argument(
        "--at",
        metavar="TIME",
        type=_future_time,
        help="publish the commit at this time ('2027-01-31 03:00', or 03:00); the branch needs a policy",
    )


def commit_options(parser: ArgumentParser, *message: str, of_file: bool = False) -> None:
    """The options of verbs that make a commit; `message` are the names of the message option.

    `of_file`: the commit has the content of a zone file, which may be signed.
    """
    parser.add_argument(
        *(message or ("-m", "--message")),
        metavar="TEXT",
        help="the commit message (default: derived from the change)",
    )
    author_option(parser)
    parser.add_argument("--branch", metavar="BRANCH", help="the branch to commit to (default: HEAD's branch)")
    at_option(parser)
    (file_signature_options if of_file else signature_options)(parser)
    check_options(parser)
    sign_option(parser)
    dry_run_option(parser)
    json_option(parser)


def sign_option(parser: ArgumentParser, what: str = "commit") -> None:
    """`-S`, for verbs that make a commit, or another object."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-S",
        "--sign",
        action="store_const",
        const=True,
        help=f"sign the {what} with your key (default: as commit.sign says)",
    )
    group.add_argument("--no-sign", dest="sign", action="store_const", const=False, help=f"don't sign the {what}")


def signature_options(parser: ArgumentParser) -> None:
    """What to do with the signatures of a zone that is signed elsewhere."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--unsign",
        dest="signatures",
        action="store_const",
        const="unsign",
        default="keep",
        help="delete all DNSSEC records of the zone",
    )
    group.add_argument(
        "--break-signatures",
        dest="signatures",
        action="store_const",
        const="break",
        help="change a signed zone although that makes its signatures invalid",
    )


def file_signature_options(parser: ArgumentParser) -> None:
    """What to do with the signatures of a zone file, or of the zone that it replaces."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--unsign",
        "--drop-signatures",
        dest="signatures",
        action="store_const",
        const="unsign",
        default="keep",
        help="leave out what a signer adds: RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS, CDNSKEY and ZONEMD",
    )
    group.add_argument(
        "--keep-signatures", action="store_true", help="keep these records even if zonegit signs the zone"
    )
    group.add_argument(
        "--break-signatures",
        dest="signatures",
        action="store_const",
        const="break",
        help="take the file even if its signatures are invalid with the new serial, or the zone loses its own",
    )


def commit_how(args: Namespace, zone: str) -> CommitOptions:
    """The values of `commit_options`, for a change of this zone."""
    return {
        "zone": zone,
        "branch": args.branch,
        "who": args.author,
        "message": args.message,
        "dry_run": args.dry_run,
        "signatures": args.signatures,
        "strict": strict(args, zone),
        "sign": args.sign,
        "not_before": args.at,
    }


def joint_how(args: Namespace) -> JointOptions:
    """The values of `commit_options`, for a change of one or several zones."""
    return {
        "zone": args.zone,
        "branch": args.branch,
        "who": args.author,
        "message": args.message,
        "dry_run": args.dry_run,
        "signatures": args.signatures,
        "strict": lambda zone: strict(args, zone),
        "sign": args.sign,
        "not_before": args.at,
    }


def apex(args: Namespace, repo: Repository) -> WireName:
    """The apex of the zone that the verb is about."""
    from zonegit.model.names import parse_apex

    return parse_apex(repo.position(args.zone).zone)


def open_repository(args: Namespace, out: Output, *, reads: bool = False) -> Repository:
    """The repository that is meant (`cli.location`).

    A verb that only reads, or has `--dry-run`, never waits for a writer. `reads`: a verb that could write only
    reads this time. A reading verb prints a warning if HEAD's branch is gone and it reads another one.
    """
    from zonegit.repo import Repository

    reads = reads or not hasattr(args, "dry_run")
    readonly = reads or args.dry_run
    repo = Repository.open(chosen_repository(args), readonly=readonly, patience=patience(args, out))
    interruption.begin(args, repo)
    if reads:
        _warn_of_lost(args, repo, out)
    return repo


def head_note(repo: Repository, place: Position) -> str:
    """The note of a verb that moved HEAD."""
    whose = "your HEAD names" if repo.shared else "HEAD names"
    others = "; other users of this repository keep theirs" if repo.shared else ""
    return f"{whose} {place.zone}, branch {place.branch}{others}"


def _warn_of_lost(args: Namespace, repo: Repository, out: Output) -> None:
    """Warn about what is read if HEAD's branch is gone, unless another zone is meant."""
    from zonegit.model.names import parse_apex, to_text

    status = repo.head_status()
    lost = status.lost
    if lost is None or (args.zone is not None and to_text(parse_apex(args.zone)) != lost.zone):
        return
    instead = "no zone is left"
    if place := status.place:
        choose = "check out another branch" if place.zone == lost.zone else "run `zonegit zone switch ZONE`"
        instead = f"using {place.branch} of {place.zone} until you {choose}"
    out.warn(f"HEAD names branch {lost.branch} of {lost.zone}, which is gone; {instead}")
