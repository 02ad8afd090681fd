"""What one HTTP/2 connection may ask of Hypercorn 0.18 and h2 4.4, beyond the bounds that they have themselves.

- Frames that lead to nothing (PING, SETTINGS, WINDOW_UPDATE, RST_STREAM, PRIORITY, empty or tiny DATA, unknown
  ones, requests whose MAC fails) cost a budget, which comes back with time, with bytes that are really moved and
  with requests that pass. Who has none left gets GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 §10.5).
- A header list is bounded before a client acknowledged our settings too; as shipped it may have 64 KiB, for ever.
- Of closed streams h2 remembers 1,024, not 65,536. Priorities (deprecated by RFC 9113 §5.3) are ignored.
- A request keeps its method and path as they were sent; as shipped an empty query is lost and a method put in
  capitals, which a signature covers. One without either, or not in ASCII, ends the connection.
- A stream's buffer waits for the peer's window: as shipped it lets everything through that an application sends, so
  that a client that never opens its window fills the server's memory. Its end is told to who waits for a buffer.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import hypercorn.protocol
import hypercorn.protocol.h2 as hypercorn_h2
from hypercorn.events import Closed, Event, RawData

from zonegit.net.asgi import FRAME_BUDGET, REQUEST_LINE

BURST: Final = 2_000
PER_SECOND: Final = 20.0
REQUEST: Final = 10
RESET: Final = 10
"""What a request and a reset cost; any other frame costs 1."""
CLOSED_STREAMS: Final = 1_024

_UNIT: Final = 1_024
"""Bytes of a body, either way, that earn 1."""


class FrameBudget:
    """What a connection may still send in frames that lead to nothing."""

    def __init__(
        self, known: Callable[[], None] = lambda: None, burst: int = BURST, per_second: float | None = None
    ) -> None:
        """`known` is called when the connection's first request has passed."""
        self._known: Callable[[], None] | None = known
        self.left = float(burst)
        self._burst = float(burst)
        self._per_second = PER_SECOND if per_second is None else per_second
        self._at = time.monotonic()

    def spend(self, cost: float) -> bool:
        """Take so much away; whether there was enough."""
        now = time.monotonic()
        self.earn((now - self._at) * self._per_second)
        self._at = now
        self.left -= cost
        return self.left >= 0

    def earn(self, amount: float) -> None:
        """Give back, never above the burst."""
        self.left = min(self._burst, self.left + amount)

    def passed(self) -> None:
        """A request's MAC has passed."""
        self.earn(REQUEST)
        if self._known is not None:
            self._known()
            self._known = None


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
        found = self.connection_state.get(FRAME_BUDGET)
        self._budget = found if isinstance(found, FrameBudget) else FrameBudget()

    async def handle(self, event: Event) -> None:
        await super().handle(event)
        if isinstance(event, Closed):
            for buffer in list(self.stream_buffers.values()):
                await buffer.close()  # as shipped, who waits for one of them waits for ever

    async def _handle_events(self, events: list[h2.events.Event]) -> None:
        if self._budget.spend(sum(map(_cost, events))):
            await super()._handle_events(events)
        else:
            self.connection.close_connection(h2.errors.ErrorCodes.ENHANCE_YOUR_CALM)
            await self._flush()
            await self.send(Closed())

    async def _create_stream(self, request: h2.events.RequestReceived) -> None:
        fields = dict(request.headers or ())
        line = fields.get(b":method", b""), fields.get(b":path", b"")
        if not all(part and part.isascii() for part in line):
            raise h2.exceptions.ProtocolError("a request's method or path is missing or not ASCII")
        self.connection_state[REQUEST_LINE] = line  # of which the stream takes a copy at once
        await super()._create_stream(request)

    async def _flush(self) -> None:
        data = self.connection.data_to_send()
        if data:
            self._budget.earn(len(data) // _UNIT)
            await self.send(RawData(data=data))

    async def _priority_updated(self, event: h2.events.PriorityUpdated) -> None:
        """Ignore it."""


def _cost(event: h2.events.Event) -> float:
    if isinstance(event, h2.events.RequestReceived):
        return REQUEST
    if isinstance(event, h2.events.StreamReset):
        return RESET
    if isinstance(event, h2.events.DataReceived):
        return 1 - len(event.data or b"") / _UNIT
    return 0 if isinstance(event, h2.events.StreamEnded) else 1


def install() -> None:
    """Let Hypercorn make connections of these."""
    h2.connection.H2Connection.MAX_CLOSED_STREAMS = CLOSED_STREAMS
    hypercorn_h2.StreamBuffer = WindowedBuffer  # type: ignore[misc]  # the class that H2Protocol makes buffers of
    setattr(hypercorn.protocol, "H2Protocol", BoundedProtocol)  # noqa: B010  mypy: the module exports it implicitly
