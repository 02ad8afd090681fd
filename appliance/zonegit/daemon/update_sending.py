"""Sends UPDATE messages to where their zones are written, in a thread that has an event loop.

Over replication's own connection to a zonegit node, over TCP or TLS to other servers. The thread and what it needs
are loaded for the first message.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from zonegit.auth.gate import Signer
from zonegit.daemon.update_origin import Origin
from zonegit.dns.update.message import is_response
from zonegit.errors import ConfigError, Unreachable, ZonegitError
from zonegit.ops import log
from zonegit.ops.config import Config

if TYPE_CHECKING:
    from zonegit.net.client.peer import PeerClient

UNREACHABLE: Final = "unreachable"
"""The result if there was no response."""
TIMEOUT: Final = "timeout"
"""That if there was none in time."""
_UNABLE: Final = 300.0
"""Seconds for which nothing is sent to a node that takes no UPDATEs."""
_STREAMS: Final = 24
"""Requests at a time over the connection to a node: it takes 32, and closes one with more."""
_LINGER: Final = 60.0
"""Seconds after which the connections of a former configuration are closed."""
_CLOSING: Final = 5.0
"""Seconds that the thread has to end."""


class Message(NamedTuple):
    """An UPDATE on its way."""

    ident: bytes
    """By which the caller knows it."""
    packet: bytes
    origin: Origin
    deadline: float
    """When its client must have been answered, by the monotonic clock."""
    deliver: Callable[[bytes], object]
    """Sends the response, at once. Called in the thread."""


class Outcome(NamedTuple):
    """What came of a message."""

    ident: bytes
    answer: bytes | None
    """The response; None if there was none."""
    failure: str = ""
    """`UNREACHABLE` or `TIMEOUT` then,"""
    why: str = ""
    """and why."""


class UpdateSending:
    """The thread. `finished` is called in it, once for each message."""

    def __init__(self, config: Config, finished: Callable[[Outcome], None]) -> None:
        self._config = config
        self._finished = finished
        self._peers: dict[str, _Peer] = {}
        self._former: set[_Peer] = set()
        """Those of former configurations, which may still be answering."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="forwarding", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Send a message. From any thread."""
        self._loop.call_soon_threadsafe(self._start, message)

    def configure(self, config: Config) -> None:
        """Use another configuration and its keys for the next messages. From any thread."""
        self._loop.call_soon_threadsafe(self._adopt, config)

    def close(self) -> None:
        """End the thread; what it hasn't sent or got a response to is given up."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSING)

    def _run(self) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._close([*self._peers.values(), *self._former]))
        self._loop.close()

    def _start(self, message: Message) -> None:
        task = self._loop.create_task(self._carry(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _adopt(self, config: Config) -> None:
        former, self._peers = list(self._peers.values()), {}
        self._config = config
        self._former |= set(former)
        self._loop.call_later(_LINGER, lambda: self._loop.create_task(self._close(former)))

    async def _close(self, peers: "Iterable[_Peer]") -> None:
        for peer in peers:
            self._former.discard(peer)
            await peer.close()

    async def _carry(self, message: Message) -> None:
        """Have a message answered in time. A request that takes longer goes on: httpx can't drop a single one."""
        asking = asyncio.create_task(self._answer(message))
        try:
            done, _ = await asyncio.wait({asking}, timeout=message.deadline - time.monotonic())
            if not done:
                self._finished(Outcome(message.ident, None, TIMEOUT, "the primary didn't answer in time"))
                with suppress(Exception):
                    await asking
            elif (error := asking.exception()) is not None:
                self._finished(Outcome(message.ident, None, UNREACHABLE, _reason(error)))
            else:
                message.deliver(asking.result())
                self._finished(Outcome(message.ident, asking.result()))
        finally:
            asking.cancel()

    async def _answer(self, message: Message) -> bytes:
        left = message.deadline - time.monotonic()
        if message.origin.primaries:
            from zonegit.net.dns.update_client import forward_update

            return await forward_update(message.origin.primaries, message.packet, left)
        return await self._peer(message.origin.peer).answer(message)

    def _peer(self, name: str) -> "_Peer":
        peer = self._peers.get(name)
        if peer is None:
            peer = self._peers[name] = _Peer(self._config, name)
        return peer


class _Peer:
    """A zonegit node."""

    def __init__(self, config: Config, name: str) -> None:
        """`ConfigError` if it isn't configured, `KeyFileError`."""
        self._client = _client(config, name)
        self._slots = asyncio.Semaphore(_STREAMS)
        self._unable = ("", 0.0)
        """Why it takes no UPDATEs, and until when it isn't asked again."""

    async def answer(self, message: Message) -> bytes:
        try:
            async with asyncio.timeout(message.deadline - time.monotonic()):
                await self._slots.acquire()
        except TimeoutError:
            raise Unreachable("too many UPDATEs wait for the primary") from None
        try:
            found = await self._update(message.packet)
        finally:
            self._slots.release()
        if not is_response(found, message.packet[:2]):
            raise Unreachable("the primary answered with something else than the response to an UPDATE")
        return found

    async def _update(self, packet: bytes) -> bytes:
        why, until = self._unable
        if time.monotonic() < until:
            raise Unreachable(why)
        found = await self._client.update(packet)
        if isinstance(found, bytes):
            return found
        why = f"the primary doesn't take it: {found.message}"
        if found.error == "not_found":
            self._unable = why, time.monotonic() + _UNABLE
        raise Unreachable(why)

    async def close(self) -> None:
        await self._client.close()


def _client(config: Config, name: str) -> "PeerClient":
    from zonegit.daemon.peer_client import peer_client
    from zonegit.daemon.signing import primary_keys

    link = next((peer.link for peer in config.called if peer.name == name), None)
    if link is None:
        raise ConfigError(f"the zone is mirrored from {name}, which has no [[peer]] with a url")
    return peer_client(link, Signer(link.name, primary_keys(config, link), time.time, os.urandom))


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, ZonegitError) else log.described(error)
