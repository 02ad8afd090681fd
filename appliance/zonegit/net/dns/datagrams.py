"""Questions over UDP to single name servers, each on a connected socket: the kernel accepts only its datagrams.

The caller says what counts as an answer. A server that refuses packets is one that doesn't answer.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar, cast

T = TypeVar("T")


class Datagrams(asyncio.DatagramProtocol):
    """One peer. The first two bytes of a reply, its id, tell which question it answers."""

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[bytes, Callable[[bytes], None]] = {}

    @classmethod
    async def open(cls, host: str, port: int, source: str | None = None) -> "Datagrams":
        """Connect to a peer, from a local address if one is given; `OSError`."""
        loop = asyncio.get_running_loop()
        local = (source, 0) if source else None
        _, protocol = await loop.create_datagram_endpoint(cls, remote_addr=(host, port), local_addr=local)
        return protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # Python 3.11's own is no subclass of it

    def datagram_received(self, data: bytes, _address: object) -> None:
        take = self._waiting.get(data[:2])
        if take is not None:
            take(data)

    def error_received(self, _error: Exception) -> None:
        """Nobody listens at the peer's port. It counts as no answer."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be asked any more: `close` was called, or the socket broke."""
        return self._transport is None or self._transport.is_closing()

    async def ask(self, message: bytes, answered: Callable[[bytes], T | None], seconds: float) -> T | None:
        """Send, and wait for a reply for which `answered` isn't None: that result, or None after `seconds`.

        `message` must have an id that no other open question to this peer has. None at once if this is closed.
        """
        if self._transport is None or self.closed:
            return None
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def take(data: bytes) -> None:
            found = answered(data)
            if found is not None and not future.done():
                future.set_result(found)

        ident = message[:2]
        self._waiting[ident] = take
        try:
            self._transport.sendto(message)
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            if self._waiting.get(ident) is take:
                del self._waiting[ident]

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
