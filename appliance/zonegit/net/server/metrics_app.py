"""`/metrics`, `/healthz`, `/readyz` as a plain ASGI application; a server binds it to a port of its own.

Anybody who reaches the port may ask as often as they like. One page serves all who wait for it, and making pages
takes at most a fifth of the time (`single_flight`), so `/v0`, which shares the interpreter, is not held up.
The caller supplies the content: `page(accept)` returns the metrics and their content type, `unready()` why this
node isn't ready (None when it is), and `remark()` what an operator should know about a node that is ready.
Anything but GET and HEAD of these paths is refused.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from zonegit.net.server.asgi import (
    FRAME_BUDGET,
    REQUEST_COST,
    Disconnected,
    Receive,
    Scope,
    Send,
    drain,
    until_disconnect,
)
from zonegit.net.server.single_flight import DutyCycle, SingleFlight

_PLAIN: Final = "text/plain; charset=utf-8"
_OPENMETRICS: Final = "application/openmetrics-text"


class MetricsApp:
    """An ASGI 3 application."""

    def __init__(
        self,
        page: Callable[[str], tuple[bytes, str]],
        unready: Callable[[], str | None],
        remark: Callable[[], str] = str,
    ) -> None:
        pages = DutyCycle()
        self._pages = {accept: SingleFlight(partial(page, accept), pages) for accept in ("", _OPENMETRICS)}
        self._readiness = SingleFlight(lambda: (unready(), remark()), DutyCycle())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                await self._serve(scope, receive, send)
            except Disconnected:
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        ended = await drain(receive)
        status, kind, body = await self._answer(scope)
        reply = _reply(send, status, kind, b"" if scope["method"] == "HEAD" else body, len(body))
        await (reply if ended else until_disconnect(receive, reply))
        state = scope.get("state", {})
        if FRAME_BUDGET in state:
            state[FRAME_BUDGET].passed(state.get(REQUEST_COST, 0))

    async def _answer(self, scope: Scope) -> tuple[int, str, bytes]:
        """Status, content type and body."""
        path = scope["path"]
        if path not in ("/metrics", "/healthz", "/readyz"):
            return 404, _PLAIN, b"see /metrics, /healthz, /readyz\n"
        if scope["method"] not in ("GET", "HEAD"):
            return 405, _PLAIN, b"only GET and HEAD\n"
        if path == "/healthz":
            return 200, _PLAIN, b"ok\n"
        if path == "/readyz":
            reason, remark = await self._readiness.get()
            page = "\n".join(filter(None, (reason or "ready", remark)))
            return 503 if reason else 200, _PLAIN, f"{page}\n".encode()
        body, kind = await self._pages[_wanted(scope)].get()
        return 200, kind, body


def _wanted(scope: Scope) -> str:
    """The content type that the `Accept` header asks for: OpenMetrics, or empty for the default."""
    accept = b",".join(value for name, value in scope["headers"] if name == b"accept").decode("latin-1")
    return _OPENMETRICS if any(each.split(";")[0].strip() == _OPENMETRICS for each in accept.split(",")) else ""


async def _reply(send: Send, status: int, kind: str, body: bytes, size: int) -> None:
    headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % size), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
