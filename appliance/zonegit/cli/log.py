"""`log`: which commits are listed, and how."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from zonegit.cli import commits, options, shapes, typed
from zonegit.cli.output import Output
from zonegit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.model.commit import Commit
    from zonegit.repo import Repository, Revision


def log(args: Namespace, out: Output) -> int:
    rtype = typed.type_of(args.type)
    if args.type is not None and args.name is None:
        raise UsageError("log: --type needs --name NAME, whose records of that type it follows")
    with options.open_repository(args, out) as repo:
        zone = args.zone if args.name is None else typed.zone_of(args, args.name, repo, out, rtype)
        with typed.hint_for_names():
            found = repo.log(*args.revisions, zone=zone, name=args.name, rtype=rtype)
        found = islice(_chosen(found, args), args.number)
        if args.json:
            out.json_array(shapes.commit(revision) for revision in found)
        else:
            _show(args, out, repo, zone, rtype, found)
    return 0


def _show(
    args: Namespace, out: Output, repo: Repository, zone: str | None, rtype: int | None, found: Iterator[Revision]
) -> None:
    labels = commits.labels(repo, zone)
    for at, revision in enumerate(found):
        if args.oneline:
            commits.show_oneline(out, revision, labels)
        else:
            if at:
                out.line()
            commits.show_commit(out, revision, labels)
        if args.stat or args.patch:
            changes = partial(commits.changes_of, repo, revision, zone, args.name, rtype)
            commits.show_changes(out, revision, changes, patch=args.patch, count=args.stat, apart=not args.oneline)


def _chosen(found: Iterator[Revision], args: Namespace) -> Iterator[Revision]:
    """Those that `--since`, `--until`, `--author` and `--grep` leave."""
    since, until = _moment(args.since), _moment(args.until)
    authors, texts = _pattern(args, "author"), _pattern(args, "grep")

    def wanted(commit: Commit) -> bool:
        return (
            (since is None or commit.committer.time >= since)
            and (until is None or commit.committer.time <= until)
            and (authors is None or bool(authors.search(commit.author.name)))
            and (texts is None or bool(texts.search(commit.message)))
        )

    return (revision for revision in found if wanted(revision.commit))


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    import time

    from zonegit.repo.when import parse_when

    return parse_when(text, time.time())


def _pattern(args: Namespace, option: str) -> re.Pattern[str] | None:
    """What one of several patterns matches; None where none was given."""
    given: list[str] = getattr(args, option)
    try:
        return re.compile("|".join(given), re.IGNORECASE if args.ignore_case else 0) if given else None
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"log: --{option}: {' '.join(given)[:80]!r} is not a regular expression: {error}"
        ) from None


def log_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("revisions", metavar="REV", nargs="*", help="where to begin (default: HEAD); A..B and ^A leave A's out")
    add("-n", "--number", metavar="N", type=_count, help="at most N commits; also -N, as in -3")
    add("--oneline", action="store_true", help="one line a commit: id, serial, subject")
    add("--stat", action="store_true", help="how many RRsets each commit changed")
    add("-p", "--patch", action="store_true", help="the records that each commit changed")
    add("--name", metavar="NAME", help="only commits that touched this name, and of those only what is there")
    add("--type", metavar="TYPE", help="with --name: only this type of it")
    add("--since", "--after", metavar="TIME", help="not older, as `2 days ago` or 2026-11-20")
    add("--until", "--before", metavar="TIME", help="not newer")
    add("--author", metavar="PATTERN", action="append", default=[], help="only authors that a pattern matches")
    add("--grep", metavar="PATTERN", action="append", default=[], help="only messages that a pattern matches")
    add("-i", "--regexp-ignore-case", dest="ignore_case", action="store_true", help="for both: in any case")
    typed.relative_option(parser)
    options.json_option(parser)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"invalid: {text!r} is not a whole number; write -n 5, or -5")
    return min(int(text[:20]), sys.maxsize)


LOG_DETAILS: Final = """\
`A..B` is what B has and A hasn't, `^A B` the same. PATTERN is a regular expression (Python's re); of several, one
has to match. Times are those of the committer."""
