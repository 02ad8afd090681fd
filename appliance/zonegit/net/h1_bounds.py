"""HTTP/1.1 of Hypercorn 0.18 as the metrics page has it, where clients of many kinds ask.

- An upgrade isn't taken (RFC 9110 §7.8 leaves that to the server), to h2c or WebSocket: the request is answered as
  it is. As shipped a malformed one ends in an exception.
- A request's head has at most 100 fields and as many bytes as one of HTTP/2, or the answer is 431. What is read
  before it is handled, or while an answer is owed, is little (`AHEAD`), and what follows an error is thrown away:
  as shipped all of it goes into h11's buffer.
- Requests on one connection, which may come one behind the other, are handled one in each turn (`net.rounds`), and
  no more of them once the client is gone.
"""

from typing import Any, Final

import h11
import hypercorn.protocol
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h11 import H11Protocol

from zonegit.net.asgi import FRAME_BUDGET
from zonegit.net.h2_bounds import FrameBudget

AHEAD: Final = 8 << 10
"""Bytes of a connection that wait: twice as many here at most, and twice as many with the system."""
FIELDS: Final = 100

_UPGRADE: Final = frozenset({b"upgrade", b"http2-settings"})


class PlainProtocol(H11Protocol):
    """HTTP/1.1 and nothing that it could become, but for HTTP/2 by prior knowledge."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # Hypercorn's own nine, passed on
        super().__init__(*arguments, **named)
        found = self.connection_state.get(FRAME_BUDGET)
        self._budget = found if isinstance(found, FrameBudget) else FrameBudget()
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
            raise ConnectionAbortedError("the client is gone")  # as shipped, what it sent is answered to the end
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


def install() -> None:
    """Let Hypercorn make connections of these."""
    setattr(hypercorn.protocol, "H11Protocol", PlainProtocol)  # noqa: B010  mypy: the module exports it implicitly
