"""What the verbs that talk to a peer share: which peer and key are meant, one exchange with it, its progress."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from zonegit.cli.output import Output
from zonegit.errors import InvalidData, KeyFileError, UsageError

if TYPE_CHECKING:
    from zonegit.model.commit import Stamp
    from zonegit.net.http_client import HttpPeer
    from zonegit.repo.remotes import Remote
    from zonegit.store.port import Store
    from zonegit.sync.session import Session
    from zonegit.sync.wire import PeerRefs

_T = TypeVar("_T")
_TICK: Final = 0.1
"""Seconds between two looks at how far a transfer is."""


class Pulled(NamedTuple):
    """What an exchange brought."""

    refs: PeerRefs
    objects: int
    size: int
    """Bytes of those objects."""


def peer_options(parser: ArgumentParser, *, required: bool = True) -> None:
    """`--keys` and `--key`: what requests are signed with."""
    parser.add_argument(
        "--keys", metavar="DIR", type=Path, required=required, help="the directory that holds the key files"
    )
    parser.add_argument("--key", metavar="KID", required=required, help="the key to sign requests with")


def remote_of(args: Namespace, name: str, url: str) -> Remote:
    """The remote that these options describe, checked as far as that needs no connection."""
    from zonegit.repo.remotes import Remote, check_remote

    if args.keys is None or args.key is None:
        raise UsageError("a URL needs --name, --keys and --key; or name a remote: see `zonegit remote list`")
    return check_remote(Remote(name, url, args.key, args.keys.absolute()))


def exchange(remote: Remote, work: Callable[[HttpPeer], Awaitable[_T]]) -> _T:
    """Do something with a peer, over one connection. `KeyFileError`, `NotAuthorised`, `Unreachable`."""
    import asyncio
    import logging

    from zonegit.auth.gate import Signer
    from zonegit.auth.keyring import Keyring
    from zonegit.net.http_client import HttpPeer

    logging.getLogger("httpx").setLevel(logging.WARNING)
    key = Keyring.load(remote.keys).get(remote.key)
    if key is None:
        raise KeyFileError(f"{remote.keys}: holds no key {remote.key!r}; copy {remote.key}.key from the peer")
    if not key.valid(time.time()):
        raise KeyFileError(f"{remote.keys}: key {remote.key!r} is retired or out of its time")
    peer = HttpPeer(remote.url, Signer(remote.name, key, time.time, os.urandom))

    async def run() -> _T:
        try:
            return await work(peer)
        finally:
            await peer.close()

    return asyncio.run(run())


async def pull_with_progress(
    peer: HttpPeer, refs: PeerRefs, session: Session, who: Stamp, out: Output
) -> Pulled:
    """Fetch what a session needs and let it move its refs; tells how many objects have come meanwhile."""
    import asyncio

    from zonegit.net.http_pull import pull

    with out.progress("receiving objects") as progress:
        task = asyncio.create_task(pull(peer, session, who))
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_TICK)
                progress(session.objects)
        except asyncio.CancelledError:
            task.cancel()
            raise
        await task
    return Pulled(refs, session.objects, session.size)


async def refs_of(peer: HttpPeer) -> PeerRefs:
    """The peer's refs as they are."""
    refs = await peer.refs()
    if refs is None:
        raise InvalidData("the peer says that nothing changed, though it was asked for the first time")
    return refs


def stamp(store: Store, who: str | None) -> Stamp:
    """Who stands in the reflog."""
    from zonegit.repo.context import Context

    return Context.over(store).stamp(who)
