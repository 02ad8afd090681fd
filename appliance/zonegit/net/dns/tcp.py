"""DNS over TCP (RFC 7766) and TLS in an asyncio loop of its own: pipelined queries, transfers, bounds on both.

Every complete frame of a read is answered, and the responses leave in one write. A peer that doesn't read is not
read from either: nothing is parsed while its send buffer is full, so it holds at most one read and 64 KiB of
responses. A transfer is read from the store message by message as the peer accepts it, and later queries are
answered meanwhile (RFC 7766 §6.2.1.1); so they are while another process applies an UPDATE. No read transaction
outlives a turn. Clients take turns that are bounded in time (`turns`), however many connections they have and
whatever their queries cost.

A connection without a complete query within the idle time is closed, even during a TLS handshake, unless it waits
for a response. Where there are too many, of one source or in all, the one that has been idle longest is closed.
Nothing here looks into a message.
"""

import asyncio
import gc
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from time import monotonic, perf_counter
from typing import Final

from zonegit.dns.tcp import JOINED, end_of_frame
from zonegit.dns.wire.message import Transport
from zonegit.net.acceptor import BACKLOG
from zonegit.net.dns.answering import Replies, TcpAnswering
from zonegit.net.dns.connections import Connections, source_of
from zonegit.net.tls_stream import TlsStream
from zonegit.net.turns import TURN, Turns, Work
from zonegit.ops import loop_slots

_READ: Final = 64 << 10
"""Bytes that a read brings at most."""
_WAITING: Final = 128 << 10
"""Bytes of queries that may wait before reading pauses."""
_TRANSFERS: Final = 4
"""Transfers that may be pending on one connection; then its queries wait."""
_EXPECTED: Final = 32
"""The same for responses that another process makes."""
_LAST_REPLIES: Final = 1.5
"""Seconds that these may still take at the end; that process ends, too."""
_COLLECT: Final = 1024
"""Connections lost between two garbage collections, which take some 3 ms with full caches."""
_SWEEP: Final = 0.5
"""Seconds between two checks for idle connections."""

Log = Callable[[str, BaseException], None]


class TcpServer:
    """Serves listening sockets from the thread that calls `run`.

    `tls` is the context of new connections to `tls_listeners`; None closes them at once.
    """

    def __init__(
        self,
        listeners: Sequence[socket.socket],
        answering: TcpAnswering,
        counters: MutableSequence[int],
        *,
        most: int,
        per_source: int,
        idle: float,
        log: Log,
        tls_listeners: Sequence[socket.socket] = (),
        tls: ssl.SSLContext | None = None,
        replies: Replies | None = None,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        self.tls = tls
        self.clock = clock
        """In seconds, for turns."""
        self.turns = Turns(clock, lambda work: asyncio.get_running_loop().call_soon(work))
        self.answering = answering
        self.counters = counters
        self.log = log
        self._listeners = tuple(listeners)
        self._tls_listeners = tuple(tls_listeners)
        self._replies = replies
        self._idle = idle
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._grace = 0.0
        self._lock = threading.Lock()
        self.buffer = memoryview(bytearray(_READ))
        """What a plain connection receives into, and takes from at once."""
        self._connections: Connections[_Connection] = Connections(most, per_source)
        self._lost = 0

    def run(self) -> None:
        """Serve until `stop`."""
        asyncio.run(self._serve())

    def stop(self, grace: float) -> None:
        """Accept no more connections, answer what was received and finish transfers within `grace` seconds.

        May be called from any thread, also before `run`.
        """
        with self._lock:
            self._grace = grace
            if self._loop is None:
                self._stop.set()
            elif not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        with self._lock:
            self._loop = loop
        servers = [await loop.create_server(self._plain, sock=sock) for sock in self._listeners]
        servers += [await loop.create_server(self._secure, sock=sock) for sock in self._tls_listeners]
        for sock in (*self._listeners, *self._tls_listeners):
            sock.listen(BACKLOG)  # asyncio set the number of connections that it accepts at a time
        if self._replies is not None:
            loop.add_reader(self._replies.fileno(), self._replies.deliver)
        while not self._stop.is_set():
            self._close_idle()
            self._expire()
            try:
                await asyncio.wait_for(self._stop.wait(), _SWEEP)
            except TimeoutError:
                continue
        await asyncio.sleep(0)  # for connections and queries that already wait
        await asyncio.sleep(0)
        for server in servers:
            server.close()
        await self._drain()

    async def _drain(self) -> None:
        began = monotonic()
        deadline, replies = began + self._grace, began + min(self._grace, _LAST_REPLIES)
        while (now := monotonic()) < deadline:
            awaited = now < replies and self._expire() > 0
            if not (awaited or self._connections):
                break
            for connection in self._connections:
                connection.close_when_idle(awaited=now < replies)
            await asyncio.sleep(0.01)
        for connection in self._connections:
            connection.abort()
        await asyncio.sleep(0)

    def _plain(self) -> asyncio.Protocol:
        return _PlainConnection(self, Transport.TCP)

    def _secure(self) -> asyncio.Protocol:
        within = _Connection(self, Transport.TLS)
        return _Refused() if self.tls is None else TlsStream(within, self.tls, within.ask, clock=self.clock)

    def opened(self, connection: "_Connection", client: bytes) -> None:
        self.counters[loop_slots.CONNECTIONS] += 1
        surplus = self._connections.add(connection, client, monotonic())
        if surplus is not None:
            self._close(surplus)

    def active(self, connection: "_Connection") -> None:
        """A query arrived, the peer read some of what was written, or it waits for more of a transfer."""
        self._connections.active(connection, monotonic())

    def lost(self, connection: "_Connection") -> None:
        """A connection is closed. Its transport is a reference cycle, and automatic garbage collection is off."""
        self._connections.remove(connection)
        self._lost += 1
        if self._lost % _COLLECT == 0:
            gc.collect()

    def _close_idle(self) -> None:
        limit = monotonic() - self._idle
        while (connection := self._connections.idle_since(limit)) is not None:
            if connection.expects:
                self.active(connection)
            else:
                self._close(connection)

    def _expire(self) -> int:
        return self._replies.expire() if self._replies is not None else 0

    def _close(self, connection: "_Connection") -> None:
        self.counters[loop_slots.CONNECTIONS_CLOSED] += 1
        self._connections.remove(connection)
        connection.abort()


class _Refused(asyncio.Protocol):
    """Closes a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _Connection(asyncio.Protocol):
    """One client: frames in, frames out. A frame is a message after its length in two bytes (RFC 1035 §4.2.2)."""

    def __init__(self, server: TcpServer, carried_by: Transport) -> None:
        self._server = server
        self._carried_by = carried_by
        self._transport: asyncio.Transport | None = None
        self._client = self._source = b""
        self._received = bytearray()
        self._transfers: deque[Iterator[bytes]] = deque()
        self.expects = 0
        """How many responses are still to be delivered."""
        self._awaited = True
        """Whether they are a reason not to close."""
        self._paused = False
        self._waiting = False
        """For its turn."""
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_server makes
        sock = transport.get_extra_info("socket")
        peer = transport.get_extra_info("peername")
        if peer is None:  # closed already
            transport.abort()
            return
        self._client = socket.inet_pton(sock.family, peer[0].partition("%")[0])
        self._source = source_of(self._client)
        self._transport = transport
        self._server.opened(self, self._client)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._transfers.clear()
        self._server.lost(self)

    def data_received(self, data: bytes | memoryview) -> None:
        self._received += data
        if not self._waiting:
            self._waiting = True
            self._server.turns.ask(self._source, self._work)
        elif len(self._received) > _WAITING and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The peer sends no more (RFC 7766 §6.2.3). It still gets its responses."""
        self._ended = True
        self._close_if_done()
        return True

    def pause_writing(self) -> None:
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._paused = False
        if self._transport is not None:
            self._server.active(self)
            if not self._waiting:
                self._waiting = True
                self._server.turns.ask(self._source, self._work)

    def expect(self) -> None:
        self.expects += 1

    def deliver(self, response: bytes) -> None:
        """Write a response that was expected; queries may have waited for that."""
        self.expects -= 1
        if self._transport is None:
            return
        self._server.active(self)
        self._write(len(response).to_bytes(2, "big") + response)
        if len(self._received) >= 2 and not self._waiting and not self._paused:
            self._waiting = True
            self._server.turns.ask(self._source, self._work)
        self._close_if_done()

    def ask(self, work: Work) -> None:
        """Run work in this client's turns."""
        self._server.turns.ask(self._source, work)

    def close_when_idle(self, *, awaited: bool) -> None:
        """Close unless a transfer runs, or a response is expected that is still awaited.

        What was written is still sent.
        """
        self._ended = True
        self._awaited = awaited
        self._close_if_done()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _close_if_done(self) -> None:
        busy = self._transfers or (self.expects and self._awaited) or self._paused or self._waiting
        if self._ended and not busy and self._transport is not None:
            self._transport.close()

    def _work(self, until: float) -> bool:
        """Work until then, on frames first, then on a transfer; whether there is more to do."""
        self._waiting = more = False
        if self._transport is None:
            return False
        try:
            if end_of_frame(self._received, 0) and not self._paused and self._has_room:
                more = self._answer_frames(until)
            if self._transfers:
                more |= self._continue_transfer(until)
        except Exception as error:
            self._server.log("a transfer over TCP failed", error)
            self._transfers.clear()
            self.abort()
        finally:
            self._server.answering.done()
        if self._transport is not None and not self._paused:
            self._waiting = more or len(self._transfers) > 0
            if len(self._received) > _WAITING:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
        if self._ended:
            self._close_if_done()
        return self._waiting

    @property
    def _has_room(self) -> bool:
        """Whether another query may be answered before those that wait for their responses."""
        return len(self._transfers) < _TRANSFERS and self.expects < _EXPECTED

    def _answer_frames(self, until: float) -> bool:
        """Answer complete frames, within bounds; whether any are left that could be answered at once."""
        server, client, carried_by = self._server, self._client, self._carried_by
        answering, clock = server.answering, server.clock
        answering.check()
        frames = bytes(self._received)
        out: list[bytes] = []
        at = gathered = answers = first = 0
        over = False
        while not over and end_of_frame(frames, at):
            # 1. All that can be answered quickly, at once.
            at, responses, some, size = answering.answer_frames(frames, at, client, carried_by, clock, until)
            out.append(responses)
            gathered += len(responses)
            answers += some
            first = first or size
            over = some > 0 and clock() >= until
            # 2. The one that can't.
            if not over and gathered <= JOINED and (end := end_of_frame(frames, at)):
                answer = answering.respond_tcp(frames[at + 2 : end], client, carried_by, self)
                at = end
                if isinstance(answer, bytes):
                    out += (len(answer).to_bytes(2, "big"), answer)
                    gathered += len(answer)
                    answers += 1
                    first = first or len(answer)
                elif answer is not None:
                    self._transfers.append(answer)
                if not self._has_room:
                    break
                over = clock() >= until
            # 3. Write what would be too much to hold.
            if gathered > JOINED:
                self._write(b"".join(out))
                out, gathered = [], 0
                if self._paused:
                    break
        if at:
            del self._received[:at]
            self._write(b"".join(out))
            server.active(self)
        if answers:
            loop_slots.observe(server.counters, answers, clock() - until + TURN, first)
        return over and len(self._received) >= 2

    def _continue_transfer(self, until: float) -> bool:
        """Write the next messages of the first transfer while the peer reads them; whether that was all of it.

        A peer that is ready for more isn't idle, however long the next message takes.
        """
        if not self._paused:
            self._server.active(self)
        while not self._paused and self._transport is not None and not self._transport.is_closing():
            message = next(self._transfers[0], None)
            if message is None:
                self._transfers.popleft()
                return True
            if message:  # an empty one only ends this turn
                self._write(len(message).to_bytes(2, "big") + message)
            if self._server.clock() >= until:
                break
        return False

    def _write(self, data: bytes) -> None:
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)


class _PlainConnection(_Connection, asyncio.BufferedProtocol):
    """One without TLS. asyncio gives other protocols 256 KiB for each read, which the kernel maps and unmaps."""

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self._server.buffer[:nbytes])
