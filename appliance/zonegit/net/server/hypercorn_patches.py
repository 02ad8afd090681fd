"""All that changes how Hypercorn and h2 behave: subclasses, and the assignments that make Hypercorn use them.

Written against the versions in `hypercorn_versions`; importing this module with others fails with `UsageError`.

HTTP/2 (`BoundedH2Protocol`):
- Every frame and every byte of a header block is charged to the connection's budget before h2 sees it
  (`frame_budget`, `h2_frames`), and what a read brought is handled in pieces of a few milliseconds at most, with
  other connections' turns in between (`turns`).
- Header lists are bounded before a client has acknowledged our settings too; as shipped they may have 64 KiB until
  then. The table that compresses our answers has 4 KiB; as shipped it grows as far as the client allows.
- h2 remembers 1,024 closed streams, not 65,536, and 32 settings, known or not. Priorities (deprecated by RFC 9113
  §5.3) are ignored. CONNECT is answered 403, and its extension (RFC 8441) isn't offered.
- A request keeps its method and path as they were sent, since a signature covers them; as shipped an empty query is
  lost and the method put in capitals. One without either, or not in ASCII, ends the connection.
- A stream's buffer waits for the client's window. As shipped it takes everything that an application sends, so a
  client that never opens its window fills the server's memory. When the connection ends, writers stop waiting.

HTTP/1.1 (`BoundedH11Protocol`), for the metrics page:
- Upgrades to h2c or WebSocket are ignored (RFC 9110 §7.8 leaves that to the server); as shipped a malformed one
  ends in an exception.
- A request's head has at most 100 fields and as many bytes as one of HTTP/2, or the answer is 431. Little is read
  before it is handled, or while an answer is owed (`READ_AHEAD`), and what follows an error is discarded; as
  shipped h11 buffers all of it.
- Pipelined requests are handled one in each turn (`turns`), and no more of them once the client is gone.

Both (`Connection`):
- A connection ends when its client closes it; as shipped it lives on until its keep-alive time is over.
- A client that reads nothing for 60 s is disconnected; as shipped a write waits for it for ever.
"""

import asyncio
from typing import Any, Final

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h11
import hypercorn.protocol
import hypercorn.protocol.h2 as hypercorn_h2
from h2.events import DataReceived
from h2.settings import SettingCodes, Settings
from hpack import Encoder
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h11 import H11Protocol

import zonegit.net.h2_patches  # noqa: F401  for the connections
from zonegit.net.server.asgi import FRAME_BUDGET, REQUEST_COST, REQUEST_LINE
from zonegit.net.server.frame_budget import READ, FrameBudget
from zonegit.net.server.h2_frames import FrameMeter
from zonegit.net.server.hypercorn_versions import check_versions

CLOSED_STREAMS: Final = 1_024
SETTINGS: Final = 32
HEADER_TABLE: Final = 4_096
READ_AHEAD: Final = 8 << 10
"""Bytes of an HTTP/1.1 connection that wait: twice as many here at most, and twice as many in the kernel."""
FIELDS: Final = 100
WRITE_SECONDS: Final = 60.0
"""A client must read something within this time."""
CLOSE_SECONDS: Final = 5.0

_UPGRADE: Final = frozenset({b"upgrade", b"http2-settings"})


class SmallEncoder(Encoder):
    """Compresses header blocks with a table of 4 KiB at most (RFC 7541 §4.2), even if the client allows more."""

    @property
    def header_table_size(self) -> int:
        return self.header_table.maxsize

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self.header_table.maxsize = min(value, HEADER_TABLE)
        if self.header_table.resized:
            self.table_size_changes.append(self.header_table.maxsize)


class WindowedBuffer(hypercorn_h2.StreamBuffer):
    """A stream's buffer whose writer goes on only when what it holds has really been sent."""

    async def push(self, data: bytes) -> None:
        if self._complete:
            raise hypercorn_h2.BufferCompleteError
        self.buffer.extend(data)
        await self._is_empty.clear()
        if len(self.buffer) >= hypercorn_h2.BUFFER_HIGH_WATER:
            await self._paused.clear()
            await self._paused.wait()

    async def pop(self, max_length: int) -> bytes:
        length = min(len(self.buffer), max_length)
        data = bytes(self.buffer[:length])
        del self.buffer[:length]
        if len(self.buffer) < hypercorn_h2.BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data


class BoundedH2Connection(h2.connection.H2Connection):
    """h2's state machine with a shorter memory of closed streams."""

    MAX_CLOSED_STREAMS = CLOSED_STREAMS


class BoundedH2Protocol(hypercorn_h2.H2Protocol):
    """HTTP/2 within a budget of frames."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Hypercorn's own nine, passed on
        super().__init__(*arguments, **named)
        self.connection = BoundedH2Connection(
            config=h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self.connection.decoder.max_header_list_size = self.config.h2_max_header_list_size
        self.connection.encoder = SmallEncoder()
        self.connection.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: self.config.h2_max_concurrent_streams,
                SettingCodes.MAX_HEADER_LIST_SIZE: self.config.h2_max_header_list_size,
            },
        )
        self._meter = FrameMeter()
        self._budget = _budget(self.connection_state)

    async def handle(self, event: Event) -> None:
        if isinstance(event, RawData):
            await self._receive(event.data)
            return
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in list(self.stream_buffers.values()):
                await buffer.close()  # as shipped, a writer that waits for one of them waits for ever

    async def _receive(self, data: bytes) -> None:
        first = True
        for piece, cost in self._meter.pieces(data):
            await self._budget.turn(first)
            if self.closed:
                return  # the client is gone, or could not be sent an answer behind a GOAWAY
            if not self._budget.spend(cost + READ * first) or len(self.connection.remote_settings) > SETTINGS:
                self.connection.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
                await self._flush()
                await self.send(Closed())
                return
            await super().handle(RawData(piece))
            first = False

    async def _handle_events(self, events: list[h2.events.Event]) -> None:
        self._budget.moved(sum(len(each.data or b"") for each in events if isinstance(each, DataReceived)))
        await super()._handle_events(events)

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        fields = dict(request.headers or ())
        line = fields.get(b":method", b""), fields.get(b":path", b"")
        if not all(part and part.isascii() for part in line):
            raise h2.exceptions.ProtocolError("a request's method or path is missing or not ASCII")
        if line[0].upper() == b"CONNECT":
            self.connection.send_headers(request.stream_id, [(b":status", b"403")], end_stream=True)
            return
        self.connection_state[REQUEST_COST] = self._meter.request
        self.connection_state[REQUEST_LINE] = line  # the stream copies the state at once
        await super()._create_stream(request)

    async def _flush(self) -> None:
        data = self.connection.data_to_send()
        if data:
            self._budget.moved(len(data))
            await self.send(RawData(data=data))

    async def _priority_updated(self, event: h2.events.PriorityUpdated) -> None:
        """Ignore it."""


class BoundedH11Protocol(H11Protocol):
    """HTTP/1.1 that takes no upgrade, and becomes HTTP/2 by prior knowledge alone."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Hypercorn's own nine, passed on
        super().__init__(*arguments, **named)
        self._budget = _budget(self.connection_state)
        self._over = False

    async def handle(self, event: Event) -> None:
        if isinstance(event, RawData):
            await self._budget.turn(first=True)
            if self._over or self.connection.their_state is h11.ERROR:
                return
        self._over = self._over or isinstance(event, Closed)
        await super().handle(event)

    async def _create_stream(self, request: h11.Request) -> None:
        await self._budget.turn(first=True)
        if self._over:
            raise ConnectionAbortedError("the client is gone")  # as shipped, all its requests are answered
        size = len(request.target) + sum(len(name) + len(value) for name, value in request.headers)
        if len(request.headers) > FIELDS or size > self.config.h11_max_incomplete_size:
            await self._send_error_response(431)
            await self.send(Closed())
            return
        headers = [(name, value) for name, value in request.headers if name not in _UPGRADE]
        await super()._create_stream(
            h11.Request(
                method=request.method, target=request.target, headers=headers, http_version=request.http_version
            )
        )

    async def _check_protocol(self, event: h11.Request) -> None:
        if event.method == b"PRI":
            await super()._check_protocol(event)


class Connection(TCPServer):
    """A connection that ends when its client is gone."""

    _gone = False
    read = b""
    """What was read of it before Hypercorn took over."""

    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, RawData):
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await super().protocol_send(event)
            except TimeoutError:
                self.writer.transport.abort()
        elif not (self._gone and isinstance(event, Updated)):  # which would restart the idle timer
            await super().protocol_send(event)
            if self._gone:  # since then: a timer that just started would not be cancelled with the other tasks
                await self.idle_task.stop()

    async def _read_data(self) -> None:
        try:
            if self.read:
                await self.protocol.handle(RawData(self.read))
            await super()._read_data()
        except asyncio.CancelledError:
            await self.protocol.handle(Closed())  # else a request that isn't answered waits for ever
            raise
        finally:
            self._gone = True  # where reading failed, the connection's tasks are cancelled and no new one may start
        await self.idle_task.stop()

    async def _close(self) -> None:
        limit = asyncio.timeout(CLOSE_SECONDS)
        async with limit:
            await super()._close()  # swallows a cancellation
        if limit.expired():
            self.writer.transport.abort()


def _budget(state: Any) -> FrameBudget:
    """The connection's budget, or a new one where another server made the connection."""
    found = state.get(FRAME_BUDGET)
    return found if isinstance(found, FrameBudget) else FrameBudget()


check_versions()
hypercorn_h2.StreamBuffer = WindowedBuffer  # type: ignore[misc]  # the class that H2Protocol makes buffers of
setattr(hypercorn.protocol, "H2Protocol", BoundedH2Protocol)  # noqa: B010  mypy: the module exports it implicitly
setattr(hypercorn.protocol, "H11Protocol", BoundedH11Protocol)  # noqa: B010
