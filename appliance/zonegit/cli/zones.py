"""The verbs on zones: `zone list`, `zone add`, `zone switch`, `zone remove`, `zone restore`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes, typed_names
from zonegit.cli.committed import head_stays, tell, tell_begun
from zonegit.cli.output import Output, Style
from zonegit.cli.removing import DETAILS, removing, tombstone_option
from zonegit.cli.verbs import Verb
from zonegit.cli.way_back import way_back
from zonegit.model.ids import short
from zonegit.model.names import parse_apex

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId


def _list(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        zones = repo.zones()
        head = repo.head_status().head
    current = head.zone if head else ""
    if args.json:
        out.json([shapes.zone(zone, current) for zone in zones])
        return 0
    rows = [
        (
            "*" if zone.zone == current else " ",
            zone.zone,
            zone.branch,
            render.short_or_none(zone.id),
            f"serial {zone.serial}",
            render.counted(zone.records, "record"),
        )
        for zone in zones
    ]
    for line in render.table(rows):
        out.line(line, Style.NEW if line.startswith("*") else None)
    if not zones:
        out.note("no zones yet; `zonegit zone add ZONE` or `zonegit import FILE` creates one")
    return 0


def _add(args: Namespace, out: Output) -> int:
    apex = parse_apex(args.name)
    for name in (*args.ns, *([args.mail] if args.mail and "@" not in args.mail else [])):
        typed_names.check(name, apex, meant=args.relative)
    for name in args.ns:
        typed_names.check_server(name, apex, meant=args.relative)
    with options.open_repository(args, out) as repo:
        done = repo.add_zone(
            args.name, nameservers=args.ns, mail=args.mail, who=args.author, dry_run=args.dry_run, sign=args.sign
        )
        tell(repo, done, args, out)
        tell_begun(repo, done, out)
    return 0


def _switch(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        if args.dry_run:
            out.note(f"dry run, nothing written: HEAD would name {repo.position(args.name).zone}")
            return 0
        position = repo.switch_zone(args.name)
        out.note(options.head_note(repo, position))
    return 0


def _remove(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        zone = repo.position(args.name).zone
        how = removing(args, repo, zone)
        repo.remove_zone(zone, who=args.author, dry_run=args.dry_run, tombstone=how.tombstone, sign=args.sign)
        lost = repo.head_status().lost
    if args.dry_run:
        left = ", and leave a tombstone" if how.tombstone else ""
        out.note(f"dry run, nothing written: would remove {zone}{left}")
    else:
        out.note(f"removed {zone}")
        if how.note:
            out.note(how.note)
        if lost and lost.zone == zone:
            out.note("HEAD still names it; run `zonegit zone switch ZONE` before the next change")
        out.note(way_back(args, "zone restore", zone))
    return 0


def _restore(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        done = repo.restore_zone(args.name, who=args.author, dry_run=args.dry_run, sign=args.sign)
        head = None if args.dry_run or done.current else repo.head_status().head
    if not args.dry_run:
        out.made(f"but {done.zone} was restored")
    if args.json:
        out.json(shapes.restored(done))
        return 0
    named = ", ".join([*_listed("branch", done.branches), *_listed("tag", done.tags)])
    lead = "dry run, nothing written: would restore" if args.dry_run else "restored"
    out.note(f"{lead} {done.zone} with {named}")
    if head:
        out.note(head_stays(head.zone, done.zone))
    return 0


def _listed(what: str, found: dict[str, ObjectId]) -> list[str]:
    return [f"{what} {name} at {short(oid)}" for name, oid in found.items()]


def _list_arguments(parser: ArgumentParser) -> None:
    options.json_option(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--ns", metavar="NAME", action="append", default=[], help="a name server; may be repeated")
    parser.add_argument("--mail", metavar="ADDRESS", help="the SOA's RNAME (default: hostmaster@ZONE)")
    typed_names.relative_option(parser)
    _remove_arguments(parser)


def _remove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="ZONE")
    options.author_option(parser)
    options.sign_option(parser)
    options.dry_run_option(parser)


def _tombstone_arguments(parser: ArgumentParser) -> None:
    _remove_arguments(parser)
    tombstone_option(parser)


def _restore_arguments(parser: ArgumentParser) -> None:
    _remove_arguments(parser)
    options.json_option(parser)


def _switch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="ZONE")
    options.dry_run_option(parser)


_RESTORE_DETAILS: Final = """\
Restores all branches and tags that the zone had when it was last removed, each at its old id, so that the serial is
the same as before. Branches and tags that were deleted earlier are not restored."""

VERBS: Final = {
    "zone list": Verb(_list_arguments, _list),
    "zone add": Verb(_add_arguments, _add),
    "zone switch": Verb(_switch_arguments, _switch),
    "zone remove": Verb(_tombstone_arguments, _remove, DETAILS),
    "zone restore": Verb(_restore_arguments, _restore, _RESTORE_DETAILS),
}
