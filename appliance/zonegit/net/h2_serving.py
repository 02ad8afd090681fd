"""Hypercorn as we run it: one worker in our own event loop, on sockets that are given, HTTP/2 by prior knowledge or
over TLS 1.3.

What is ours around it, for version 0.18 (tests pin what they rest on):
- connections per source are counted before anything is read of them, a TLS handshake too, which has 10 s;
- what a connection sends and holds is bounded by `net.h2_bounds`;
- a client that takes nothing in for 60 s is cut off: as shipped, a write waits for it for ever;
- where clients must authenticate, those that haven't are few and don't stay (`net.strangers`);
- a connection ends when its client closes it, and not when its keep-alive time is over too;
- data for a stream that was answered already ends the connection quietly instead of as an unhandled exception.
"""

import asyncio
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, cast

import h2.exceptions
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import Event, RawData, Updated
from hypercorn.typing import ASGIFramework

from zonegit.auth.budget import source_of
from zonegit.net.accepting import Acceptor, Share
from zonegit.net.asgi import CLIENT_CERT, FRAME_BUDGET, App
from zonegit.net.h2_bounds import FrameBudget, install
from zonegit.net.refusals import Refusals
from zonegit.net.strangers import Strangers
from zonegit.net.tls import ALPN, client_certificate, refused_certificate
from zonegit.sync.limits import SERVER, ServerLimits

CONNECTIONS_PER_SOURCE: Final = 8
KEEP_ALIVE: Final = 300.0
"""Seconds; longer than any long-poll, so that a connection isn't closed just when its client uses it again."""
DRAIN_SECONDS: Final = 3.0
HANDSHAKE_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 60.0
"""A client must take something in within so long."""
CLOSE_SECONDS: Final = 5.0

log = logging.getLogger(__name__)


class Connection(TCPServer):
    """A connection that is over when its client is gone: as shipped it lives on until its idle time is over."""

    _gone = False

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await super().protocol_send(event)
            except TimeoutError:
                self.writer.transport.abort()
        elif not (self._gone and isinstance(event, Updated)):  # which would begin the idle time anew
            await super().protocol_send(event)
            if self._gone:  # since then: what has just begun would not be ended with the other tasks
                await self.idle_task.stop()

    async def _read_data(self) -> None:
        try:
            await super()._read_data()
        finally:
            self._gone = True  # where reading failed, the connection's tasks are ended and take no new one in
        await self.idle_task.stop()

    async def _close(self) -> None:
        limit = asyncio.timeout(CLOSE_SECONDS)
        async with limit:
            await super()._close()  # takes a cancellation for an end
        if limit.expired():
            self.writer.transport.abort()


install()


class H2Server:
    """Serves one application on listening sockets."""

    def __init__(
        self,
        app: App,
        *,
        connections: int = CONNECTIONS_PER_SOURCE,
        strangers: Strangers | None = None,
        bounds: ServerLimits = SERVER,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`connections`: how many one source (an IPv4 address, an IPv6 /56) may have open. No `tls`: cleartext."""
        self.tls = tls
        """May be replaced at any time; new connections are made with it."""
        self._app = ASGIWrapper(cast(ASGIFramework, app))
        self._config = _config()
        self._config.h2_max_concurrent_streams = bounds.streams
        self._config.h2_max_header_list_size = bounds.header_bytes
        self._config.h11_max_incomplete_size = bounds.header_bytes
        self._most = connections
        self._strangers = strangers or Strangers(bounds.strangers)
        self._refusals = Refusals()
        self._tasks: set[asyncio.Task[None]] = set()
        self.open: Counter[str] = Counter()
        """Open connections of each source."""

    async def serve(
        self,
        listeners: Sequence[socket.socket],
        stop: asyncio.Event,
        drain: Callable[[], Awaitable[None]] | None = None,
        share: Share | None = None,
    ) -> None:
        """Serve until `stop` is set; then take no more connections and end those that are open, within 3 s.

        `drain` is awaited in between, so that answers in flight go out before a GOAWAY makes clients drop them.
        `share` is for listeners that other processes serve too.
        """
        context = WorkerContext(None)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connected(context, reader, writer)

        acceptors = [Acceptor(listener, connected, share) for listener in listeners]
        for acceptor in acceptors:
            acceptor.start()
        await stop.wait()
        for acceptor in acceptors:
            await acceptor.stop()
        if drain:
            with suppress(TimeoutError):
                await asyncio.wait_for(drain(), DRAIN_SECONDS)
        await context.terminated.set()
        await self._end_connections()

    async def _connected(
        self, context: WorkerContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        peer = writer.get_extra_info("peername")
        source = source_of(peer[0]) if isinstance(peer, tuple) else "local"
        task = asyncio.current_task()
        if task is None or self.open[source] >= self._most:
            writer.transport.abort()
            return
        self._tasks.add(task)
        self.open[source] += 1
        self._strangers.enter(task)
        loop = asyncio.get_running_loop()
        state: dict[str, object] = {FRAME_BUDGET: FrameBudget(partial(self._strangers.leave, task))}
        try:
            if self.tls is not None:
                await writer.start_tls(self.tls, ssl_handshake_timeout=HANDSHAKE_SECONDS)
                connection = writer.get_extra_info("ssl_object")
                if connection.selected_alpn_protocol() != ALPN:
                    writer.transport.abort()
                    return
                state[CLIENT_CERT] = client_certificate(connection)
            await Connection(self._app, loop, self._config, context, state, reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        except Exception as error:
            if reason := refused_certificate(error):
                self._refusals.tell(peer[0] if isinstance(peer, tuple) else source, reason)
            else:
                _log_end(source, error)
            writer.transport.abort()
        finally:
            self._strangers.leave(task)
            self._tasks.discard(task)
            self.open[source] -= 1
            if not self.open[source]:
                del self.open[source]

    async def _end_connections(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)


def _config() -> Config:
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.keep_alive_timeout = KEEP_ALIVE
    config.keep_alive_max_requests = 1 << 31  # a GOAWAY in between loses requests in flight
    return config


def _log_end(source: str, error: BaseException) -> None:
    """A connection that broke a rule of HTTP/2 is the client's fault, in whatever group Hypercorn wraps it."""
    found = [error]
    if isinstance(error, BaseExceptionGroup):
        found = list(error.exceptions)
    if all(isinstance(one, KeyError | OSError | h2.exceptions.H2Error) for one in found):
        log.debug("a connection from %s broke off: %r", source, error)
    else:
        log.error("a connection from %s failed: %r", source, error)
