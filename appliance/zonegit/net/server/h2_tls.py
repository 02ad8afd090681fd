"""TLS of a `/v0` connection: records are decrypted in the connection's turns, and charged to its frame budget."""

import asyncio
import ssl
from time import perf_counter
from typing import Final

from zonegit.net.server.frame_budget import READ, FrameBudget
from zonegit.net.tls import ALPN
from zonegit.net.tls_stream import TlsStream
from zonegit.net.turns import Work

HANDSHAKE_SECONDS: Final = 10.0
_PIECE: Final = 0.0005
"""Seconds of decrypting in one turn, unless a single record takes longer."""


async def start_tls(
    transport: asyncio.Transport, context: ssl.SSLContext, budget: FrameBudget
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Do the handshake over a paused transport from which nothing was read. `OSError` (or `SSLError`)."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    within = asyncio.StreamReaderProtocol(reader, loop=loop)
    agreed: asyncio.Future[Exception | None] = loop.create_future()

    def finish(failure: Exception | None) -> None:
        if not agreed.done():
            agreed.set_result(failure)

    stream = TlsStream(within, context, _Paced(budget).ask, charge=lambda: budget.spend(READ), agreed=finish)
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
    """Does the work of a connection in its turns, one piece at a time."""

    def __init__(self, budget: FrameBudget) -> None:
        self._budget = budget
        self._doing: asyncio.Task[None] | None = None

    def ask(self, work: Work) -> None:
        self._doing = asyncio.get_running_loop().create_task(self._do(work))

    async def _do(self, work: Work) -> None:
        await self._budget.turn(first=True)
        while work(perf_counter() + _PIECE):
            await self._budget.turn(first=False)
