"""The verbs on history: `log`, `diff`, `blame`, `reflog`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from itertools import islice
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes
from zonegit.cli.output import Output, Style, printable
from zonegit.cli.verbs import Verb
from zonegit.errors import NotFound, UsageError
from zonegit.model.ids import short
from zonegit.model.names import parse_apex
from zonegit.zonefile.types import parse_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.repo import Change, Repository, Revision

_DIFFERENCES: Final = 3
"""Exit code of `diff --exit-code`."""


def _log(args: Namespace, out: Output) -> int:
    rtype = parse_type(args.type) if args.type else None
    if rtype is not None and args.name is None:
        raise UsageError("log: --type needs --name NAME, whose records of that type it follows")
    with options.open_repository(args) as repo:
        found = repo.log(args.revision, zone=args.zone, name=args.name, rtype=rtype)
        found = islice(found, args.number)
        if args.json:
            out.json_array(shapes.commit(revision) for revision in found)
            return 0
        labels = _labels(repo, args.zone)
        for at, revision in enumerate(found):
            if args.oneline:
                _show_oneline(out, revision, labels)
            else:
                if at:
                    out.line()
                _show_commit(out, revision, labels)
            if args.stat or args.patch:
                _show_what_changed(out, repo, revision, args)
    return 0


def _labels(repo: Repository, zone: str | None) -> dict[bytes, list[str]]:
    """Commit id -> what points there, as git decorates a log."""
    head = repo.position()
    current = head.branch if repo.position(zone) == head else None
    found: dict[bytes, list[str]] = {}
    for name, oid in repo.branches(zone=zone).items():
        names = found.setdefault(oid, [])
        if name == current:
            names.insert(0, f"HEAD -> {name}")
        else:
            names.append(name)
    for name, oid in repo.tags(zone=zone).items():
        found.setdefault(oid, []).append(f"tag: {name}")
    return found


def _decorated(out: Output, revision: Revision, labels: dict[bytes, list[str]]) -> str:
    names = labels.get(revision.id)
    return f" ({out.paint(', '.join(names), Style.NEW)})" if names else ""


def _show_oneline(out: Output, revision: Revision, labels: dict[bytes, list[str]]) -> None:
    name = out.paint(short(revision.id), Style.ID)
    out.line(
        f"{name}{_decorated(out, revision, labels)} {revision.commit.serial} {printable(revision.commit.subject)}"
    )


def _show_commit(out: Output, revision: Revision, labels: dict[bytes, list[str]]) -> None:
    commit = revision.commit
    out.line(out.paint(f"commit {revision.id.hex()}", Style.ID) + _decorated(out, revision, labels))
    if len(commit.parents) > 1:
        out.line(f"Merge:  {' '.join(short(parent) for parent in commit.parents)}")
    out.line(f"Serial: {commit.serial}")
    out.line(f"Author: {printable(commit.author.name)}")
    out.line(f"Date:   {render.date(commit.author)}")
    out.line()
    for line in commit.message.splitlines() or [""]:
        out.line(f"    {printable(line)}".rstrip())


def _show_what_changed(out: Output, repo: Repository, revision: Revision, args: Namespace) -> None:
    parent = _parent(repo, revision, args.zone)
    changes = _served(repo.changes(revision.id.hex(), zone=args.zone), parent, revision)
    first = next(changes, None)
    if first and not args.oneline:
        out.line()
    if args.patch:
        render.show_changes(out, _rejoin(first, changes), parse_apex(revision.commit.zone))
    elif first:
        out.line(" " + _stat(_rejoin(first, changes)))


def _parent(repo: Repository, revision: Revision, zone: str | None) -> Revision | None:
    parents = revision.commit.parents
    return repo.resolve(parents[0].hex(), zone=zone) if parents else None


def _served(changes: Iterator[Change], old: Revision | None, new: Revision) -> Iterator[Change]:
    before = old.commit.serial if old else 0
    return (render.served(change, before, new.commit.serial) for change in changes)


def _stat(changes: Iterator[Change]) -> str:
    """`3 RRsets changed: 1 added, 2 modified, 0 deleted`"""
    added = modified = deleted = 0
    for change in changes:
        added += change.old is None
        deleted += change.new is None
        modified += change.old is not None and change.new is not None
    total = render.counted(added + modified + deleted, "RRset")
    return f"{total} changed: {added:,} added, {modified:,} modified, {deleted:,} deleted"


def _diff(args: Namespace, out: Output) -> int:
    with options.open_repository(args) as repo:
        new = repo.resolve(args.new or args.old, zone=args.zone)
        if args.new:
            old: Revision | None = repo.resolve(args.old, zone=args.zone)
            changes = repo.diff(args.old, args.new, zone=args.zone)
        else:
            old = _parent(repo, new, args.zone)
            changes = repo.changes(args.old, zone=args.zone)
        differ = _show_diff(args, out, old, new, _served(changes, old, new))
    return _DIFFERENCES if differ and args.exit_code else 0


def _show_diff(
    args: Namespace, out: Output, old: Revision | None, new: Revision, changes: Iterator[Change]
) -> bool:
    """Print the differences; returns whether there are any."""
    apex = parse_apex(new.commit.zone)
    first = next(changes, None)
    if args.json:
        out.json_array(shapes.change(change, apex) for change in _rejoin(first, changes))
    elif first and args.stat:
        out.line(_stat(_rejoin(first, changes)))
    elif first:
        for sign, revision in (("---", old), ("+++", new)):
            out.line(f"{sign} {_side(revision)}", Style.HEADING)
        render.show_changes(out, _rejoin(first, changes), apex)
    return first is not None


def _rejoin(first: Change | None, rest: Iterator[Change]) -> Iterator[Change]:
    if first:
        yield first
    yield from rest


def _side(revision: Revision | None) -> str:
    if revision is None:
        return "nothing"
    return f"{revision.commit.zone} {short(revision.id)} serial {revision.commit.serial}"


def _blame(args: Namespace, out: Output) -> int:
    rtype = parse_type(args.type) if args.type else None
    with options.open_repository(args) as repo:
        apex = options.apex(args, repo)
        found = repo.blame(args.name, rtype, args.revision, zone=args.zone)
    if args.json:
        out.json([shapes.blame(item, apex) for item in found])
        return 0
    rows = []
    for item in found:
        commit = item.revision.commit
        who, when = printable(commit.author.name), render.short_date(commit.author)
        rows.append((short(item.revision.id), str(commit.serial), who, when, render.record(item, apex)))
    for line in render.table(rows):
        out.line(out.paint(line[:12], Style.ID) + line[12:])
    return 0


def _reflog(args: Namespace, out: Output) -> int:
    with options.open_repository(args) as repo:
        branch = args.branch_name or repo.position(args.zone).branch
        found = list(repo.reflog(args.branch_name, zone=args.zone))
        if not found:
            raise NotFound(f"no reflog of a branch {branch}; `zonegit branch` lists the branches")
        if args.json:
            out.json_array(shapes.reflog_entry(entry) for entry in found)
            return 0
        for entry in found:
            name = out.paint(render.short_or_none(entry.new), Style.ID)
            out.line(f"{name} {branch}@{{{entry.index}}} {render.short_date(entry.who)} {printable(entry.reason)}")
    return 0


def _log_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="where to begin (default: HEAD)")
    parser.add_argument("-n", "--number", metavar="N", type=_count, help="at most N commits")
    parser.add_argument("--oneline", action="store_true", help="one line a commit: id, serial, subject")
    parser.add_argument("--stat", action="store_true", help="how many RRsets each commit changed")
    parser.add_argument("-p", "--patch", action="store_true", help="the records that each commit changed")
    parser.add_argument("--name", metavar="NAME", help="only commits that touched this name")
    parser.add_argument("--type", metavar="TYPE", help="with --name: only this type of it")
    options.json_option(parser)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ArgumentTypeError(f"invalid: {text!r} is not a whole number")
    return min(int(text[:20]), sys.maxsize)


def _diff_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="A", nargs="?", default="HEAD", help="a version (default: HEAD)")
    parser.add_argument("new", metavar="B", nargs="?", help="another version")
    parser.add_argument("--stat", action="store_true", help="only how many RRsets differ")
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if anything differs")
    options.json_option(parser)


def _blame_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: every type)")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    options.json_option(parser)


def _reflog_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("branch_name", metavar="BRANCH", nargs="?", help="(default: HEAD's branch)")
    options.json_option(parser)


_DIFF_DETAILS: Final = """\
With one version: what it changed, against its first parent. With none: what HEAD changed, so `zonegit diff` is
`zonegit diff HEAD~1 HEAD`. The SOA serial, which rises with every commit, doesn't count as a difference."""

VERBS: Final = {
    "log": Verb(_log_arguments, _log),
    "diff": Verb(_diff_arguments, _diff, _DIFF_DETAILS),
    "blame": Verb(_blame_arguments, _blame),
    "reflog": Verb(_reflog_arguments, _reflog),
}
