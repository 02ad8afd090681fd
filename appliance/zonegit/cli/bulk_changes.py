"""The verbs on many records at once, in one zone or in several: `batch`, `ttl`, `rename`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, typed_names
from zonegit.cli.committed import tell_all
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.repo import Repository
    from zonegit.repo.joint import Joint
    from zonegit.repo.references import Searched

_SHOWN: Final = 10
"""How many zones or records a warning names."""


def _batch(args: Namespace, out: Output) -> int:
    from zonegit.cli import batch_lines

    data = batch_lines.read(args.changes)
    with options.open_repository(args, out) as repo:
        done = repo.batch(batch_lines.steps(data, args, repo), **options.joint_how(args))
        return tell_all(repo, done, args, out)


def _ttl(args: Namespace, out: Output) -> int:
    from zonegit.repo.ttls import is_pattern
    from zonegit.zonefile.types import cannot_stand, is_meta, parse_ttl, parse_type

    ttl = parse_ttl(args.ttl)
    rtype = parse_type(args.type) if args.type else None
    if rtype is not None and is_meta(rtype):
        raise InvalidRecord(cannot_stand(rtype))
    with options.open_repository(args, out) as repo:
        _refuse_zone_twice(args)
        how = options.joint_how(args)
        if not (args.all_zones or is_pattern(args.pattern)):
            how["zone"] = typed_names.zone_of(args, args.pattern, repo, out, rtype)
        return _tell(repo, repo.set_ttl(args.pattern, ttl, rtype, all_zones=args.all_zones, **how), args, out)


def _rename(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        how = options.joint_how(args)
        how["zone"] = zone = typed_names.zone_of(args, args.old, repo, out)
        typed_names.zone_meant(Namespace(**{**vars(args), "zone": zone}), args.new, repo)
        return _tell(repo, repo.rename(args.old, args.new, all_zones=args.all_zones, **how), args, out)


def _refuse_zone_twice(args: Namespace) -> None:
    if args.all_zones and args.zone is not None:
        raise UsageError("--zone can't be combined with --all-zones")


def _tell(repo: Repository, done: Joint, args: Namespace, out: Output) -> int:
    """Report the commits, and what was not changed."""
    from zonegit.model.names import parse_apex
    from zonegit.zonefile.types import type_text

    code = tell_all(repo, done.commits, args, out)
    if done.mirrored:
        out.warn(f"not changed, because written elsewhere: {_some(done.mirrored)}; change them there")
    if done.mentions:
        records = [
            f"{render.owner_name(each.owner, parse_apex(each.zone))} {type_text(each.rtype)}"
            for each in done.mentions
        ]
        out.warn(f"these records may contain the old name in a form that rename doesn't change: {_some(records)}")
    _tell_elsewhere(done.elsewhere, args, out)
    return code


def _tell_elsewhere(searched: Searched, args: Namespace, out: Output) -> None:
    """Say where the old name of a rename is still in use."""
    if searched.found:
        where = f"zones without a branch {args.branch}" if args.all_zones else "other zones"
        zones = _some([f"{each.zone} ({render.counted(each.records, 'record')})" for each in searched.found])
        way = "run 'zonegit undo', then rename with --all-zones, which changes"
        hint = f"; {'--all-zones changes' if args.dry_run else way} them too"
        out.warn(f"the old name is still used in {where}: {zones}{'' if args.all_zones else hint}")
    if searched.unread:
        zones = render.counted(searched.unread, "other zone")
        out.note(f"not searched for the old name: {zones} (too large, too many or unreadable)")


def _some(texts: Sequence[str]) -> str:
    """The first `_SHOWN`, and how many more there are."""
    more = f" and {len(texts) - _SHOWN:,} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _all_zones_option(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("--all-zones", action="store_true", help=what)


def _batch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "changes",
        metavar="FILE",
        nargs="?",
        default="-",
        help="the changes, one per line (default: standard input)",
    )
    typed_names.relative_option(parser)
    options.commit_options(parser)


def _ttl_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("pattern", metavar="NAME", help="a name, or a quoted shell pattern: 'www*'")
    parser.add_argument("ttl", metavar="TTL", help="seconds, or 1h30m")
    parser.add_argument(
        "--type", metavar="TYPE", help="only RRsets of this type (default: all except SOA and DNSSEC types)"
    )
    _all_zones_option(parser, "change every zone of the repository, in one transaction")
    typed_names.relative_option(parser)
    options.commit_options(parser)


def _rename_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="a name; the names below it move too")
    parser.add_argument("new", metavar="NEW", help="the new name; there must be no records at it or below it")
    _all_zones_option(parser, "also update records of other zones that point there, in one transaction")
    typed_names.relative_option(parser)
    options.commit_options(parser)


_BATCH_DETAILS: Final = """\
One change per line, written as for the verb of that name, with quotes as in a shell:
  set NAME TYPE TTL RDATA…        add NAME TYPE TTL RDATA…        delete NAME [TYPE [RDATA…]]
  zone ZONE                       the following lines change this zone
A word that begins with # or ; starts a comment; empty lines are skipped. Each line sees the changes of the lines
above it. Each zone gets one commit, all in one transaction. If a line is wrong, nothing is written."""

_TTL_DETAILS: Final = """\
A pattern matches names as zonegit prints them, relative to the zone (@ is the apex); a pattern with a final dot
matches absolute names. * matches any text, including dots; ? matches one character; [ab] matches one of these, so
[*] matches the name *. Only --type SOA changes the TTL of the SOA. DNSSEC records keep theirs, which is signed."""

_RENAME_DETAILS: Final = """\
All records at OLD and below it move. In the other records of the zone (CNAME, MX, NS, SRV, PTR, SVCB, SOA and so
on) each name that is OLD or below it is changed accordingly. With --all-zones this applies to the records of every
zone in the repository, and NEW may be in another zone. Names inside text, as in SPF records, are not changed but
listed in a warning."""

VERBS: Final = {
    "batch": Verb(_batch_arguments, _batch, _BATCH_DETAILS),
    "ttl": Verb(_ttl_arguments, _ttl, _TTL_DETAILS),
    "rename": Verb(_rename_arguments, _rename, _RENAME_DETAILS),
}
