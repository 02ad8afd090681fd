"""One HTTP/2 connection of a client, with the requests that it carries, so that nothing stays open behind it.

httpx forgets what it closes, also a connection that is being made just then, or is made for a request that waited.
So those of a dropped connection are cut one by one while it carries requests, and the last request closes the rest.
"""

import ssl
from contextlib import suppress
from types import TracebackType
from typing import Final

import h2.exceptions
import httpx

LOST: Final = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, h2.exceptions.H2Error, ssl.SSLError)
"""What a connection that breaks may raise; httpcore lets some of h2's own errors through."""
_ONE: Final = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=240.0)


class Connection:
    """As an asynchronous context manager it is one request, from its start to the end of its answer."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        # No proxies, cookies or redirects: what the environment says must not lead a mirror elsewhere.
        self._transport = httpx.AsyncHTTPTransport(
            http1=False, http2=True, trust_env=False, limits=_ONE, verify=verify
        )
        self.client = httpx.AsyncClient(transport=self._transport, trust_env=False)
        self._requests = 0
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
    def busy(self) -> bool:
        """Whether a request is being answered."""
        return self._requests > 0

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
