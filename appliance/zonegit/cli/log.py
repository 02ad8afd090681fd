"""`log`: which commits are listed, and how."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

from zonegit.cli import commits, options, shapes, typed
from zonegit.cli.log_paths import Asked, asked
from zonegit.cli.output import Output
from zonegit.errors import UsageError
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zonegit.repo import Drawn, Repository, Revision

_T = TypeVar("_T")


def log(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        chosen = asked(args, repo, out)
        wanted = _filter(args)
        how: _How = {
            "zone": chosen.zone,
            "name": chosen.name,
            "rtype": chosen.rtype,
            "first_parent": args.first_parent,
        }
        with typed.hint_for_names():
            if args.graph and not args.json:
                drawn = repo.graph(*chosen.revisions, **how, wanted=wanted)
                _draw(args, out, repo, chosen, _noted(args, out, chosen, islice(drawn, args.number)))
                return 0
            found = islice(filter(wanted, repo.log(*chosen.revisions, **how)), args.number)
        listed = _noted(args, out, chosen, found)
        if args.json:
            out.json_array(shapes.commit(revision) for revision in listed)
        else:
            _show(args, out, repo, chosen, listed)
    return 0


def _noted(args: Namespace, out: Output, chosen: Asked, found: Iterator[_T]) -> Iterator[_T]:
    """The commits, and a note where none of them touched the name that was asked for."""
    first = next(found, None)
    if first is not None:
        return chain((first,), found)
    if chosen.name is not None and args.number != 0:
        limits = (args.since, args.until, args.author, args.grep, chosen.revisions, args.first_parent)
        which = "none of the commits that were asked for" if any(limits) else "no commit"
        what = " ".join([chosen.name, *([type_text(chosen.rtype)] if chosen.rtype else [])])
        bare = typed.is_bare_type(chosen.name) and not chosen.rtype
        out.note(f"{which} touched {what}" + (f"; the apex's: `zonegit log -- @ {what}`" if bare else ""))
    return iter(())


class _How(TypedDict):
    """What `Repository.log` and `graph` are told alike."""

    zone: str | None
    name: str | None
    rtype: int | None
    first_parent: bool


def _show(args: Namespace, out: Output, repo: Repository, chosen: Asked, found: Iterator[Revision]) -> None:
    labels = commits.labels(repo, chosen.zone)
    for at, revision in enumerate(found):
        if at and not args.oneline:
            out.line()
        _show_one(args, out, repo, chosen, labels, revision)


def _draw(args: Namespace, out: Output, repo: Repository, chosen: Asked, found: Iterator[Drawn]) -> None:
    """The same with the lines of descent ahead of it."""
    from zonegit.cli.graph import Graph

    labels = commits.labels(repo, chosen.zone)
    graph = Graph()
    for at, drawn in enumerate(found):
        if at and not args.oneline:
            out.line(graph.between())
        apart, text = out.kept()
        _show_one(args, apart, repo, chosen, labels, drawn.revision)
        for line in graph.lines(drawn.revision.id, drawn.above, text.getvalue().split("\n")[:-1]):
            out.line(line)


def _show_one(
    args: Namespace, out: Output, repo: Repository, chosen: Asked, labels: commits.Labels, revision: Revision
) -> None:
    if args.oneline:
        commits.show_oneline(out, revision, labels)
    else:
        commits.show_commit(out, revision, labels)
    if args.stat or args.patch:
        of = commits.Differing(
            repo, revision, chosen.zone, chosen.name, chosen.rtype, parent=1 if args.first_parent else None
        )
        commits.show_changes(out, of, patch=args.patch, count=args.stat, apart=not args.oneline)


def _filter(args: Namespace) -> Callable[[Revision], bool]:
    """What `--since`, `--until`, `--author` and `--grep` leave."""
    since, until = _moment(args.since), _moment(args.until)
    authors, texts = _pattern(args, "author"), _pattern(args, "grep")

    def wanted(revision: Revision) -> bool:
        commit = revision.commit
        return (
            (since is None or commit.committer.time >= since)
            and (until is None or commit.committer.time <= until)
            and (authors is None or bool(authors.search(commit.author.name)))
            and (texts is None or bool(texts.search(commit.message)))
        )

    return wanted


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
    add("revisions", metavar="REV|NAME", nargs="*", help="where to begin (default: HEAD); then NAME and TYPE")
    number_option(parser, "commits")
    add("--oneline", action="store_true", help="one line a commit: id, serial, subject")
    add("--stat", action="store_true", help="how many RRsets each commit changed")
    add("-p", "--patch", action="store_true", help="the records that each commit changed")
    add("--graph", action="store_true", help="draw lines of descent")
    add("--all", action="store_true", help="begin at every branch of the zone, too")
    add("--first-parent", action="store_true", help="of merges follow the first parent only")
    add("--name", metavar="NAME", help="only commits that touched this name, and of those only what is there")
    add("--type", metavar="TYPE", help="with --name: only this type of it")
    add("--since", "--after", metavar="TIME", help="not older, as `2 days ago` or 2026-11-20")
    add("--until", "--before", metavar="TIME", help="not newer")
    add("--author", metavar="PATTERN", action="append", default=[], help="only authors that a pattern matches")
    add("--grep", metavar="PATTERN", action="append", default=[], help="only messages that a pattern matches")
    add("-i", "--regexp-ignore-case", dest="ignore_case", action="store_true", help="for both: in any case")
    typed.relative_option(parser)
    options.json_option(parser)


def number_option(parser: ArgumentParser, what: str) -> None:
    """`-n N`, and with it `-N` (`cli.parser`)."""
    parser.add_argument("-n", "--number", metavar="N", type=_count, help=f"at most N {what}; also -N, as in -3")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"invalid: {text!r} is not a whole number; write -n 5, or -5")
    return min(int(text[:20]), sys.maxsize)


LOG_DETAILS: Final = """\
`A..B` is what B has and A hasn't, `^A B` the same, `A...B` what one of them has and the other hasn't. With NAME
(and TYPE) only commits that changed what is there are listed: zonegit log main www A. Words ahead of `--` are
versions, those behind it NAME and TYPE. Without it the first word that is no version is NAME, if records stand
there. PATTERN is a regular expression (Python's re); of several, one has to match. Times are the committer's."""
