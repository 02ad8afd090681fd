"""The verbs on peers: `clone`, `fetch`, `remote add|list|remove`, `peer accept-epoch`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import adoption, location, options, peering, render
from zonegit.cli.output import Output
from zonegit.cli.ownership import as_owner, chosen_repository
from zonegit.cli.verbs import Verb
from zonegit.cli.way_back import way_back
from zonegit.errors import AlreadyThere, NotFound, StoreUnfinished
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.net.http_client import HttpPeer
    from zonegit.repo.remotes import Remote
    from zonegit.store.lmdb import LmdbStore
    from zonegit.store.writer_lock import Patience
    from zonegit.sync.wire import PeerRefs

_DATA: Final = "data.mdb"
_LOCKS: Final = "lock.mdb"


def _clone(args: Namespace, out: Output) -> int:
    remote = peering.remote_of(args, args.name, args.url)
    target: Path = as_owner(args.directory or location.new(args))
    _check_target(target)

    async def work(peer: HttpPeer) -> peering.Pulled:
        from zonegit.sync.session import Session

        refs = await peering.refs_of(peer)  # before anything is made: a mistyped call leaves nothing behind
        if args.dry_run:
            return peering.Pulled(refs, 0, 0)
        with closing(_made(target, remote, options.patience(args, out))) as store, store.keeping():
            session = Session(store, remote.name, refs)
            return await peering.pull_with_progress(peer, refs, session, peering.stamp(store, args.author), out)

    try:
        pulled = peering.exchange(remote, work)
    except KeyboardInterrupt:
        out.fail(f"interrupted; {_left(target)}")
        raise
    refs = pulled.refs
    _tell_left_out(pulled, out)
    if not args.dry_run:
        out.made(f"the repository in {target} was made all the same")
    if args.json:
        out.json(
            {
                "repo": str(target),
                "remote": remote.name,
                "zones": len(refs.zones),
                "branches": len(refs.branches),
                "objects": pulled.objects,
                "bytes": pulled.size,
            }
        )
    else:
        what = f"{render.counted(len(refs.zones), 'zone')} from {remote.name} to {target}"
        if args.dry_run:
            out.note(f"dry run, nothing written: would copy {what}")
        else:
            out.note(f"copied {what}: {render.counted(pulled.objects, 'object')}, {pulled.size >> 10:,} KiB")
            out.note(f"it is a mirror: its branches are those of {remote.name}, and changes are made there")
    return 0


def _left(target: Path) -> str:
    """What an interrupted clone left in its directory."""
    if not (target / _DATA).exists():
        return "nothing was written"
    if _is_begun(target):
        return f"{target} keeps what arrived, and the same call continues from there"
    return f"but the copy in {target} is complete"


def _check_target(target: Path) -> None:
    """`AlreadyThere` unless a clone can begin, or go on, in this directory."""
    if target.exists() and {file.name for file in target.iterdir()} - {_LOCKS} and not _is_begun(target):
        raise AlreadyThere(
            f"{target} is there already, and isn't empty: name another directory, or use `zonegit fetch`"
        )


def _is_begun(target: Path) -> bool:
    """Whether a directory has a repository without any ref: a clone that was interrupted, or one just made."""
    from zonegit.store.lmdb import LmdbStore

    if not (target / _DATA).exists():
        return False
    try:
        with closing(LmdbStore.open(target, readonly=True)) as store, store.read() as reader:
            return next(reader.refs(), None) is None
    except StoreUnfinished:
        return True


def _made(target: Path, remote: Remote, patience: Patience) -> LmdbStore:
    """The repository for a clone, with the remote in it."""
    from zonegit.repo.remotes import add_remote
    from zonegit.store.lmdb import LmdbStore

    try:
        begun = (target / _DATA).exists()
        store = (LmdbStore.open if begun else LmdbStore.create)(target, patience=patience)
    except StoreUnfinished:
        store = LmdbStore.create(target, patience=patience)
    try:
        with store.write() as writer:
            add_remote(writer, remote)
    except BaseException:
        store.close()
        raise
    return store


def _tell_left_out(pulled: peering.Pulled, out: Output) -> None:
    for zone, reason in pulled.left_out.items():
        out.warn(f"{zone} is not taken up: {printable(reason)}")


def _fetch(args: Namespace, out: Output) -> int:
    from asyncio import CancelledError

    from zonegit.repo.remotes import remote_named
    from zonegit.sync.tracking import TrackingSession

    with closing(_store(args, out)) as store:
        with store.read() as reader:
            remote = remote_named(reader, args.remote)
        before = _tracked(store, remote.name)

        async def work(peer: HttpPeer) -> peering.Pulled:
            refs = await peering.refs_of(peer, store, remote.name)
            if args.dry_run:
                TrackingSession(store, remote.name, refs)  # which refuses what the fetch would
                return peering.Pulled(refs, 0, 0)
            try:
                with store.keeping():
                    session = TrackingSession(store, remote.name, refs)
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
    _tell_left_out(pulled, out)
    moved = [
        (name, before.get(name), after.get(name))
        for name in sorted(before | after)
        if before.get(name) != after.get(name)
    ]
    if moved and not args.dry_run:
        out.made("the refs were fetched all the same")
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
    out.note(f"remote {remote.name} is {remote.url}; `zonegit fetch {remote.name}` asks it")
    return 0


def _list(args: Namespace, out: Output) -> int:
    from zonegit.repo.remotes import remotes

    with closing(_store(args, out)) as store, store.read() as reader:
        known = remotes(reader).values()
    if args.json:
        out.json_array(
            {"name": remote.name, "url": remote.url, "key": remote.key, "keys": str(remote.keys)}
            for remote in known
        )
        return 0
    for line in render.table((remote.name, remote.url, str(remote.keys), remote.key) for remote in known):
        out.line(line)
    if not known:
        out.note("no remotes; `zonegit remote add NAME URL` makes one")
    return 0


def _remove(args: Namespace, out: Output) -> int:
    from zonegit.repo.remotes import mirrored_from, remote_named, remotes, remove_remote
    from zonegit.sync.peers import forget

    with closing(_store(args, out)) as store:
        with store.read() as reader:
            known = remotes(reader).get(args.name)
        if args.dry_run:
            with store.read() as reader:
                if not mirrored_from(reader, args.name):
                    remote_named(reader, args.name)
            out.note(f"dry run, nothing written: would forget {args.name}")
            return 0
        who = peering.stamp(store, args.author)
        with store.write() as writer:
            mirrored = remove_remote(writer, args.name, who)
            forget(writer, args.name)
    out.note(f"forgot {args.name} and what it was seen to have")
    if mirrored:
        out.note(f"no longer mirrored, so that changes can be made here: {render.counted(len(mirrored), 'zone')}")
    if known:
        out.note(way_back(args, "remote add", *_as_arguments(known)))
    return 0


def _as_arguments(remote: Remote) -> Iterator[str]:
    """What `remote add` made this remote of."""
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
            raise NotFound(f"nothing is known of a peer {args.name[:80]!r} here, so there is nothing to accept")
        if args.dry_run:
            out.note(f"dry run, nothing written: would forget the epoch {known.epoch[:12]} of {args.name}")
            return 0
        with store.write() as writer:
            accept_epoch(writer, args.name)
    out.note(f"the next contact with {args.name} is taken as the first; its epoch was {known.epoch[:12]}")
    return 0


def _store(args: Namespace, out: Output) -> LmdbStore:
    """The repository's store; a verb that only reads, or is told `--dry-run`, never waits for a writer."""
    from zonegit.store.lmdb import LmdbStore

    readonly = getattr(args, "dry_run", True)
    return LmdbStore.open(chosen_repository(args), readonly=readonly, patience=options.patience(args, out))


def _clone_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="the peer's replication address, as https://192.0.2.1:9354")
    parser.add_argument(
        "directory", metavar="DIR", type=Path, nargs="?", help="where to put it (default: as --repo)"
    )
    parser.add_argument("--name", metavar="NAME", required=True, help="the peer's name, as its --replicate-name")
    peering.peer_options(parser)
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _fetch_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("remote", metavar="REMOTE", nargs="?", help="which one (default: the only one)")
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the peer's name, as its --replicate-name")
    parser.add_argument("url", metavar="URL", help="its replication address, as https://192.0.2.1:9354")
    peering.peer_options(parser)
    options.dry_run_option(parser)


def _remove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the remote")
    options.author_option(parser)
    options.dry_run_option(parser)


def _accept_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the peer's name")
    options.dry_run_option(parser)


_CLONE_DETAILS: Final = """\
The copy is a mirror, as the one that `zonegitd --primary` keeps: its branches and tags are the peer's, and commits
to its zones are refused here. What was fetched before an interruption stays; the same call goes on behind it."""
_FETCH_DETAILS: Final = """\
Only refs/remotes/REMOTE/ moves; REMOTE/BRANCH names what is there, as in `zonegit log REMOTE/main`."""

VERBS: Final = {
    "clone": Verb(_clone_arguments, _clone, _CLONE_DETAILS),
    "fetch": Verb(_fetch_arguments, _fetch, _FETCH_DETAILS),
    "remote add": Verb(_add_arguments, _add),
    "remote list": Verb(options.json_option, _list),
    "remote remove": Verb(_remove_arguments, _remove),
    "remote adopt": Verb(adoption.arguments, adoption.run, adoption.DETAILS),
    "peer accept-epoch": Verb(_accept_arguments, _accept_epoch),
}
