"""`remote adopt`: replace a zone's local history with a peer's and mirror it, or undo that."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, peering
from zonegit.cli.output import Output
from zonegit.cli.ownership import chosen_repository
from zonegit.cli.way_back import way_back
from zonegit.model.names import parse_apex, to_text

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId
    from zonegit.store.port import Reader
    from zonegit.sync.adoption import Plan


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("zone_name", metavar="ZONE", help="the zone to mirror")
    parser.add_argument("remote", metavar="NAME", nargs="?", help="the peer (default: the only one that has it)")
    parser.add_argument(
        "--undo", action="store_true", help="restore the local history, and stop mirroring the zone"
    )
    options.author_option(parser)
    options.dry_run_option(parser)


def run(args: Namespace, out: Output) -> int:
    from zonegit.store.lmdb import LmdbStore
    from zonegit.store.writer import StoreWriter
    from zonegit.sync.adoption import adoption, carry_out, peer_with, restoration

    zone = to_text(parse_apex(args.zone_name))
    path, patience = chosen_repository(args), options.patience(args, out)
    with closing(LmdbStore.open(path, readonly=args.dry_run, patience=patience)) as store:
        who = peering.stamp(store, args.author)
        with store.read() if args.dry_run else store.write() as reader:
            peer = peer_with(reader, zone, args.remote)
            plan = (restoration if args.undo else adoption)(reader, peer, zone)
            _tell_moves(reader, plan, out)
            if isinstance(reader, StoreWriter):
                carry_out(reader, plan, who)
    if not args.dry_run:
        out.made("but the branches were moved")
    if args.dry_run:
        out.note("dry run, nothing written")
    elif args.undo:
        out.note(f"{zone} is local again, and no longer mirrored from {peer}")
    else:
        _tell_names(args, plan, out)
    return 0


def _tell_moves(reader: Reader, plan: Plan, out: Output) -> None:
    from zonegit.model.ids import short
    from zonegit.model.refs import parse

    for update in plan.moved:
        old, new = (short(oid) if oid else "nothing" for oid in (update.old, update.new))
        out.line(f"{plan.zone} {parse(update.name).name}: {old} -> {new}")
        before, after = (_seq(reader, oid) for oid in (update.old, update.new))
        if before is not None and after is not None and after < before:
            serials = f"{before & 0xFFFFFFFF} to {after & 0xFFFFFFFF}"
            out.warn(f"the serial decreases from {serials}: secondaries that have the old one ignore a lower one")


def _seq(reader: Reader, oid: ObjectId | None) -> int | None:
    from zonegit.model.commit import Commit

    return Commit.decode(reader.get(oid)).seq if oid else None


def _tell_names(args: Namespace, plan: Plan, out: Output) -> None:
    from zonegit.model.refs import RefKind, parse

    for name, branch in plan.kept:
        ref = parse(name)
        kind = "tag" if ref.kind is RefKind.TAG else "branch"
        out.note(f"the local {kind} {ref.name} is kept as branch {branch}")
    out.note(f"{plan.zone} is now mirrored from {plan.peer}; make changes there")
    out.note(way_back(args, "remote adopt", plan.zone, plan.peer, "--undo"))


DETAILS: Final = """\
A mirror refuses a zone that has local commits, or commits of another peer; `zonegit status` lists such zones. This
verb makes the zone a mirror of the peer's, as last fetched. Tips that would be lost are kept as branches
before-adopt-BRANCH."""
