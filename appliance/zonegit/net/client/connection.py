"""One HTTP/2 connection of a client, counting its requests, so that no socket stays open when it is dropped.

When httpx closes a transport it forgets all of its connections, even one that is just being made, or that is made
afterwards for a waiting request. So while a dropped connection carries requests, only its sockets are closed, one
by one, and the last request closes the transport.
"""

import socket
import ssl
from contextlib import suppress
from types import TracebackType
from typing import Final

import h2.connection
import h2.exceptions
import h2.settings
import httpx
from httpcore import AsyncHTTP2Connection

import zonegit.net.h2_patches  # noqa: F401  for the connections

RECYCLE: Final = 500
"""The most requests on one connection. Unpatched Hypercorn closes it after 1,000, with answers in flight."""
LOST: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, h2.exceptions.H2Error, ssl.SSLError)
"""What a broken connection may raise; httpcore passes some of h2's own errors on."""
_SILENT: Final = 12
"""Seconds without an acknowledgement after which a connection ends, at its next keepalive."""
_SOCKET: Final = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT * 1000),
)
"""TCP keepalives (seconds; the last in ms, RFC 5482). A long-poll sends nothing for a minute, and would not notice
that the peer's machine went down and came back, or that the path is broken."""
_FRAME: Final = 256 << 10
"""The largest frame that a server may send once it has answered the first request: as much as a group of objects.
With HTTP/2's 16 KiB, handling frames would be half of what a fetch costs besides its checks."""
_ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=240.0)


class Connection:
    """As an async context manager it spans one request, from its start to the end of its answer."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        # No proxies, cookies or redirects: the environment must not lead a mirror elsewhere.
        self._transport = httpx.AsyncHTTPTransport(
            http1=False, http2=True, trust_env=False, limits=_ONE, verify=verify, socket_options=_SOCKET
        )
        self.client = httpx.AsyncClient(transport=self._transport, trust_env=False)
        self._sent = 0
        """Requests so far."""
        self._requests = 0
        """Requests in progress."""
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
        """Whether it is idle and should be replaced, before a server's bound on requests cuts answers off."""
        return self._sent >= RECYCLE and not self._requests

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send a request; returns the response, whose body is not read yet."""
        self._sent += 1
        response = await self.client.send(request, stream=True)
        if self._sent == 1:
            self._receive_in_large_pieces()
        return response

    def _receive_in_large_pieces(self) -> None:
        """Read as much at once, and announce SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2) with the next request."""
        for each in self._transport._pool.connections:  # httpx has no public access to h2
            made = getattr(each, "_connection", None)
            if isinstance(made, AsyncHTTP2Connection):
                made.READ_NUM_BYTES = _FRAME
                made._h2_state.update_settings({h2.settings.SettingCodes.MAX_FRAME_SIZE: _FRAME})

    async def drop(self) -> None:
        """Close it now; requests in progress fail."""
        self._dropped = True
        if not self._requests:
            await self._close()
            return
        for each in self._transport._pool.connections:  # httpx has no public access to them
            with suppress(*LOST):
                await each.aclose()

    async def _close(self) -> None:
        with suppress(*LOST):
            await self._transport.aclose()
