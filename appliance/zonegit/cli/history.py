"""The verbs on history: `log`, `diff`, `blame`, `when`, `reflog`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from zonegit.cli import options, render, shapes, typed_names
from zonegit.cli.diff import DIFF_DETAILS, diff, diff_arguments
from zonegit.cli.log import LOG_DETAILS, log, log_arguments, number_option
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, NotFound
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.model.names import parse_apex
from zonegit.model.rdata import SOA, with_serial
from zonegit.zonefile.types import cannot_stand, is_meta, parse_type


def _blame(args: Namespace, out: Output) -> int:
    rtype = typed_names.type_of(args.type)
    with options.open_repository(args, out) as repo:
        zone = typed_names.zone_of(args, args.name, repo, out, rtype)
        try:
            found = repo.blame(args.name, rtype, args.revision, zone=zone)
        except NotFound as error:
            if args.type is None and typed_names.is_bare_type(args.name):
                raise NotFound(f"{error}; for the apex: `zonegit blame @ {args.name}`") from None
            raise
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


def _when(args: Namespace, out: Output) -> int:
    rtype = parse_type(args.type)
    if is_meta(rtype):
        raise InvalidRecord(cannot_stand(rtype))
    with options.open_repository(args, out) as repo:
        zone = typed_names.zone_of(args, args.name, repo, out, rtype)
        args.rdata = [args.value]
        rdatas = [
            with_serial(each, 0) if rtype == SOA else each for each in typed_names.rdatas(args, rtype, zone, repo)
        ]
        revision = repo.resolve(args.revision, zone=zone).id.hex()
        found = repo.when(args.name, rtype, rdatas, revision, zone=zone)
        present = repo.stands(args.name, rtype, rdatas, revision, zone=zone)
    if args.json:
        out.json({"present": present, "passages": [shapes.passage(item) for item in found]})
        return 0
    rows = []
    for item in found:
        commit = item.revision.commit
        who, when = printable(commit.author.name), render.short_date(commit.author)
        event = "came" if item.came else "went"
        rows.append((event, short(item.revision.id), str(commit.serial), who, when, commit.subject))
    for item, line in zip(found, render.table(rows), strict=True):
        out.line(out.paint(line[:4], Style.NEW if item.came else Style.OLD) + line[4:])
    out.line(f"present in {args.revision}" if present else f"not present in {args.revision}")
    return 0


def _reflog(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        branch = args.branch_name or repo.position(args.zone).branch
        found = list(repo.reflog(args.branch_name, zone=args.zone))
        if not found:
            raise NotFound(f"branch {branch} has no reflog; `zonegit branch` lists the branches")
        found = found[: args.number]
        if args.json:
            out.json_array(shapes.reflog_entry(entry) for entry in found)
            return 0
        for entry in found:
            name = out.paint(render.short_or_none(entry.new), Style.ID)
            out.line(f"{name} {branch}@{{{entry.number}}} {render.short_date(entry.who)} {printable(entry.reason)}")
    return 0


def _blame_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: every type)")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    typed_names.relative_option(parser)
    options.json_option(parser)


def _when_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("value", metavar="VALUE", help="the RDATA of one record, as one argument")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    typed_names.relative_option(parser)
    options.json_option(parser)


def _reflog_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("branch_name", metavar="BRANCH", nargs="?", help="(default: HEAD's branch)")
    number_option(parser, "moves")
    options.json_option(parser)


_BLAME_DETAILS: Final = """\
Merges are followed as by git: an RRset that is the same in a parent is blamed on that parent; otherwise each of its
records is blamed on the first parent that has it."""

_WHEN_DETAILS: Final = """\
Lists each commit that has the record while none of its parents has it, and the reverse. The TTL is ignored.
The last line says whether REV has the record: a merge that didn't take it from a branch isn't listed.
  zonegit when www A 192.0.2.1
  zonegit when @ MX "10 mail" main"""

VERBS: Final = {
    "log": Verb(log_arguments, log, LOG_DETAILS, pages=True),
    "diff": Verb(diff_arguments, diff, DIFF_DETAILS, pages=True),
    "blame": Verb(_blame_arguments, _blame, _BLAME_DETAILS, pages=True),
    "when": Verb(_when_arguments, _when, _WHEN_DETAILS, pages=True),
    "reflog": Verb(_reflog_arguments, _reflog, pages=True),
}
