"""The verbs on peers: `fetch`, `remote add|list|remove`, `peer accept-epoch`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import TYPE_CHECKING, Final

from zonegit.cli import adoption, options, peering, render
from zonegit.cli.output import Output
from zonegit.cli.ownership import chosen_repository
from zonegit.cli.verbs import Verb
from zonegit.cli.way_back import way_back
from zonegit.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.net.client.peer import PeerClient
    from zonegit.repo.remotes import Remote
    from zonegit.store.lmdb import LmdbStore
    from zonegit.sync.wire import PeerRefs

_DATA: Final = "data.mdb"
_LOCKS: Final = "lock.mdb"


def _fetch(args: Namespace, out: Output) -> int:
    from asyncio import CancelledError

    from zonegit.repo.remotes import remote_named
    from zonegit.sync.fetch_session import FetchSession

    with closing(_store(args, out)) as store:
        with store.read() as reader:
            remote = remote_named(reader, args.remote)
        before = _tracked(store, remote.name)

        async def work(peer: PeerClient) -> peering.Pulled:
            refs = await peering.refs_of(peer, store, remote.name)
            if args.dry_run:
                FetchSession(store, remote.name, refs)  # refuses what the fetch would refuse
                return peering.Pulled(refs, 0, 0)
            try:
                with store.keeping():
                    session = FetchSession(store, remote.name, refs)
                    who = peering.stamp(store, args.author)
                    return await peering.pull_with_progress(peer, refs, session, who, out)
            except CancelledError:
                store.close()  # a thread that waits for another writer gives up
                raise

        try:
            pulled = peering.exchange(remote, work)
        except KeyboardInterrupt:
            out.fail("interrupted; what arrived is kept, and the next fetch continues from there")
            raise
        after = _named(remote.name, pulled.refs) if args.dry_run else _tracked(store, remote.name)
    peering.tell_left_out(pulled.left_out, out)
    moved = [
        (name, before.get(name), after.get(name))
        for name in sorted(before | after)
        if before.get(name) != after.get(name)
    ]
    if moved and not args.dry_run:
        out.made("but the refs were fetched")
    if args.json:
        refs = [{"ref": name, "old": old, "new": new} for name, old, new in moved]
        out.json({"remote": remote.name, "refs": refs, "objects": pulled.objects, "bytes": pulled.size})
        return 0
    for line in render.table((name, _short(old), _short(new)) for name, old, new in moved):
        out.line(line)
    if args.dry_run:
        out.note("dry run, nothing written")
    else:
        found = f"{render.counted(pulled.objects, 'object')}, {pulled.size >> 10:,} KiB"
        out.note(f"{render.counted(len(moved), 'ref')} moved; received {found}")
    return 0


def _tracked(store: LmdbStore, peer: str) -> dict[str, str]:
    with store.read() as reader:
        return {name: oid.hex() for name, oid in reader.refs(f"refs/remotes/{peer}/")}


def _named(peer: str, refs: PeerRefs) -> dict[str, str]:
    from zonegit.model.refs import remote

    return {remote(peer, tip.zone, tip.name): tip.oid.hex() for tip in refs.branches}


def _short(oid: str | None) -> str:
    return oid[:12] if oid is not None else "-"


def _add(args: Namespace, out: Output) -> int:
    from zonegit.repo.remotes import add_remote

    remote = peering.remote_of(args, args.name, args.url)
    with closing(_store(args, out)) as store:
        if args.dry_run:
            out.note("dry run, nothing written")
            return 0
        with store.write() as writer:
            add_remote(writer, remote)
    out.note(f"added remote {remote.name}: {remote.url}; `zonegit fetch {remote.name}` fetches from it")
    return 0


def _list(args: Namespace, out: Output) -> int:
    from zonegit.repo.remotes import remotes
    from zonegit.repo.sync_default import sync_default

    with closing(_store(args, out)) as store, store.read() as reader:
        known = remotes(reader).values()
        default = sync_default(reader)
    if args.json:
        out.json_array(
            {
                "name": remote.name,
                "url": remote.url,
                "key": remote.key,
                "keys": str(remote.keys),
                "default": default.shape() if remote.name == default.remote else None,
            }
            for remote in known
        )
        return 0
    rows = (
        (
            remote.name,
            remote.url,
            str(remote.keys),
            remote.key,
            f"default: {default}" * (remote.name == default.remote),
        )
        for remote in known
    )
    for line in render.table(rows):
        out.line(line)
    if not known:
        out.note("no remotes; `zonegit remote add NAME URL` adds one")
    return 0


def _remove(args: Namespace, out: Output) -> int:
    from zonegit.repo.remotes import check_known, remotes, remove_remote
    from zonegit.sync.peers import forget

    with closing(_store(args, out)) as store:
        with store.read() as reader:
            known = remotes(reader).get(args.name)
        if args.dry_run:
            with store.read() as reader:
                check_known(reader, args.name)
            out.note(f"dry run, nothing written: would remove {args.name}")
            return 0
        who = peering.stamp(store, args.author)
        with store.write() as writer:
            mirrored = remove_remote(writer, args.name, who)
            forget(writer, args.name)
    out.note(f"removed {args.name} and its remote-tracking branches")
    if mirrored:
        out.note(f"{render.counted(len(mirrored), 'zone')} no longer mirrored, and may be changed here")
    if known:
        out.note(way_back(args, "remote add", *_as_arguments(known)))
    return 0


def _as_arguments(remote: Remote) -> Iterator[str]:
    """The arguments of `remote add` for this remote."""
    yield from (remote.name, remote.url, "--keys", str(remote.keys))
    if remote.key:
        yield from ("--key", remote.key)
    files = {"--ca": remote.ca, "--client-cert": remote.client_cert, "--client-key": remote.client_key}
    for option, file in files.items():
        if file is not None:
            yield from (option, str(file))
    if remote.allow_plaintext:
        yield "--allow-plaintext"


def _accept_epoch(args: Namespace, out: Output) -> int:
    from zonegit.sync.peers import accept_epoch, highest

    with closing(_store(args, out)) as store:
        with store.read() as reader:
            known = highest(reader, args.name)
        if known is None:
            raise NotFound(
                f"there has been no contact with a peer {args.name[:80]!r}, so there is nothing to accept"
            )
        if args.dry_run:
            out.note(f"dry run, nothing written: would forget the epoch {known.epoch[:12]} of {args.name}")
            return 0
        with store.write() as writer:
            accept_epoch(writer, args.name)
    out.note(f"the next contact with {args.name} counts as the first; its epoch was {known.epoch[:12]}")
    return 0


def _store(args: Namespace, out: Output) -> LmdbStore:
    """The repository's store; a verb that only reads, or has `--dry-run`, never waits for a writer."""
    from zonegit.store.lmdb import LmdbStore

    readonly = getattr(args, "dry_run", True)
    return LmdbStore.open(chosen_repository(args), readonly=readonly, patience=options.patience(args, out))


def _fetch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("remote", metavar="REMOTE", nargs="?", help="the peer (default: the only one)")
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the peer's name, its --replicate-name")
    parser.add_argument("url", metavar="URL", help="its replication address, such as https://192.0.2.1:9354")
    peering.peer_options(parser)
    options.dry_run_option(parser)


def _remove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the remote")
    options.author_option(parser)
    options.dry_run_option(parser)


def _accept_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the peer's name")
    options.dry_run_option(parser)


_FETCH_DETAILS: Final = """\
Updates only refs/remotes/REMOTE/. REMOTE/BRANCH names a fetched branch, as in `zonegit log REMOTE/main`."""

VERBS: Final = {
    "fetch": Verb(_fetch_arguments, _fetch, _FETCH_DETAILS),
    "remote add": Verb(_add_arguments, _add),
    "remote list": Verb(options.json_option, _list),
    "remote remove": Verb(_remove_arguments, _remove),
    "remote adopt": Verb(adoption.arguments, adoption.run, adoption.DETAILS),
    "peer accept-epoch": Verb(_accept_arguments, _accept_epoch),
}
