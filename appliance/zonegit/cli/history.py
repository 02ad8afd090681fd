"""The verbs on history: `log`, `diff`, `blame`, `reflog`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import chain
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes, typed
from zonegit.cli.commits import parent_of, served, stat
from zonegit.cli.log import LOG_DETAILS, log, log_arguments
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb
from zonegit.errors import NotFound, UsageError
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.model.names import parse_apex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.repo import Change, Revision

_DIFFERENCES: Final = 3
"""Exit code of `diff --exit-code`."""


def _diff(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        if args.old is None:
            new = repo.resolve(zone=args.zone)
            old = parent_of(repo, new, args.zone)
            changes = repo.changes(zone=args.zone)
        else:
            first, second = _sides(args)
            with typed.hint_for_names():
                old, new = (repo.resolve(side, zone=args.zone) for side in (first, second))
            changes = repo.diff(first, second, zone=args.zone)
        differ = _show_diff(args, out, old, new, served(changes, old, new))
    return _DIFFERENCES if differ and args.exit_code else 0


def _sides(args: Namespace) -> tuple[str, str]:
    """What is compared: `A B`, or `A..B`, which is the same; without a B it is HEAD."""
    if args.new is None and ".." in args.old:
        from zonegit.repo.revisions import split_range

        chosen = split_range(args.old)
        return chosen.without[0], chosen.of[0]
    if ".." in args.old:
        raise UsageError(
            f"diff: {args.old} is two versions, and takes no {args.new} beside it; "
            f"the changes of a name: `zonegit log -p --name {args.new} {args.old}`"
        )
    return args.old, args.new or "HEAD"


def _show_diff(
    args: Namespace, out: Output, old: Revision | None, new: Revision, changes: Iterator[Change]
) -> bool:
    """Print the differences; returns whether there are any."""
    apex = parse_apex(new.commit.zone)
    first = next(changes, None)
    if args.json:
        out.json_array(shapes.change(change, apex) for change in (chain((first,), changes) if first else ()))
    elif first and args.stat:
        out.line(stat(chain((first,), changes)))
    elif first:
        for sign, revision in (("---", old), ("+++", new)):
            out.line(f"{sign} {_side(revision)}", Style.HEADING)
        render.show_changes(out, chain((first,), changes), apex)
    return first is not None


def _side(revision: Revision | None) -> str:
    if revision is None:
        return "nothing"
    return f"{revision.commit.zone} {short(revision.id)} serial {revision.commit.serial}"


def _blame(args: Namespace, out: Output) -> int:
    rtype = typed.type_of(args.type)
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.name, repo, out, rtype)
        found = repo.blame(args.name, rtype, args.revision, zone=zone)
    apex = parse_apex(zone)
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
    with options.open_repository(args, out) as repo:
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


def _diff_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="A", nargs="?", help="a version, or A..B (default: HEAD's parent)")
    parser.add_argument("new", metavar="B", nargs="?", help="another version (default: HEAD)")
    parser.add_argument("--stat", action="store_true", help="only how many RRsets differ")
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if anything differs")
    options.json_option(parser)


def _blame_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: every type)")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    typed.relative_option(parser)
    options.json_option(parser)


def _reflog_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("branch_name", metavar="BRANCH", nargs="?", help="(default: HEAD's branch)")
    options.json_option(parser)


_DIFF_DETAILS: Final = """\
With one version: how HEAD differs from it, so `zonegit diff A` is `zonegit diff A HEAD`. (`zonegit show A` shows
what A itself changed.) With none: what HEAD changed, so `zonegit diff` is `zonegit diff HEAD~1 HEAD`. The SOA
serial, which rises with every commit, doesn't count as a difference."""

VERBS: Final = {
    "log": Verb(log_arguments, log, LOG_DETAILS),
    "diff": Verb(_diff_arguments, _diff, _DIFF_DETAILS),
    "blame": Verb(_blame_arguments, _blame),
    "reflog": Verb(_reflog_arguments, _reflog),
}
