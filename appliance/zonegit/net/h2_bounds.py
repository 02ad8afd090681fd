"""What one HTTP/2 connection may ask of Hypercorn 0.18 and h2 4.4, beyond the bounds that they have themselves.

- Every frame and every byte of a header block costs a budget, before h2 sees it (`net.h2_frames`). It comes back
  with time, with requests that pass, and, once one has passed, with bytes that are really moved. Who has none left
  gets GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 §10.5).
- What a connection brings is handled in pieces of some milliseconds at most, and others have their turn in between.
  Connections of which no request has passed have one turn in each round of the loop, in all (`net.rounds`).
- A header list is bounded before a client acknowledged our settings too; as shipped it may have 64 KiB, for ever.
  The table that answers' headers are searched in has 4 KiB; as shipped it grows as far as the client wants it to.
- Of closed streams h2 remembers 1,024, not 65,536; of settings 32, known or not, not 65,536. Priorities
  (deprecated by RFC 9113 §5.3) are ignored. CONNECT is 403, and RFC 8441's use of it isn't offered.
- A request keeps its method and path as they were sent; as shipped an empty query is lost and a method put in
  capitals, which a signature covers. One without either, or not in ASCII, ends the connection.
- A stream's buffer waits for the peer's window: as shipped it lets everything through that an application sends, so
  that a client that never opens its window fills the server's memory. Its end is told to who waits for a buffer.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hypercorn.protocol
import hypercorn.protocol.h2 as hypercorn_h2
from h2.connection import ConnectionState
from h2.events import DataReceived
from h2.settings import SettingCodes, Settings
from hpack import Encoder
from hypercorn.events import Closed, Event, RawData

from zonegit.net.asgi import FRAME_BUDGET, REQUEST_COST, REQUEST_LINE
from zonegit.net.h2_frames import FrameMeter

BURST: Final = 2_000
STRANGERS_BURST: Final = 500
"""Units of a connection, and of one of which no request has passed yet."""
PER_SECOND: Final = 20.0
READ: Final = 0.25
"""What it costs to take something in at all, for whoever sends bytes one by one."""
CLOSED_STREAMS: Final = 1_024
SETTINGS: Final = 32
HEADER_TABLE: Final = 4_096

_UNIT: Final = 1_024
"""Bytes of a body, either way, that earn 1."""


async def _at_once(_: int) -> None:
    """There is nobody to wait for."""


class FrameBudget:
    """What a connection may still send in frames, and when it is its turn."""

    def __init__(
        self,
        passed: Callable[[str], bool] = lambda kid: True,
        turn: Callable[[int], Awaitable[None]] = _at_once,
        answered: Callable[[], None] = lambda: None,
        per_second: float | None = None,
    ) -> None:
        """`passed` is called with the key when a request has passed; whether the connection is no stranger now.

        `answered` is called when such a request is over. `turn` waits for the turn of one, and is told how many it
        has had.
        """
        self._passed = passed
        self.answered = answered
        self._turn = turn
        self._had = 0
        self.is_known = False
        self.left = float(STRANGERS_BURST)
        self._per_second = PER_SECOND if per_second is None else per_second
        self._at = time.monotonic()

    def spend(self, cost: float) -> bool:
        """Take so much away; whether there was enough."""
        now = time.monotonic()
        self._give((now - self._at) * self._per_second)
        self._at = now
        self.left -= cost
        return self.left >= 0

    def moved(self, count: int) -> None:
        """So many bytes of a body were taken in or sent."""
        if self.is_known:
            self._give(count / _UNIT)

    def passed(self, cost: float, kid: str = "") -> bool:
        """A request's MAC has passed, or it was answered where there are no keys: what it cost is given back.

        Whether the connection is no stranger: there may be too many of this key (`net.known`).
        """
        self._give(cost)
        has_place = self._passed(kid)
        if has_place and not self.is_known:
            self.is_known = True
            self.left += BURST - STRANGERS_BURST
        return has_place

    async def turn(self, first: bool) -> None:
        """Wait until a piece of what the connection brought may be handled, the first one of it or another."""
        if not self.is_known:
            await self._turn(self._had)
            self._had += 1
        elif not first:
            await asyncio.sleep(0)

    def _give(self, amount: float) -> None:
        self.left = min(float(BURST if self.is_known else STRANGERS_BURST), self.left + amount)


class SmallEncoder(Encoder):
    """Writes header blocks with a table of 4 KiB (RFC 7541 §4.2), however large a one the peer would keep."""

    @property
    def header_table_size(self) -> int:
        return self.header_table.maxsize

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self.header_table.maxsize = min(value, HEADER_TABLE)
        if self.header_table.resized:
            self.table_size_changes.append(self.header_table.maxsize)


class WindowedBuffer(hypercorn_h2.StreamBuffer):
    """A stream's buffer that lets its writer go on only when what it holds has really been sent."""

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


class BoundedProtocol(hypercorn_h2.H2Protocol):
    """HTTP/2 with a budget of frames."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Hypercorn's own nine, passed on
        super().__init__(*arguments, **named)
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
        found = self.connection_state.get(FRAME_BUDGET)
        self._budget = found if isinstance(found, FrameBudget) else FrameBudget()

    async def handle(self, event: Event) -> None:
        if isinstance(event, RawData):
            await self._receive(event.data)
            return
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in list(self.stream_buffers.values()):
                await buffer.close()  # as shipped, who waits for one of them waits for ever

    async def _receive(self, data: bytes) -> None:
        first = True
        for piece, cost in self._meter.pieces(data):
            await self._budget.turn(first)
            if self.closed or self.connection.state_machine.state is ConnectionState.CLOSED:
                return  # nothing is handled that follows a GOAWAY, or of a client that is gone
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
            self.connection.reset_stream(request.stream_id)
            return
        self.connection_state[REQUEST_COST] = self._meter.request
        self.connection_state[REQUEST_LINE] = line  # of which the stream takes a copy at once
        await super()._create_stream(request)

    async def _flush(self) -> None:
        data = self.connection.data_to_send()
        if data:
            self._budget.moved(len(data))
            await self.send(RawData(data=data))

    async def _priority_updated(self, event: h2.events.PriorityUpdated) -> None:
        """Ignore it."""


def install() -> None:
    """Let Hypercorn make connections of these."""
    h2.connection.H2Connection.MAX_CLOSED_STREAMS = CLOSED_STREAMS
    hypercorn_h2.StreamBuffer = WindowedBuffer  # type: ignore[misc]  # the class that H2Protocol makes buffers of
    setattr(hypercorn.protocol, "H2Protocol", BoundedProtocol)  # noqa: B010  mypy: the module exports it implicitly
