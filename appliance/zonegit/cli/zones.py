"""The verbs on zones: `zone list`, `zone add`, `zone switch`, `zone remove`."""

from argparse import ArgumentParser, Namespace
from typing import Final

from zonegit.cli import options, render, shapes
from zonegit.cli.committed import tell
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb


def _list(args: Namespace, out: Output) -> int:
    with options.open_repository(args) as repo:
        zones = repo.zones()
        current = repo.position().zone if zones else ""
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
        out.note("no zones yet; `zonegit zone add ZONE` or `zonegit import FILE` makes one")
    return 0


def _add(args: Namespace, out: Output) -> int:
    with options.open_repository(args) as repo:
        done = repo.add_zone(args.name, nameservers=args.ns, mail=args.mail, who=args.author, dry_run=args.dry_run)
        return tell(repo, done, args, out)


def _switch(args: Namespace, out: Output) -> int:
    with options.open_repository(args) as repo:
        if args.dry_run:
            out.note(f"dry run, nothing written: HEAD would name {repo.position(args.name).zone}")
            return 0
        position = repo.switch_zone(args.name)
    out.note(f"HEAD names {position.zone}, branch {position.branch}")
    return 0


def _remove(args: Namespace, out: Output) -> int:
    with options.open_repository(args) as repo:
        tip = repo.resolve(repo.position(args.name).branch, zone=args.name)
        repo.remove_zone(args.name, who=args.author, dry_run=args.dry_run)
    lead = "dry run, nothing written: would remove" if args.dry_run else "removed"
    zone = tip.commit.zone
    out.note(
        f"{lead} {zone}; the way back: zonegit zone add {zone}; zonegit --zone {zone} reset --hard {tip.id.hex()}"
    )
    return 0


def _list_arguments(parser: ArgumentParser) -> None:
    options.json_option(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--ns", metavar="NAME", action="append", default=[], help="a name server; repeatable")
    parser.add_argument("--mail", metavar="ADDRESS", help="who answers for the zone (default: hostmaster@ZONE)")
    _remove_arguments(parser)


def _remove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="ZONE")
    options.author_option(parser)
    options.dry_run_option(parser)


def _switch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="ZONE")
    options.dry_run_option(parser)


VERBS: Final = {
    "zone list": Verb(_list_arguments, _list),
    "zone add": Verb(_add_arguments, _add),
    "zone switch": Verb(_switch_arguments, _switch),
    "zone remove": Verb(_remove_arguments, _remove),
}
