"""What the verbs that talk to a peer share: which peer and key are meant, one exchange with it, its progress."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping
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
    left_out: Mapping[str, str] = {}
    """Zones that can't be taken up, and why."""


def peer_options(parser: ArgumentParser, *, required: bool = True) -> None:
    """What requests are signed with, and TLS."""
    add = parser.add_argument
    add("--keys", metavar="DIR", type=Path, required=required, help="the directory that holds the key files")
    add("--key", metavar="KID", default="", help="the key to sign with (default: the newest in state `sign`)")
    add("--ca", metavar="FILE", type=Path, help="CAs that the peer's certificate may be of (default: the system's)")
    add("--client-cert", metavar="FILE", type=Path, help="the certificate to show to the peer")
    add("--client-key", metavar="FILE", type=Path, help="its key")
    add("--allow-plaintext", action="store_true", help="take http:// to another machine, where others can read it")


def remote_of(args: Namespace, name: str, url: str) -> Remote:
    """The remote that these options describe, checked as far as that needs no connection."""
    from zonegit.repo.remotes import Remote, check_remote

    if args.keys is None:
        raise UsageError("a URL needs --name and --keys; or name a remote: see `zonegit remote list`")
    ca, cert, key = (path.absolute() if path else None for path in (args.ca, args.client_cert, args.client_key))
    return check_remote(Remote(name, url, args.keys.absolute(), args.key, ca, cert, key, args.allow_plaintext))


def exchange(remote: Remote, work: Callable[[HttpPeer], Awaitable[_T]]) -> _T:
    """Do something with a peer, over one connection. `KeyFileError`, `NotAuthorised`, `Unreachable`."""
    import asyncio
    import logging

    from zonegit.auth.choice import signing_keys
    from zonegit.auth.gate import Signer
    from zonegit.auth.keyring import Keyring
    from zonegit.net.http_client import HttpPeer
    from zonegit.net.tls import Identity, client_context

    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        keys = signing_keys(Keyring.load(remote.keys), remote.key, time.time())
    except KeyFileError as error:
        raise KeyFileError(f"{remote.keys}: {error}") from None
    signer = Signer(remote.name, keys, time.time, os.urandom)
    identity = None
    if remote.client_cert is not None and remote.client_key is not None:
        identity = Identity(remote.client_cert, remote.client_key)
    tls = client_context(remote.ca, identity) if remote.url.startswith("https:") else None
    peer = HttpPeer(remote.url, signer, tls=tls, allow_plaintext=remote.allow_plaintext)

    async def run() -> _T:
        try:
            return await work(peer)
        finally:
            await peer.close()

    return asyncio.run(run())


async def pull_with_progress(peer: HttpPeer, refs: PeerRefs, session: Session, who: Stamp, out: Output) -> Pulled:
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
            await asyncio.wait({task})  # the caller closes the store
            raise
        await task
    return Pulled(refs, session.objects, session.size, session.left_out)


async def refs_of(peer: HttpPeer, store: Store | None = None, name: str = "") -> PeerRefs:
    """The peer's refs; asks only for what differs where `store` tracks many of them by its name."""
    from zonegit.net.http_pull import latest_refs

    refs = await (peer.refs() if store is None else latest_refs(peer, store, name))
    if refs is None:
        raise InvalidData("the peer says that nothing changed, though it was asked for the first time")
    return refs


def stamp(store: Store, who: str | None) -> Stamp:
    """Who stands in the reflog."""
    from zonegit.repo.context import Context

    return Context.over(store).stamp(who)
