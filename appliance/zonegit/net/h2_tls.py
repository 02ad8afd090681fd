"""TLS of a connection with `/v0`: its records wait for the connection's turns, and cost its budget of frames."""

import asyncio
import ssl
from time import perf_counter
from typing import Final

from zonegit.net.h2_bounds import READ, FrameBudget
from zonegit.net.tls import ALPN
from zonegit.net.tls_stream import TlsStream
from zonegit.net.turns import Work

HANDSHAKE_SECONDS: Final = 10.0
_PIECE: Final = 0.0005
"""Seconds of decrypting before others have their turn, unless one record alone takes longer."""


async def secured(
    transport: asyncio.Transport, context: ssl.SSLContext, budget: FrameBudget
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Shake hands over a paused transport of which nothing was read. `OSError` (also TLS's) when that fails."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    within = asyncio.StreamReaderProtocol(reader, loop=loop)
    agreed: asyncio.Future[Exception | None] = loop.create_future()

    def tell(failure: Exception | None) -> None:
        if not agreed.done():
            agreed.set_result(failure)

    stream = TlsStream(within, context, _Paced(budget).ask, charge=lambda: budget.spend(READ), agreed=tell)
    transport.set_protocol(stream)
    stream.connection_made(transport)
    transport.resume_reading()
    async with asyncio.timeout(HANDSHAKE_SECONDS):
        failure = await agreed
    if failure is not None:
        raise failure
    if stream.get_extra_info("ssl_object").selected_alpn_protocol() != ALPN:
        raise ConnectionAbortedError("the client doesn't speak HTTP/2")
    return reader, asyncio.StreamWriter(stream, within, reader, loop)


class _Paced:
    """Has work done in the turns of a connection, one at a time."""

    def __init__(self, budget: FrameBudget) -> None:
        self._budget = budget
        self._doing: asyncio.Task[None] | None = None

    def ask(self, work: Work) -> None:
        self._doing = asyncio.get_running_loop().create_task(self._do(work))

    async def _do(self, work: Work) -> None:
        await self._budget.turn(first=True)
        while work(perf_counter() + _PIECE):
            await self._budget.turn(first=False)
