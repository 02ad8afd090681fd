"""The verbs on history: `log`, `diff`, `blame`, `when`, `reflog`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from itertools import chain, groupby
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes, typed
from zonegit.cli.commits import parent_of, served, stat
from zonegit.cli.log import LOG_DETAILS, log, log_arguments
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, NotFound, UsageError
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.model.names import WireName, parse_apex
from zonegit.model.rdata import SOA, with_serial
from zonegit.zonefile.types import cannot_stand, is_meta, parse_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from zonegit.repo import Change, Repository, Revision

_DIFFERENCES: Final = 3
"""Exit code of `diff --exit-code`."""


def _diff(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        if args.old is None:
            new = repo.resolve(zone=args.zone)
            old = parent_of(repo, new, args.zone)
            changes = repo.changes(zone=args.zone)
        else:
            with typed.hint_for_names():
                old, new = _sides(args, repo, out)
            changes = repo.diff(old.id.hex(), new.id.hex(), zone=args.zone)
        differ = _show_diff(args, out, old, new, served(changes, old, new))
    return _DIFFERENCES if differ and args.exit_code else 0


def _sides(args: Namespace, repo: Repository, out: Output) -> tuple[Revision, Revision]:
    """What is compared: `A B`, or `A..B`, which is the same; without a B it is HEAD. `A...B`: B since it left A."""
    if ".." not in args.old:
        return repo.resolve(args.old, zone=args.zone), repo.resolve(args.new or "HEAD", zone=args.zone)
    if args.new is not None:
        raise UsageError(
            f"diff: {args.old} is two versions, and takes no {args.new} beside it; "
            f"the changes of a name: `zonegit log -p {args.old} -- {args.new}`"
        )
    from zonegit.repo.revisions import split_range

    chosen = split_range(args.old)
    if not chosen.apart:
        return repo.resolve(chosen.without[0], zone=args.zone), repo.resolve(chosen.of[0], zone=args.zone)
    one, other = chosen.apart[0]
    bases = repo.merge_bases(one, other, zone=args.zone)
    if not bases:
        raise NotFound(f"{args.old}: {one} and {other} have no commit in common; compare them with {one}..{other}")
    if len(bases) > 1:
        out.warn(f"{args.old} has {len(bases)} merge bases; {short(bases[0].id)} is taken")
    return bases[0], repo.resolve(other, zone=args.zone)


def _show_diff(
    args: Namespace, out: Output, old: Revision | None, new: Revision, changes: Iterator[Change]
) -> bool:
    """Print the differences; returns whether there are any."""
    apex = parse_apex(new.commit.zone)
    first = next(changes, None)
    if args.name_only:
        names = _names(chain((first,), changes) if first else (), apex)
        if args.json:
            out.json_array(names)
        else:
            for name in names:
                out.line(name)
    elif args.json:
        out.json_array(shapes.change(change, apex) for change in (chain((first,), changes) if first else ()))
    elif first and args.stat:
        out.line(stat(chain((first,), changes)))
    elif first:
        for sign, revision in (("---", old), ("+++", new)):
            out.line(f"{sign} {_side(revision)}", Style.HEADING)
        render.show_changes(out, chain((first,), changes), apex)
    return first is not None


def _names(changes: Iterable[Change], apex: WireName) -> Iterator[str]:
    """The names at which something differs, each once."""
    return (render.owner_name(owner, apex) for owner, _ in groupby(changes, lambda change: change.owner))


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


def _when(args: Namespace, out: Output) -> int:
    rtype = parse_type(args.type)
    if is_meta(rtype):
        raise InvalidRecord(cannot_stand(rtype))
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.name, repo, out, rtype)
        args.rdata = [args.value]
        rdatas = [with_serial(each, 0) if rtype == SOA else each for each in typed.rdatas(args, rtype, zone, repo)]
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
    out.line(f"stands in {args.revision}" if present else f"is not in {args.revision}")
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
    parser.add_argument("old", metavar="A", nargs="?", help="a version, A..B or A...B (default: HEAD's parent)")
    parser.add_argument("new", metavar="B", nargs="?", help="another version (default: HEAD)")
    parser.add_argument("--stat", action="store_true", help="only how many RRsets differ")
    parser.add_argument("--name-only", action="store_true", help="only the names at which something differs")
    parser.add_argument("--exit-code", action="store_true", help="exit with 3 if anything differs")
    options.json_option(parser)


def _blame_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", nargs="?", help="(default: every type)")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    typed.relative_option(parser)
    options.json_option(parser)


def _when_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("type", metavar="TYPE", help="a mnemonic, or TYPE65280 (RFC 3597)")
    parser.add_argument("value", metavar="VALUE", help="the RDATA of one record, as one argument")
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="(default: HEAD)")
    typed.relative_option(parser)
    options.json_option(parser)


def _reflog_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("branch_name", metavar="BRANCH", nargs="?", help="(default: HEAD's branch)")
    options.json_option(parser)


_DIFF_DETAILS: Final = """\
With one version: how HEAD differs from it, so `zonegit diff A` is `zonegit diff A HEAD`. (`zonegit show A` shows
what A itself changed.) With none: what HEAD changed, so `zonegit diff` is `zonegit diff HEAD~1 HEAD`. The SOA
serial, which rises with every commit, doesn't count as a difference. `zonegit diff A...B` is what B changed since
it and A parted: the difference between their merge base and B."""

_BLAME_DETAILS: Final = """\
Across merges as git's: an RRset that a merge has as one of its parents has it comes from that parent; else each of
its records comes from the first parent that has it."""

_WHEN_DETAILS: Final = """\
A commit is listed if it has the record and none of its parents has, or the other way. The TTL doesn't count.
The last line says whether REV has it: a merge that left it on another branch isn't listed.
  zonegit when www A 192.0.2.1
  zonegit when @ MX "10 mail" main"""

VERBS: Final = {
    "log": Verb(log_arguments, log, LOG_DETAILS, pages=True),
    "diff": Verb(_diff_arguments, _diff, _DIFF_DETAILS, pages=True),
    "blame": Verb(_blame_arguments, _blame, _BLAME_DETAILS, pages=True),
    "when": Verb(_when_arguments, _when, _WHEN_DETAILS, pages=True),
    "reflog": Verb(_reflog_arguments, _reflog, pages=True),
}
