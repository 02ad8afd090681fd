"""`clone`: a copy of a peer's repository, to work in or as a mirror."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.cli import location, options, peering, render
from zonegit.cli.ownership import as_owner
from zonegit.errors import AlreadyThere, StoreUnfinished, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from zonegit.cli.output import Output
    from zonegit.model.commit import Stamp
    from zonegit.net.client.exchange import Fetched, TransferHooks
    from zonegit.net.client.peer import PeerClient
    from zonegit.repo.remotes import Remote
    from zonegit.store.lmdb import LmdbStore
    from zonegit.store.writer_lock import Patience
    from zonegit.sync.pulling import Pulled
    from zonegit.sync.selection import Selection
    from zonegit.sync.wire import PeerRefs

_DATA: Final = "data.mdb"
_LOCKS: Final = "lock.mdb"


def run(args: Namespace, out: Output) -> int:
    from zonegit.sync.fetch_session import selected
    from zonegit.sync.selection import parse_selection

    remote = peering.remote_of(args, args.name, args.url)
    if args.mirror and (args.patterns or args.exclude):
        raise UsageError("clone: a mirror copies everything: leave out --mirror or the patterns")
    selection = parse_selection(args.patterns or ["*"], args.exclude)
    target: Path = as_owner(args.directory or location.new(args))
    _check_target(target)

    async def work(peer: PeerClient) -> peering.Pulled:
        refs = await peering.refs_of(peer)  # before anything is made: a mistyped call leaves nothing behind
        if args.dry_run:
            return peering.Pulled(await _without_removed(peer, selected(refs, selection)), 0, 0)
        with closing(_made(target, remote, options.patience(args, out))) as store, store.keeping():
            who = peering.stamp(store, args.author)
            if not args.mirror:
                return await _to_work_in(peer, target, store, remote.name, selection, who, out)
            from zonegit.sync.session import Session

            session = Session(store, remote.name, refs)
            return await peering.pull_with_progress(peer, refs, session, who, out)

    try:
        pulled = peering.exchange(remote, work)
    except KeyboardInterrupt:
        out.fail(f"interrupted; {_left(target)}")
        raise
    _tell(args, remote, target, pulled, out)
    return 0


async def _to_work_in(
    peer: PeerClient, target: Path, store: LmdbStore, name: str, selection: Selection, who: Stamp, out: Output
) -> peering.Pulled:
    """Fetch what is selected, and create local branches and tags from it."""
    from zonegit.cli import exchanged_reviews
    from zonegit.net.client.exchange import Exchange
    from zonegit.repo import Repository
    from zonegit.sync.arrival import GOOD
    from zonegit.sync.fetch_session import selected
    from zonegit.sync.mirror import point_head

    async def pull(watch: TransferHooks) -> tuple[Fetched, Pulled]:
        return await Exchange(peer, name, Repository(target, store), store, watch).pull(selection, who)

    fetched, pulled = await peering.watched(pull, out)
    with store.write() as writer:
        point_head(writer)
    taken, _ = exchanged_reviews.apart(pulled.taken)
    left_out = {each.ref.zone: each.message for each in taken if each.outcome not in GOOD}
    refs = selected(fetched.refs, selection)
    return peering.Pulled(refs, fetched.objects, fetched.size, {**fetched.left_out, **left_out})


async def _without_removed(peer: PeerClient, refs: PeerRefs) -> PeerRefs:
    """The refs without branches of which only a tombstone is left."""
    from zonegit.model.commit import Commit
    from zonegit.net.client.objects import fetch_objects
    from zonegit.sync.tips import Tips

    found = await fetch_objects(peer, list(dict.fromkeys(tip.oid for tip in refs.branches)))
    removed = {oid for oid, data in found.items() if Commit.decode(data).is_tombstone}
    branches = Tips(tip for tip in refs.branches if tip.oid not in removed)
    return refs._replace(lists=refs.lists._replace(branches=branches))


def _count(target: Path) -> tuple[int, int]:
    """Zones and branches of the copy."""
    from zonegit.repo import Repository

    with Repository.open(target, readonly=True) as repository:
        return repository.count_zones(), sum(len(zone.branches) for zone in repository.zones())


def _tell(args: Namespace, remote: Remote, target: Path, pulled: peering.Pulled, out: Output) -> None:
    if args.dry_run:
        zones, branches = len(pulled.refs.zones), len(pulled.refs.branches)
    else:
        zones, branches = _count(target)
    peering.tell_left_out(pulled.left_out, out)
    if not args.dry_run:
        out.made(f"but the repository in {target} was created")
    if args.json:
        out.json(
            {
                "repo": str(target),
                "remote": remote.name,
                "zones": zones,
                "branches": branches,
                "objects": pulled.objects,
                "bytes": pulled.size,
            }
        )
        return
    what = f"{render.counted(zones, 'zone')} from {remote.name} to {target}"
    if args.dry_run:
        out.note(f"dry run, nothing written: would copy {what}")
        return
    out.note(f"copied {what}: {render.counted(pulled.objects, 'object')}, {pulled.size >> 10:,} KiB")
    if args.mirror:
        out.note(f"it is a mirror of {remote.name}: `zonegit pull` updates it")
    else:
        out.note(f"commit in it, then `zonegit push` sends your commits to {remote.name}")
    if zones > 1:
        _tell_head(target, out)


def _tell_head(target: Path, out: Output) -> None:
    from zonegit.repo import Repository

    with Repository.open(target, readonly=True) as repository:
        place = repository.position()
    named = f"HEAD names {place.zone}, branch {place.branch}"
    out.note(f"{named}; `zonegit zone switch ZONE` switches to another zone")


def _left(target: Path) -> str:
    """What an interrupted clone left in its directory."""
    if not (target / _DATA).exists():
        return "nothing was written"
    if _is_begun(target):
        return f"{target} keeps what arrived; run the same command again to continue"
    return f"but the copy in {target} is complete"


def _check_target(target: Path) -> None:
    """`AlreadyThere` unless a clone can start, or continue, in this directory."""
    if target.exists() and {file.name for file in target.iterdir()} - {_LOCKS} and not _is_begun(target):
        raise AlreadyThere(
            f"{target} already exists and isn't empty: name another directory, or use `zonegit fetch`"
        )


def _is_begun(target: Path) -> bool:
    """Whether a directory has a repository without branches: an interrupted clone, or one just created."""
    from zonegit.store.lmdb import LmdbStore

    if not (target / _DATA).exists():
        return False
    try:
        with closing(LmdbStore.open(target, readonly=True)) as store, store.read() as reader:
            return next(reader.refs("refs/heads/"), None) is None
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


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="the peer's replication address, such as https://192.0.2.1:9354")
    parser.add_argument(
        "directory", metavar="DIR", type=Path, nargs="?", help="the new repository (default: as --repo)"
    )
    parser.add_argument(
        "patterns", metavar="ZONE[:BRANCH]", nargs="*", help="what to copy, * allowed (default: everything)"
    )
    parser.add_argument(
        "--exclude", metavar="ZONE[:BRANCH]", action="append", default=[], help="skip these; may be repeated"
    )
    parser.add_argument("--name", metavar="NAME", required=True, help="the peer's name, its --replicate-name")
    parser.add_argument("--mirror", action="store_true", help="create a mirror, which takes no local commits")
    peering.peer_options(parser)
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


DETAILS: Final = """\
The copy's branches and tags are local, and you can commit to them: `zonegit push` sends the peer your commits, and
`zonegit pull` fetches and merges those of others. With --mirror they follow the peer, as in the copy that
`zonegitd --primary` keeps: commits here are refused, and `zonegit pull` makes them equal to the peer's. An
interrupted clone keeps what it fetched; the same command continues it."""
