"""`/metrics`, `/healthz`, `/readyz` as a plain ASGI application; a server binds it to a port of its own.

Whoever reaches the port may ask as often as he likes: a page is made once for all who wait for it, and making pages
takes a fifth of the time at most (`net.sparing`), so that `/v0`, which shares the interpreter, goes on.
What the pages say is the caller's: `page(accept)` makes the metrics and tells their content type, `unready()` tells
why this node isn't ready, None when it is, and `remark()` what an operator should know of a node that is ready.
Anything but GET and HEAD of these paths is refused.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from zonegit.net.asgi import FRAME_BUDGET, REQUEST_COST, Disconnected, Receive, Scope, Send, drain, until_gone
from zonegit.net.sparing import Rests, Sparing

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
        pages = Rests()
        self._pages = {accept: Sparing(partial(page, accept), pages) for accept in ("", _OPENMETRICS)}
        self._readiness = Sparing(lambda: (unready(), remark()), Rests())

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
        await (reply if ended else until_gone(receive, reply))
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
            told = "\n".join(filter(None, (reason or "ready", remark)))
            return 503 if reason else 200, _PLAIN, f"{told}\n".encode()
        body, kind = await self._pages[_wanted(scope)].get()
        return 200, kind, body


def _wanted(scope: Scope) -> str:
    """What of the `Accept` header counts: whether it names OpenMetrics."""
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
