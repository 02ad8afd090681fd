"""Hypercorn as we run it: one worker in our own event loop, on sockets that are given, HTTP/2 by prior knowledge or
over TLS 1.3.

What is ours around it, for version 0.18 (tests pin what they rest on):
- connections are counted before anything is read of them, a TLS handshake too, which has 10 s: of those of which no
  request has passed the oldest makes room for a new one (`net.strangers`), the others are few for each key at a
  source (`net.known`);
- connections of which no request has passed have one turn in each round of the loop, in all (`net.rounds`);
- TLS is decrypted in those turns too (`net.h2_tls`): asyncio's own does that at once, whatever a read brought;
- what a connection sends and holds is bounded by `net.h2_bounds`; what doesn't begin as HTTP/2 is refused unread;
- a client that takes nothing in for 60 s is cut off: as shipped, a write waits for it for ever;
- strangers can make the log grow by a line a minute (`net.refusals`);
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
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.typing import ASGIFramework

from zonegit.auth.budget import source_of
from zonegit.net import h1_bounds, h2_bounds
from zonegit.net.accepting import AHEAD, Acceptor, Share
from zonegit.net.asgi import CLIENT_CERT, FRAME_BUDGET, App
from zonegit.net.h2_bounds import FrameBudget
from zonegit.net.h2_frames import PREFACE
from zonegit.net.h2_tls import secured
from zonegit.net.known import IDLE, PER_KEY, Known, count_down
from zonegit.net.refusals import Refusals
from zonegit.net.rounds import Rounds
from zonegit.net.strangers import PER_SOURCE, Strangers, Task
from zonegit.net.tls import client_certificate, refused_certificate
from zonegit.sync.limits import SERVER, ServerLimits

DRAIN_SECONDS: Final = 3.0
WRITE_SECONDS: Final = 60.0
"""A client must take something in within so long."""
CLOSE_SECONDS: Final = 5.0
_REFUSED: Final = b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Connection(TCPServer):
    """A connection that is over when its client is gone: as shipped it lives on until its idle time is over."""

    _gone = False
    read = b""
    """What was read of it before it began."""

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
            if self.read:
                await self.protocol.handle(RawData(self.read))
            await super()._read_data()
        except asyncio.CancelledError:
            await self.protocol.handle(Closed())  # a request that isn't answered would wait for ever to be
            raise
        finally:
            self._gone = True  # where reading failed, the connection's tasks are ended and take no new one in
        await self.idle_task.stop()

    async def _close(self) -> None:
        limit = asyncio.timeout(CLOSE_SECONDS)
        async with limit:
            await super()._close()  # takes a cancellation for an end
        if limit.expired():
            self.writer.transport.abort()


h1_bounds.install()
h2_bounds.install()


class H2Server:
    """Serves one application on listening sockets."""

    def __init__(
        self,
        app: App,
        *,
        connections: int = PER_KEY,
        strangers: Strangers | None = None,
        bounds: ServerLimits = SERVER,
        tls: ssl.SSLContext | None = None,
        rounds: Rounds | None = None,
        refusals: Refusals | None = None,
        keyless: bool = False,
    ) -> None:
        """`connections`: how many of which a request has passed one source (an IPv4 address, an IPv6 /56) may have
        with one key; with all keys together it is 256, or as many as that.

        No `tls`: cleartext. `rounds` and `refusals` are those of the process, where it has more servers than this.
        `keyless`: anybody is answered, over HTTP/1.1 too, and no connection becomes a known one.
        """
        self.tls = tls
        """May be replaced at any time; new connections are made with it."""
        self._app = ASGIWrapper(cast(ASGIFramework, app))
        self._config = _config()
        self._config.h2_max_concurrent_streams = bounds.streams
        self._config.h2_max_header_list_size = bounds.header_bytes
        self._config.h11_max_incomplete_size = bounds.header_bytes
        self._strangers = strangers or Strangers(bounds.strangers, max(PER_SOURCE, connections))
        self._rounds = rounds or Rounds()
        self._refusals = refusals or Refusals()
        self._keyless = keyless
        self._tasks: set[Task] = set()
        self._beginning: set[Task] = set()
        """Those that haven't come to a protocol yet."""
        self.open: Counter[str] = Counter()
        """Open connections of each source."""
        self._known = Known(connections, displaced=self._refusals.displaced)

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

        ahead = AHEAD
        if self._keyless:
            ahead = h1_bounds.AHEAD
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
        self._strangers.enter(task, source)
        budget = FrameBudget(
            partial(self._passed, task, source), self._turns(source), answered=partial(self._known.end, task)
        )
        self._beginning.add(task)
        try:
            transport.pause_reading()  # what came before a handshake began would be lost
            await budget.turn(first=True)
            tls = self.tls
            if tls is None:
                transport.resume_reading()
            else:
                reader, writer = await secured(transport, tls, budget)
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
                self._refusals.tell(address, reason)
            elif not _is_clients_fault(error):
                self._refusals.failed(address, error)
            transport.abort()
        finally:
            self._strangers.leave(task)
            self._tasks.discard(task)
            self._beginning.discard(task)
            count_down(self.open, source)
            self._known.leave(task)

    def _turns(self, source: str) -> Callable[[int], Awaitable[None]]:
        """Waits for the turn of a stranger of this source, that has had so many."""
        if self._keyless:  # where who asks often must not fall behind for good
            return lambda _: self._rounds.take(f"keyless {source}")
        return partial(self._rounds.take, source)

    def _passed(self, task: Task, source: str, kid: str) -> bool:
        """A request of a connection has passed with this key; whether the connection is a known one from now on."""
        if self._keyless:
            self._strangers.active(task)
            return False
        if not self._known.begin(task, source, kid):
            return False
        self._strangers.leave(task)
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
    """What a connection begins with: HTTP/2's preface, or as much as shows that it is none."""
    found = b""
    while PREFACE.startswith(found) and found != PREFACE:
        part = await reader.read(len(PREFACE) - len(found))
        if not part:
            return found
        found += part
    return found


async def _refuse(writer: asyncio.StreamWriter) -> None:
    """Answer a client of HTTP/1 without looking at what it asks for."""
    writer.write(_REFUSED)
    writer.close()
    async with asyncio.timeout(CLOSE_SECONDS):
        await writer.wait_closed()


def _is_clients_fault(error: BaseException) -> bool:
    """Whether it broke off, or a rule of HTTP/2, in whatever group Hypercorn wraps that."""
    found = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
    return all(isinstance(each, KeyError | OSError | h2.exceptions.H2Error) for each in found)
