"""A request of `/v0` as ASGI gives it, and how its response is sent."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from zonegit.auth.gate import BODY_SECONDS
from zonegit.auth.scheme import Call
from zonegit.errors import ZonegitError
from zonegit.net.server.asgi import (
    CLIENT_CERT,
    FRAME_BUDGET,
    REQUEST_COST,
    REQUEST_LINE,
    Receive,
    Scope,
    Send,
    drain,
)
from zonegit.net.server.work_scheduler import WorkScheduler
from zonegit.sync import limits, wire
from zonegit.sync.frames import CONTENT_TYPE
from zonegit.sync.server import FrameStream, Reply, find_route

_SLICE: Final = 128 << 10
"""Bytes of a body that are sent at once."""
_BODY_COST: Final = 3.5
"""Units that a small body costs (measured: 3.3): two DATA frames, their reads, a WINDOW_UPDATE for the answer."""

log = logging.getLogger(__name__)


def in_time() -> asyncio.Timeout:
    """Bounds the time that a body may take."""
    return asyncio.timeout(BODY_SECONDS)


class Request:
    """One request, and how its response is sent."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self._send = send
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._state = scope.get("state", {})
        method, path = self._state.get(REQUEST_LINE) or _request_line(scope)
        content_type = b"\n".join(self.values(b"content-type"))  # two of them can't be signed
        self.call = Call(method.decode("latin-1"), path.decode("latin-1"), content_type.decode("latin-1"))
        self.route = find_route(self.call.path)
        self.connection: object = tuple(scope["client"] or ())
        self.address = scope["client"][0] if scope["client"] else ""
        self.client_cert = str(self._state.get(CLIENT_CERT, ""))
        self.is_not_h2 = scope["http_version"] != "2" or bool(
            self.values(b"upgrade") or self.values(b"http2-settings")
        )
        self.body = b""
        self.status = 0
        self.kid = ""
        """The id of the key that the request named, if that key exists."""
        self.sent = 0
        """Bytes of the response body so far."""

    @contextmanager
    def passing(self, kid: str) -> Iterator[bool]:
        """Count this request as in progress on its connection. Its MAC was valid with this key.

        Yields whether the connection has a slot for it.
        """
        budget = self._state.get(FRAME_BUDGET)
        if budget is None:
            yield True
        elif not budget.passed(self._state.get(REQUEST_COST, 0) + (_BODY_COST if self.body else 0), kid):
            yield False
        else:
            try:
                yield True
            finally:
                budget.answered()

    async def turn(self) -> None:
        """Wait for the connection's turn, if the connection is unauthenticated."""
        budget = self._state.get(FRAME_BUDGET)
        if budget is not None:
            await budget.turn(first=True)

    def values(self, name: bytes) -> list[bytes]:
        return [value for found, value in self._headers if found == name]

    def known_root(self) -> str:
        """The root in `If-None-Match`; empty if it can't be one of ours."""
        values = self.values(b"if-none-match")
        text = values[0].decode("latin-1") if len(values) == 1 else ""
        return text[1:-1] if len(text) == 66 and text[0] == text[-1] == '"' else ""

    def wait_seconds(self) -> int:
        """The seconds of `Prefer: wait=N` (RFC 7240 §4.3), within our bound."""
        seconds = self._preference("wait")
        return min(int(seconds[:9]), limits.MAX_WAIT) if seconds.isdecimal() else 0

    def prefers_minimal(self) -> bool:
        """Whether `Prefer: return=minimal` (RFC 7240 §4.2) asks for a state without its refs."""
        return self._preference("return") == "minimal"

    def accepts(self) -> wire.Accepts:
        """The refs that the client says it accepts: `Prefer: names=all, tombstones=yes, …`."""
        return wire.Accepts.said(self._preference)

    def _preference(self, wanted: str) -> str:
        for value in self.values(b"prefer"):
            for preference in value.decode("latin-1").split(","):
                name, _, found = preference.strip().partition("=")
                if name == wanted:
                    return found
        return ""

    async def send_reply(self, reply: Reply, signature: str = "") -> None:
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode()))
        if signature:
            headers.append((b"zg-signature", signature.encode()))
        if reply.status != 304:
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await self._start(reply.status, headers)
        await self._send_slices(reply.body)
        await self._send({"type": "http.response.body", "body": b""})

    async def send_frames(self, stream: FrameStream, work: WorkScheduler) -> None:
        await self._start(200, [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store")])
        try:
            while not stream.ended:
                await self._send_slices(await work.finish(self.kid, stream.piece(work.due)))
                await asyncio.sleep(0)
        except ZonegitError as error:
            log.error("a stream to a client failed: %s: %s", self.address, error)
            await self._send_slices(stream.fail(str(error)))
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_slices(self, data: bytes) -> None:
        """Send a body in small slices: Hypercorn copies each one, and a slow client takes them slowly."""
        view = memoryview(data)
        for at in range(0, len(view), _SLICE):
            part = view[at : at + _SLICE]
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
            self.sent += len(part)

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _request_line(scope: Scope) -> tuple[bytes, bytes]:
    """Method and path as they were sent, as far as ASGI preserves them."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return scope["method"].encode(), bytes(scope["raw_path"]) + query


async def drain_unwanted(request: Request) -> None:
    """Read and discard a body, for no longer than one that is wanted may take."""
    with suppress(TimeoutError):
        async with in_time():
            await drain(request.receive)
