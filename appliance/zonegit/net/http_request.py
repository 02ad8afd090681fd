"""A request of `/v0` as ASGI gives it, and the way back for its answer."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from zonegit.auth.gate import BODY_SECONDS
from zonegit.auth.scheme import Call
from zonegit.errors import ZonegitError
from zonegit.net.asgi import CLIENT_CERT, FRAME_BUDGET, REQUEST_COST, REQUEST_LINE, Receive, Scope, Send, drain
from zonegit.net.long_work import LongWork
from zonegit.sync import limits, wire
from zonegit.sync.frames import CONTENT_TYPE
from zonegit.sync.server import FrameStream, Reply, find_route

_SLICE: Final = 32 << 10

log = logging.getLogger(__name__)


def in_time() -> asyncio.Timeout:
    """Bounds the time for a body."""
    return asyncio.timeout(BODY_SECONDS)


class Request:
    """One request as ASGI gives it, and the way back."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self._send = send
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        self._state = scope.get("state", {})
        method, path = self._state.get(REQUEST_LINE) or _request_line(scope)
        content_type = b"\n".join(self.values(b"content-type"))  # twice is none that can be signed
        self.call = Call(method.decode("latin-1"), path.decode("latin-1"), content_type.decode("latin-1"))
        self.route = find_route(self.call.path)
        self.connection: object = tuple(scope["client"] or ())
        self.address = scope["client"][0] if scope["client"] else ""
        self.client_cert = str(self._state.get(CLIENT_CERT, ""))
        self.foreign = scope["http_version"] != "2" or bool(
            self.values(b"upgrade") or self.values(b"http2-settings")
        )
        self.body = b""
        self.status = 0
        self.kid = ""
        """The key that it named, if there is such a key."""
        self.sent = 0
        """Bytes of the answer's body."""

    @contextmanager
    def passing(self, kid: str) -> Iterator[bool]:
        """Tell the connection while this request, whose MAC has passed with this key, is in progress.

        Whether there is room for the connection.
        """
        budget = self._state.get(FRAME_BUDGET)
        if budget is None:
            yield True
        elif not budget.passed(self._state.get(REQUEST_COST, 0), kid):
            yield False
        else:
            try:
                yield True
            finally:
                budget.answered()

    async def turn(self) -> None:
        """Wait for the connection's turn, if no request of it has passed."""
        budget = self._state.get(FRAME_BUDGET)
        if budget is not None:
            await budget.turn(first=True)

    def values(self, name: bytes) -> list[bytes]:
        return [value for found, value in self._headers if found == name]

    def known_root(self) -> str:
        """The root in `If-None-Match`; empty when there is none that could be ours."""
        values = self.values(b"if-none-match")
        text = values[0].decode("latin-1") if len(values) == 1 else ""
        return text[1:-1] if len(text) == 66 and text[0] == text[-1] == '"' else ""

    def wait_seconds(self) -> int:
        """What `Prefer: wait=N` (RFC 7240 §4.3) asks for, within our bound."""
        seconds = self._preference("wait")
        return min(int(seconds[:9]), limits.MAX_WAIT) if seconds.isdecimal() else 0

    def prefers_minimal(self) -> bool:
        """Whether `Prefer: return=minimal` (RFC 7240 §4.2) asks for a state without its refs."""
        return self._preference("return") == "minimal"

    def prefers_all_names(self) -> bool:
        """Whether `Prefer: names=all` says that the client can take names with capitals and slashes."""
        return self._preference("names") == wire.ALL_NAMES

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

    async def send_frames(self, stream: FrameStream, work: LongWork) -> None:
        await self._start(200, [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store")])
        try:
            while not stream.ended:
                await self._send_slices(await work.finish(self.kid, stream.piece(work.due)))
                await asyncio.sleep(0)
        except ZonegitError as error:
            log.error("a stream to %s stopped: %s", self.address, error)
            await self._send_slices(stream.fail(str(error)))
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_slices(self, data: bytes) -> None:
        """Send what a slow client may take slowly: what is handed over is copied, so it is little at a time."""
        view = memoryview(data)
        for at in range(0, len(view), _SLICE):
            part = view[at : at + _SLICE]
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
            self.sent += len(part)

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


def _request_line(scope: Scope) -> tuple[bytes, bytes]:
    """Method and path, as far as ASGI tells how they were sent."""
    query = b"?" + scope["query_string"] if scope["query_string"] else b""
    return scope["method"].encode(), bytes(scope["raw_path"]) + query


async def drain_unwanted(request: Request) -> None:
    """Read an unwanted body, but not for longer than a wanted one."""
    with suppress(TimeoutError):
        async with in_time():
            await drain(request.receive)
