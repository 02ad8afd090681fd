"""The verbs on catalog zones: `catalog list`, `catalog check`, `catalog allow`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render
from zonegit.cli.output import Output, Style
from zonegit.cli.verbs import Verb
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from zonegit.cli.shapes import JsonObject
    from zonegit.repo import Repository
    from zonegit.repo.catalog.summaries import CatalogSummary, MemberSummary

BROKEN: Final = 1
"""Exit code: the catalog is broken."""
_NAMED: Final = 10


def _list(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        if args.catalog_name is not None:
            return _list_members(repo, args, out)
        catalogs = repo.catalogs()
    if args.json:
        out.json([_catalog_shape(each) for each in catalogs])
        return 0
    rows = [
        (
            each.name,
            "made here" if each.followed is None else "followed",
            "not transferred yet" if each.serial is None else f"serial {each.serial}",
            render.counted(each.members, "zone"),
        )
        for each in catalogs
    ]
    for line in render.table(rows):
        out.line(line)
    tell_catalogs(catalogs, out)
    if not catalogs:
        out.note("no catalogs; docs/catalogs.md tells how zonegitd makes one, or follows one")
    return 0


def _list_members(repo: Repository, args: Namespace, out: Output) -> int:
    members = repo.catalog_members(args.catalog_name)
    if args.json:
        out.json([_member_shape(each) for each in members])
        return 0
    from zonegit.repo.catalog.values import ident_text

    rows = [
        (
            each.member.zone,
            ident_text(each.member.ident),
            printable(", ".join(each.member.groups)) or "-",
            _standing(each),
        )
        for each in members
    ]
    for line, each in zip(render.table(rows), members, strict=True):
        out.line(line, Style.OLD if each.clash or not each.is_listed else None)
    return 0


def _standing(each: MemberSummary) -> str:
    """What there is of a member, in a few words."""
    if each.clash:
        return f"not taken from the catalog: it {each.clash}"
    here = "not here yet" if each.serial is None else f"serial {each.serial}"
    moves = "" if each.member.coo is None else f", moves to {each.member.coo}"
    return f"{here}{moves}" if each.is_listed else f"{here}, its removal waits"


def tell_catalogs(catalogs: list[CatalogSummary], out: Output) -> None:
    """Warn of what keeps catalogs from being followed."""
    for each in catalogs:
        if each.broken:
            why = printable("; ".join(each.broken))
            out.warn(f"the catalog {each.name} is broken, so its members stay as they are: {why}")
        if each.followed is None:
            continue
        if each.followed.held is not None:
            held = each.followed.held
            out.warn(
                f"the catalog {each.name} removes {render.counted(held.removals, 'zone')} at once, and may remove "
                f"{held.most}: they stay until 'zonegit catalog allow {each.name}'"
            )
        for zone, why in each.followed.clashes[:_NAMED]:
            out.warn(f"{zone} is not taken from the catalog {each.name}: it {why}")
        if each.followed.clash_count > _NAMED:
            out.warn(f"{each.followed.clash_count - _NAMED} more zones are not taken from {each.name}")


def _check(args: Namespace, out: Output) -> int:
    from zonegit.repo.catalog.values import Broken

    with options.open_repository(args, out) as repo:
        found = repo.read_catalog(args.catalog_name, args.revision)
    is_broken = isinstance(found, Broken)
    if args.json:
        reasons = found.reasons if isinstance(found, Broken) else ()
        out.json({"catalog": found.name, "broken": list(reasons)})
    elif isinstance(found, Broken):
        for reason in found.reasons:
            out.line(f"{found.name}: {printable(reason)}", Style.OLD)
    else:
        out.line(f"{found.name}: a catalog of {render.counted(len(found.members), 'zone')}")
    return BROKEN if is_broken else 0


def _allow(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        held = repo.allow_removals(args.catalog_name, dry_run=args.dry_run)
    lead = "dry run, nothing written: would let zonegitd remove" if args.dry_run else "allowed: zonegitd removes"
    out.note(f"{lead} {render.counted(held.removals, 'zone')} now")
    return 0


def _catalog_shape(each: CatalogSummary) -> JsonObject:
    state = each.followed
    held = None if state is None or state.held is None else state.held._asdict()
    return {
        "catalog": each.name,
        "made_here": state is None,
        "serial": each.serial,
        "members": each.members,
        "broken": list(each.broken),
        "held": held,
        "not_taken": dict(state.clashes) if state is not None else {},
    }


def _member_shape(each: MemberSummary) -> JsonObject:
    from zonegit.repo.catalog.values import ident_text

    return {
        "zone": each.member.zone,
        "node": ident_text(each.member.ident),
        "groups": list(each.member.groups),
        "moves_to": each.member.coo,
        "serial": each.serial,
        "not_taken": each.clash or None,
        "listed": each.is_listed,
    }


def _list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "catalog_name", metavar="CATALOG", nargs="?", help="show the members of this one (default: all catalogs)"
    )
    options.json_option(parser)


def _check_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("catalog_name", metavar="CATALOG", help="the catalog zone")
    parser.add_argument("revision", metavar="REV", nargs="?", help="a version (default: the newest one)")
    options.json_option(parser)


def _allow_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("catalog_name", metavar="CATALOG", help="the catalog zone")
    options.dry_run_option(parser)


_CHECK_DETAILS: Final = """\
Exits with code 1 if the version breaks a rule for catalogs (RFC 9432), so that no consumer may follow it."""
_ALLOW_DETAILS: Final = """\
zonegitd holds the removals of a version of a catalog that would remove all members, or more than max_removals at
once. This lets those of the newest version through, and none of a later one."""

VERBS: Final = {
    "catalog list": Verb(_list_arguments, _list),
    "catalog check": Verb(_check_arguments, _check, _CHECK_DETAILS),
    "catalog allow": Verb(_allow_arguments, _allow, _ALLOW_DETAILS),
}
