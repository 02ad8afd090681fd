"""The verbs on many records at once, in one zone or in several: `batch`, `ttl`, `rename`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, typed
from zonegit.cli.committed import tell_all
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.errors import InvalidRecord, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.repo import Repository
    from zonegit.repo.everywhere import Joint
    from zonegit.repo.pointing import Searched

_SHOWN: Final = 10
"""Zones and records that a warning names."""


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
            how["zone"] = typed.zone_of(args, args.pattern, repo, out, rtype)
        return _tell(repo, repo.set_ttl(args.pattern, ttl, rtype, all_zones=args.all_zones, **how), args, out)


def _rename(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        how = options.joint_how(args)
        how["zone"] = zone = typed.zone_of(args, args.old, repo, out)
        typed.zone_meant(Namespace(**{**vars(args), "zone": zone}), args.new, repo)
        return _tell(repo, repo.rename(args.old, args.new, all_zones=args.all_zones, **how), args, out)


def _refuse_zone_twice(args: Namespace) -> None:
    if args.all_zones and args.zone is not None:
        raise UsageError("--zone names one zone and --all-zones means all of them; leave one out")


def _tell(repo: Repository, done: Joint, args: Namespace, out: Output) -> int:
    """Report the commits, and what was left as it is."""
    from zonegit.model.names import parse_apex
    from zonegit.zonefile.types import type_text

    code = tell_all(repo, done.commits, args, out)
    if done.mirrored:
        out.warn(f"not changed, because mirrored from a peer: {_some(done.mirrored)}; make the change there")
    if done.mentions:
        records = [
            f"{render.owner_name(each.owner, parse_apex(each.zone))} {type_text(each.rtype)}"
            for each in done.mentions
        ]
        out.warn(f"may still hold the old name, in a form that rename doesn't change: {_some(records)}")
    _tell_elsewhere(done.elsewhere, args, out)
    return code


def _tell_elsewhere(searched: Searched, args: Namespace, out: Output) -> None:
    """Say where the old name of a rename is still named."""
    if searched.found:
        where = f"zones without a branch {args.branch}" if args.all_zones else "other zones"
        zones = _some([f"{each.zone} ({render.counted(each.records, 'record')})" for each in searched.found])
        way = "undo this by 'zonegit undo', then rename with --all-zones, which changes"
        hint = f"; {'--all-zones changes' if args.dry_run else way} them, too"
        out.warn(f"the old name is still named in {where}: {zones}{'' if args.all_zones else hint}")
    if searched.unread:
        zones = render.counted(searched.unread, "other zone")
        out.note(f"not searched for the old name: {zones}, too large, too many or not readable")


def _some(texts: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(texts) - _SHOWN:,} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more


def _all_zones_option(parser: ArgumentParser, what: str) -> None:
    parser.add_argument("--all-zones", action="store_true", help=what)


def _batch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "changes", metavar="FILE", nargs="?", default="-", help="the changes, one a line (default: standard input)"
    )
    typed.relative_option(parser)
    options.commit_options(parser)


def _ttl_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("pattern", metavar="NAME", help="a name, or a shell's pattern in quotes: 'www*'")
    parser.add_argument("ttl", metavar="TTL", help="seconds, or 1h30m")
    parser.add_argument(
        "--type", metavar="TYPE", help="only RRsets of this type (default: all but SOA and DNSSEC's)"
    )
    _all_zones_option(parser, "in every zone here, in one transaction")
    typed.relative_option(parser)
    options.commit_options(parser)


def _rename_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help="a name; what is below it moves, too")
    parser.add_argument("new", metavar="NEW", help="a name at which, and below which, nothing stands")
    _all_zones_option(parser, "also change what points there from other zones here, in one transaction")
    typed.relative_option(parser)
    options.commit_options(parser)


_BATCH_DETAILS: Final = """\
One change a line, as the verbs of their names read it, with quotes as in a shell:
  set NAME TYPE TTL RDATA…        add NAME TYPE TTL RDATA…        delete NAME [TYPE [RDATA…]]
  zone ZONE                       the lines below are about this zone
A word that begins with # or ; begins a comment; empty lines are skipped. Each line works on what the lines above
it made. Each zone gets one commit, all in one transaction. If a line is wrong, nothing is written."""

_TTL_DETAILS: Final = """\
A pattern matches names as zonegit writes them, relative to the zone (@ is the apex); one with a final dot matches
absolute names. * is any text, dots too; ? is one character; [ab] is one of these, so [*] is the name *.
Only --type SOA changes the TTL of the SOA. DNSSEC records keep theirs, which their signatures cover."""

_RENAME_DETAILS: Final = """\
All records at OLD and below it move, and each name in a record of the zone (CNAME, MX, NS, SRV, PTR, SVCB, SOA and
so on) that is OLD or below it becomes NEW or below it. With --all-zones that holds for the records of every zone
here, and NEW may be in another zone. Names in text, as in SPF records, aren't changed but listed in a warning."""

VERBS: Final = {
    "batch": Verb(_batch_arguments, _batch, _BATCH_DETAILS),
    "ttl": Verb(_ttl_arguments, _ttl, _TTL_DETAILS),
    "rename": Verb(_rename_arguments, _rename, _RENAME_DETAILS),
}
