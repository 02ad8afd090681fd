"""`log`: select commits and print them."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from itertools import chain, islice
from typing import TYPE_CHECKING, Final, TypedDict, TypeVar

from zonegit.cli import commits, options, shapes, typed_names, verdicts
from zonegit.cli.log_paths import Asked, asked
from zonegit.cli.output import Output
from zonegit.errors import UsageError
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.model.commit import Commit
    from zonegit.repo import Decided, Drawn, Repository, Revision
    from zonegit.repo.signatures import Signature

_T = TypeVar("_T")


def log(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        chosen = asked(args, repo, out)
        wanted = _filter(args)
        along = None if args.conflicts else chosen.name  # --conflicts: a decided merge counts even if undone later
        how: _How = {
            "zone": chosen.zone,
            "name": along,
            "rtype": chosen.rtype if along else None,
            "first_parent": args.first_parent,
        }
        decided = _Decided(repo, chosen)
        signatures = verdicts.verdicts(repo, out) if args.show_signature else None
        if args.conflicts:
            wanted = _both(wanted, decided.any)
        with typed_names.hint_for_names():
            if args.graph and not args.json:
                drawn = repo.graph(*chosen.revisions, **how, wanted=wanted)
                _draw(
                    args,
                    out,
                    repo,
                    chosen,
                    decided,
                    signatures,
                    _noted(args, out, chosen, islice(drawn, args.number)),
                )
                return 0
            found = islice(filter(wanted, repo.log(*chosen.revisions, **how)), args.number)
        listed = _noted(args, out, chosen, found)
        if args.json:
            out.json_array(_shaped(args, decided, signatures, revision) for revision in listed)
        else:
            _show(args, out, repo, chosen, decided, signatures, listed)
    return 0


def _noted(args: Namespace, out: Output, chosen: Asked, found: Iterator[_T]) -> Iterator[_T]:
    """The commits; prints a note if none of them touched the requested name."""
    first = next(found, None)
    if first is not None:
        return chain((first,), found)
    if args.conflicts:
        out.note("no rule had to decide between two sides in any of these commits")
    elif chosen.name is not None and args.number != 0:
        limits = (args.since, args.until, args.author, args.grep, chosen.revisions, args.first_parent)
        which = "none of the selected commits" if any(limits) else "no commit"
        what = " ".join([chosen.name, *([type_text(chosen.rtype)] if chosen.rtype else [])])
        bare = typed_names.is_bare_type(chosen.name) and not chosen.rtype
        out.note(f"{which} touched {what}" + (f"; for the apex: `zonegit log -- @ {what}`" if bare else ""))
    return iter(())


class _How(TypedDict):
    """The arguments that `Repository.log` and `graph` share."""

    zone: str | None
    name: str | None
    rtype: int | None
    first_parent: bool


class _Decided:
    """What rules of the canonical merge decided in commits, about the requested name and type."""

    def __init__(self, repo: Repository, chosen: Asked) -> None:
        self._repo = repo
        self._chosen = chosen
        self._last: tuple[bytes, list[Decided]] = (b"", [])

    def of(self, revision: Revision) -> list[Decided]:
        if self._last[0] != revision.id:
            chosen = self._chosen
            found = self._repo.decided(revision.id.hex(), zone=chosen.zone, name=chosen.name, rtype=chosen.rtype)
            self._last = revision.id, found
        return self._last[1]

    def any(self, revision: Revision) -> bool:
        return bool(self.of(revision))


def _both(one: Callable[[Revision], bool], other: Callable[[Revision], bool]) -> Callable[[Revision], bool]:
    return lambda revision: one(revision) and other(revision)


_Signatures = Callable[["Commit"], "Signature | None"]
"""The verdict on a commit's signature; None if it has none."""


def _shaped(
    args: Namespace, decided: _Decided, signatures: _Signatures | None, revision: Revision
) -> shapes.JsonObject:
    told = {"signature": verdicts.shape(signatures(revision.commit))} if signatures else {}
    if not args.conflicts:
        return {**shapes.commit(revision), **told}
    from zonegit.cli.decided import shaped

    return {**shaped(revision, decided.of(revision)), **told}


def _show(
    args: Namespace,
    out: Output,
    repo: Repository,
    chosen: Asked,
    decided: _Decided,
    signatures: _Signatures | None,
    found: Iterator[Revision],
) -> None:
    labels = commits.labels(repo, chosen.zone)
    for at, revision in enumerate(found):
        if at and not args.oneline:
            out.line()
        _show_one(args, out, repo, chosen, labels, signatures, revision)
        _tell(args, out, repo, decided, revision)


def _tell(args: Namespace, out: Output, repo: Repository, decided: _Decided, revision: Revision) -> None:
    """With `--conflicts`, print what rules decided in a commit."""
    if args.conflicts:
        from zonegit.cli.decided import show

        if not args.oneline:
            out.line()
        show(out, repo, revision, decided.of(revision))


def _draw(
    args: Namespace,
    out: Output,
    repo: Repository,
    chosen: Asked,
    decided: _Decided,
    signatures: _Signatures | None,
    found: Iterator[Drawn],
) -> None:
    """The same with the lines of descent in front."""
    from zonegit.cli.graph import Graph

    labels = commits.labels(repo, chosen.zone)
    graph = Graph()
    for at, drawn in enumerate(found):
        if at and not args.oneline:
            out.line(graph.between())
        apart, text = out.in_memory()
        _show_one(args, apart, repo, chosen, labels, signatures, drawn.revision)
        _tell(args, apart, repo, decided, drawn.revision)
        for line in graph.lines(drawn.revision.id, drawn.above, text.getvalue().split("\n")[:-1]):
            out.line(line)


def _show_one(
    args: Namespace,
    out: Output,
    repo: Repository,
    chosen: Asked,
    labels: commits.Labels,
    signatures: _Signatures | None,
    revision: Revision,
) -> None:
    signature = verdicts.line(signatures(revision.commit)) if signatures else ""
    if args.oneline:
        commits.show_oneline(out, revision, labels, signature)
    else:
        commits.show_commit(out, revision, labels, signature)
    if args.stat or args.patch:
        of = commits.Differing(
            repo, revision, chosen.zone, chosen.name, chosen.rtype, parent=1 if args.first_parent else None
        )
        commits.show_changes(out, of, patch=args.patch, count=args.stat, apart=not args.oneline)


def _filter(args: Namespace) -> Callable[[Revision], bool]:
    """The filter of `--merges`, `--since`, `--until`, `--author` and `--grep`."""
    since, until = _moment(args.since), _moment(args.until)
    authors, texts = _pattern(args, "author"), _pattern(args, "grep")

    def wanted(revision: Revision) -> bool:
        commit = revision.commit
        return (
            (not args.merges or len(commit.parents) > 1)
            and (since is None or commit.committer.time >= since)
            and (until is None or commit.committer.time <= until)
            and (authors is None or bool(authors.search(commit.author.name)))
            and (texts is None or bool(texts.search(commit.message)))
        )

    return wanted


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    import time

    from zonegit.repo.dates import parse_when

    return parse_when(text, time.time())


def _pattern(args: Namespace, option: str) -> re.Pattern[str] | None:
    """An expression that matches if any of the patterns does; None if none was given."""
    given: list[str] = getattr(args, option)
    try:
        return re.compile("|".join(given), re.IGNORECASE if args.ignore_case else 0) if given else None
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"log: --{option}: {' '.join(given)[:80]!r} is not a regular expression: {error}"
        ) from None


def log_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("revisions", metavar="REV|NAME", nargs="*", help="where to start (default: HEAD); then NAME and TYPE")
    number_option(parser, "commits")
    add("--oneline", action="store_true", help="print one line per commit: id, serial, subject")
    add("--stat", action="store_true", help="print how many RRsets each commit changed")
    add("-p", "--patch", action="store_true", help="print the records that each commit changed")
    add("--graph", action="store_true", help="draw the lines of descent")
    add("--all", action="store_true", help="start at every branch of the zone as well")
    add("--first-parent", action="store_true", help="follow only the first parent of merges")
    add("--merges", action="store_true", help="list only commits with more than one parent")
    add("--conflicts", action="store_true", help="list only merges in which a rule decided, with its decisions")
    add("--show-signature", action="store_true", help="print what each commit's signature is worth")
    add("--name", metavar="NAME", help="list only commits that touched this name, and only their changes there")
    add("--type", metavar="TYPE", help="with --name: only this type")
    add("--since", "--after", metavar="TIME", help="not older than this: `2 days ago`, 2026-11-20")
    add("--until", "--before", metavar="TIME", help="not newer than this")
    add("--author", metavar="PATTERN", action="append", default=[], help="only authors that match")
    add("--grep", metavar="PATTERN", action="append", default=[], help="only messages that match")
    add("-i", "--regexp-ignore-case", dest="ignore_case", action="store_true", help="ignore case in both")
    typed_names.relative_option(parser)
    options.json_option(parser)


def number_option(parser: ArgumentParser, what: str) -> None:
    """`-n N`, and thereby `-N` (`cli.parser`)."""
    parser.add_argument("-n", "--number", metavar="N", type=_count, help=f"at most N {what}; short form: -3")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"invalid number {text[:40]!r}: expected 0 or more, such as -n 5 or -5")
    return min(int(text[:20]), sys.maxsize)


LOG_DETAILS: Final = """\
`A..B` selects the commits that B has and A doesn't, and so does `^A B`; `A...B` selects those that only one of the
two has. With NAME (and TYPE) only commits that changed the records there are listed: zonegit log main www A. Words
before `--` are versions; words after it are NAME and TYPE. Without `--`, the first word that isn't a version is
NAME, if there are records at it. PATTERN is a regular expression (Python's re); of several, one has to match. Times
are the committer's."""
