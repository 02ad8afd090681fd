"""The HTTP/2 server: Hypercorn in our event loop, on given sockets, by prior knowledge or over TLS 1.3.

Around Hypercorn (`hypercorn_patches` is what changes it):
- Connections are counted before anything is read from them. A new one replaces the oldest unauthenticated one
  (`unauthenticated`); authenticated ones are limited per key and source (`authenticated`).
- A TLS handshake has 10 s.
- Unauthenticated connections together have one turn in each pass of the loop (`fair_queue`), for TLS too
  (`h2_tls`): asyncio's own TLS decrypts everything that a read brought at once.
- What doesn't begin as HTTP/2 is refused unread.
- Clients without a key can make the log grow by one line a minute (`rate_limited_log`).
- Data for a stream that has been answered ends the connection quietly, not as an unhandled exception.
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
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from zonegit.auth.budget import source_of
from zonegit.net.acceptor import AHEAD, Acceptor, Share
from zonegit.net.server.asgi import CLIENT_CERT, FRAME_BUDGET, App
from zonegit.net.server.authenticated import IDLE, PER_KEY, Authenticated, count_down
from zonegit.net.server.fair_queue import FairQueue
from zonegit.net.server.frame_budget import FrameBudget
from zonegit.net.server.h2_frames import PREFACE
from zonegit.net.server.h2_tls import start_tls
from zonegit.net.server.hypercorn_patches import CLOSE_SECONDS, READ_AHEAD, Connection
from zonegit.net.server.rate_limited_log import RateLimitedLog
from zonegit.net.server.unauthenticated import PER_SOURCE, Task, Unauthenticated
from zonegit.net.tls import client_certificate, refused_certificate
from zonegit.sync.limits import SERVER, ServerLimits

DRAIN_SECONDS: Final = 3.0
_REFUSED: Final = b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class H2Server:
    """Serves one application on listening sockets."""

    def __init__(
        self,
        app: App,
        *,
        connections: int = PER_KEY,
        unauthenticated: Unauthenticated | None = None,
        bounds: ServerLimits = SERVER,
        tls: ssl.SSLContext | None = None,
        fair_queue: FairQueue | None = None,
        client_log: RateLimitedLog | None = None,
        keyless: bool = False,
    ) -> None:
        """`connections`: authenticated connections that one source (an IPv4 address, an IPv6 /56) may have with one
        key. With all keys together it may have 256, or `connections` if that is more.

        Without `tls`: cleartext. Pass `fair_queue` and `client_log` where a process has several servers.
        `keyless`: anybody is answered, over HTTP/1.1 too, and no connection is ever authenticated.
        """
        self.tls = tls
        """May be replaced at any time; it applies to new connections."""
        self._app = ASGIWrapper(cast(ASGIFramework, app))
        self._config = _config()
        self._config.h2_max_concurrent_streams = bounds.streams
        self._config.h2_max_header_list_size = bounds.header_bytes
        self._config.h11_max_incomplete_size = bounds.header_bytes
        self.unauthenticated = unauthenticated or Unauthenticated(bounds.strangers, max(PER_SOURCE, connections))
        self.fair_queue = fair_queue or FairQueue()
        self._client_log = client_log or RateLimitedLog()
        self._keyless = keyless
        self._tasks: set[Task] = set()
        self._beginning: set[Task] = set()
        """Those that Hypercorn has not taken over yet."""
        self.open: Counter[str] = Counter()
        """Open connections of each source."""
        self.authenticated = Authenticated(connections, displaced=self._client_log.displaced)

    async def serve(
        self,
        listeners: Sequence[socket.socket],
        stop: asyncio.Event,
        drain: Callable[[], Awaitable[None]] | None = None,
        share: Share | None = None,
    ) -> None:
        """Serve until `stop` is set; then accept no more connections, and close the open ones within 3 s.

        `drain` is awaited in between, so that answers in flight are sent before a GOAWAY makes clients drop them.
        `share` is for listeners that other processes serve too.
        """
        context = WorkerContext(None)

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._connected(context, reader, writer)

        ahead = AHEAD
        if self._keyless:
            ahead = READ_AHEAD
            for listener in listeners:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ahead)  # which connections inherit
        acceptors = [Acceptor(listener, connected, share, ahead) for listener in listeners]
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
        address = peer[0] if isinstance(peer, tuple) else "local"
        source = source_of(address)
        transport = cast(asyncio.Transport, writer.transport)
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        self.open[source] += 1
        self.unauthenticated.enter(task, source)
        budget = FrameBudget(
            partial(self._passed, task, source),
            self._turns(source),
            answered=partial(self.authenticated.end, task),
        )
        self._beginning.add(task)
        try:
            transport.pause_reading()  # what arrived before the handshake began would be lost
            await budget.turn(first=True)
            tls = self.tls
            if tls is None:
                transport.resume_reading()
            else:
                reader, writer = await start_tls(transport, tls, budget)
            shown = client_certificate(writer.get_extra_info("ssl_object"))
            state = {FRAME_BUDGET: budget, CLIENT_CERT: shown}
            connection = Connection(
                self._app, asyncio.get_running_loop(), self._config, context, state, reader, writer
            )
            agreed = self._keyless or tls is not None
            if not agreed:
                connection.read = await _preface(reader)
            self._beginning.discard(task)
            if agreed or connection.read == PREFACE:
                await connection
            else:
                await _refuse(writer)
        except asyncio.CancelledError:
            transport.abort()
        except Exception as error:
            if reason := refused_certificate(error):
                self._client_log.refused(address, reason)
            elif not _is_clients_fault(error):
                self._client_log.failed(address, error)
            transport.abort()
        finally:
            self.unauthenticated.leave(task)
            self._tasks.discard(task)
            self._beginning.discard(task)
            count_down(self.open, source)
            self.authenticated.leave(task)

    def _turns(self, source: str) -> Callable[[int], Awaitable[None]]:
        """Waits for a turn of an unauthenticated connection of this source, given how many it has had."""
        if self._keyless:  # a scraper that asks often must not fall behind for good
            return lambda _: self.fair_queue.take(f"keyless {source}")
        return partial(self.fair_queue.take, source)

    def _passed(self, task: Task, source: str, kid: str) -> bool:
        """A request of a connection has passed with this key; whether the connection is authenticated now."""
        if self._keyless:
            self.unauthenticated.active(task)
            return False
        if not self.authenticated.begin(task, source, kid):
            return False
        self.unauthenticated.leave(task)
        return True

    async def _end_connections(self) -> None:
        for task in self._beginning:
            task.cancel()
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
    config.keep_alive_timeout = IDLE
    config.keep_alive_max_requests = 1 << 31  # a GOAWAY in between loses requests in flight
    return config


async def _preface(reader: asyncio.StreamReader) -> bytes:
    """The first bytes of a connection: HTTP/2's preface, or as many as show that it is none."""
    found = b""
    while PREFACE.startswith(found) and found != PREFACE:
        part = await reader.read(len(PREFACE) - len(found))
        if not part:
            return found
        found += part
    return found


async def _refuse(writer: asyncio.StreamWriter) -> None:
    """Answer a client of HTTP/1 without reading its request."""
    writer.write(_REFUSED)
    writer.close()
    async with asyncio.timeout(CLOSE_SECONDS):
        await writer.wait_closed()


def _is_clients_fault(error: BaseException) -> bool:
    """Whether the client disconnected or broke a rule of HTTP/2, in whatever group Hypercorn wraps that."""
    found = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
    return all(isinstance(each, KeyError | OSError | h2.exceptions.H2Error) for each in found)
