"""`fsck --repair-from`: fetch damaged objects from a peer and replace them, before the check."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import TYPE_CHECKING

from zonegit.cli import options, peering, render
from zonegit.cli.output import Output
from zonegit.cli.ownership import chosen_repository
from zonegit.errors import UsageError

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId
    from zonegit.net.client.peer import PeerClient
    from zonegit.repo.remotes import Remote
    from zonegit.store.port import Store


def repair_options(parser: ArgumentParser) -> None:
    """`--repair-from`, and the options for a peer given by its URL."""
    parser.add_argument(
        "--repair-from", metavar="URL", help="replace damaged objects with those of this peer, or of a named remote"
    )
    parser.add_argument("--name", metavar="NAME", help="the peer's name, its --replicate-name")
    peering.peer_options(parser, required=False)


def repair(args: Namespace, out: Output) -> None:
    """Replace every damaged object that the peer has, in one transaction, and report how many."""
    from zonegit.net.client.objects import fetch_objects
    from zonegit.store import repair as stored
    from zonegit.store.lmdb import LmdbStore

    path, patience = chosen_repository(args), options.patience(args, out)
    with closing(LmdbStore.open(path, readonly=args.dry_run, patience=patience)) as store:
        remote = _remote(args, store)
        with out.progress("looking for damage") as progress:
            damaged = stored.damaged(store, progress)

        async def work(peer: PeerClient) -> dict[ObjectId, bytes]:
            with out.progress("receiving objects") as progress:
                return await fetch_objects(peer, damaged, progress)

        found = peering.exchange(remote, work) if damaged else {}
        if found and not args.dry_run:
            stored.replace(store, found.values())
    done = "dry run, nothing written: would replace" if args.dry_run else "replaced"
    out.note(f"{done} {len(found)} of {render.counted(len(damaged), 'damaged object')}")
    if len(found) < len(damaged):
        out.warn(f"{remote.name} lacks the other {len(damaged) - len(found)}: try another peer, or a backup")


def _remote(args: Namespace, store: Store) -> Remote:
    from zonegit.repo.remotes import remote_named

    if "://" in args.repair_from:
        if args.name is None:
            raise UsageError("a URL needs --name and --keys; or name a remote (see `zonegit remote list`)")
        return peering.remote_of(args, args.name, args.repair_from)
    with store.read() as reader:
        return remote_named(reader, args.repair_from)
