"""Shared by the verbs that talk to a peer: choosing the peer and the key, one exchange, its progress."""

from __future__ import annotations

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from zonegit.cli.output import Output
from zonegit.errors import InvalidData, KeyFileError, UsageError
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from zonegit.model.commit import Stamp
    from zonegit.net.client.exchange import TransferHooks
    from zonegit.net.client.peer import PeerClient
    from zonegit.repo.remotes import Remote
    from zonegit.store.lmdb import LmdbStore
    from zonegit.store.port import Store
    from zonegit.sync.pushing import Push
    from zonegit.sync.session import Session
    from zonegit.sync.wire import PeerRefs

_T = TypeVar("_T")
_TICK: Final = 0.1
"""Seconds between two updates of the progress."""


class Pulled(NamedTuple):
    """What was fetched."""

    refs: PeerRefs
    objects: int
    size: int
    """Bytes of those objects."""
    left_out: Mapping[str, str] = {}
    """Zones that were skipped, and why."""


def peer_options(parser: ArgumentParser, *, required: bool = True) -> None:
    """The options for keys and TLS."""
    add = parser.add_argument
    add("--keys", metavar="DIR", type=Path, required=required, help="the directory of the key files")
    add("--key", metavar="KID", default="", help="the key to sign with (default: the newest in state `sign`)")
    add("--ca", metavar="FILE", type=Path, help="CAs to verify the peer's certificate (default: the system's)")
    add("--client-cert", metavar="FILE", type=Path, help="the certificate to present to the peer")
    add("--client-key", metavar="FILE", type=Path, help="the private key of that certificate")
    add("--allow-plaintext", action="store_true", help="allow http:// to another machine, which others can read")


def remote_of(args: Namespace, name: str, url: str) -> Remote:
    """The remote that these options describe, checked as far as possible without a connection."""
    from zonegit.repo.remotes import Remote, check_remote

    if args.keys is None:
        raise UsageError("a URL needs --name and --keys; or name a remote (see `zonegit remote list`)")
    ca, cert, key = (path.absolute() if path else None for path in (args.ca, args.client_cert, args.client_key))
    return check_remote(Remote(name, url, args.keys.absolute(), args.key, ca, cert, key, args.allow_plaintext))


def exchange(remote: Remote, work: Callable[[PeerClient], Awaitable[_T]]) -> _T:
    """Run `work` with a peer, over one connection. `KeyFileError`, `NotAuthorised`, `Unreachable`."""
    import asyncio
    import logging
    from shlex import quote

    from zonegit.auth.choice import signing_keys
    from zonegit.auth.gate import Signer
    from zonegit.auth.keyring import Keyring
    from zonegit.net.client.peer import PeerClient
    from zonegit.net.tls import Identity, client_context

    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        keys = signing_keys(Keyring.load(remote.keys), remote.key, time.time(), quote(str(remote.keys)))
    except KeyFileError as error:
        text = str(error)
        raise KeyFileError(text if text.startswith(str(remote.keys)) else f"{remote.keys}: {text}") from None
    signer = Signer(remote.name, keys, time.time, os.urandom)
    identity = None
    if remote.client_cert is not None and remote.client_key is not None:
        identity = Identity(remote.client_cert, remote.client_key)
    tls = client_context(remote.ca, identity) if remote.url.startswith("https:") else None
    peer = PeerClient(remote.url, signer, tls=tls, allow_plaintext=remote.allow_plaintext)

    async def run() -> _T:
        try:
            return await work(peer)
        finally:
            await peer.close()

    return asyncio.run(run())


async def pull_with_progress(peer: PeerClient, refs: PeerRefs, session: Session, who: Stamp, out: Output) -> Pulled:
    """Fetch what a session needs and let it move its refs, showing how many objects have been received."""
    import asyncio

    from zonegit.net.client.pull import pull

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


async def watched(work: Callable[[TransferHooks], Awaitable[_T]], out: Output) -> _T:
    """Run `work` over an exchange, and show the progress of its transfers."""
    import asyncio

    from zonegit.net.client.exchange import TransferHooks

    shows: list[Callable[[], None]] = []
    receiving, sending = out.progress("receiving objects"), out.progress("sending objects")

    def watch_push(push: Push) -> None:
        shows[:] = [lambda: sending(push.sent, push.objects)]

    watch = TransferHooks(lambda session: shows.append(lambda: receiving(session.objects)), watch_push)
    with receiving, sending:
        task = asyncio.ensure_future(work(watch))
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=_TICK)
                for show in shows[-1:]:
                    show()
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})  # the caller closes the store
            raise
        return await task


def tell_left_out(left_out: Mapping[str, str], out: Output) -> None:
    """Warn about zones that were skipped."""
    for zone, reason in left_out.items():
        out.warn(f"{zone} is not accepted: {printable(reason)}")


async def refs_of(peer: PeerClient, store: Store | None = None, name: str = "") -> PeerRefs:
    """The peer's refs; asks only for the differences if `store` tracks many refs of the peer `name`."""
    from zonegit.net.client.pull import latest_refs

    refs = await (peer.refs() if store is None else latest_refs(peer, store, name))
    if refs is None:
        raise InvalidData("the peer answered that nothing changed, although this was the first request")
    return refs


def stamp(store: LmdbStore, who: str | None) -> Stamp:
    """Who is recorded in the reflog."""
    from zonegit.repo.context import Context
    from zonegit.repo.position import seat

    return Context.over(store, seat=seat(store.path)).stamp(who)
