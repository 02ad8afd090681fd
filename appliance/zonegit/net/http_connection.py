"""One HTTP/2 connection of a client, with the requests that it carries, so that nothing stays open behind it.

httpx forgets what it closes, also a connection that is being made just then, or is made for a request that waited.
So those of a dropped connection are cut one by one while it carries requests, and the last request closes the rest.
"""

import socket
import ssl
from contextlib import suppress
from types import TracebackType
from typing import Final

import h2.exceptions
import httpx

RECYCLE: Final = 500
"""Requests of one connection. Hypercorn as shipped ends it at 1,000, with answers on their way."""
LOST: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, h2.exceptions.H2Error, ssl.SSLError)
"""What a connection that breaks may raise; httpcore lets some of h2's own errors through."""
_SILENT: Final = 12
"""Seconds without an acknowledgement after which a connection ends, at its next keepalive."""
_SOCKET: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT * 1000),
)
"""A long-poll sends nothing for a minute: without keepalives (seconds; the last in ms, RFC 5482) it wouldn't notice
that the peer's machine was lost and came back, nor that a path is broken."""
_ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=240.0)


class Connection:
    """As an asynchronous context manager it is one request, from its start to the end of its answer."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        # No proxies, cookies or redirects: what the environment says must not lead a mirror elsewhere.
        self._transport = httpx.AsyncHTTPTransport(
            http1=False, http2=True, trust_env=False, limits=_ONE, verify=verify, socket_options=_SOCKET
        )
        self.client = httpx.AsyncClient(transport=self._transport, trust_env=False)
        self._sent = 0
        """Requests so far."""
        self._requests = 0
        """Those that are being answered."""
        self._dropped = False

    async def __aenter__(self) -> "Connection":
        self._requests += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._requests -= 1
        if self._dropped and not self._requests:
            await self._close()

    @property
    def is_worn(self) -> bool:
        """Whether it is idle and should be changed, before a server's bound on its requests cuts answers off."""
        return self._sent >= RECYCLE and not self._requests

    async def send(self, request: httpx.Request) -> httpx.Response:
        """The head of the answer; its body is still to come."""
        self._sent += 1
        return await self.client.send(request, stream=True)

    async def drop(self) -> None:
        """Close it, whatever it carries; the requests of others on it break."""
        self._dropped = True
        if not self._requests:
            await self._close()
            return
        for each in self._transport._pool.connections:  # shown nowhere else
            with suppress(*LOST):
                await each.aclose()

    async def _close(self) -> None:
        with suppress(*LOST):
            await self._transport.aclose()
