"""A connection to a primary over TCP or TLS (RFC 7766, RFC 9103), as a stream of whole messages.

It is made when it is needed, and made again if the server has closed it between two answers.
"""

import asyncio
import ssl
from typing import Final, NamedTuple

from zonegit.dns.incoming.bounds import Bounds
from zonegit.errors import TransferForged, TransferInterrupted
from zonegit.model.foreign import one_line
from zonegit.net.tls import transfer_context
from zonegit.ops.primaries import Primary

_BUFFER: Final = 1 << 16
"""Bytes that are read ahead, about. Reading pauses until no more are left, so a large buffer makes long pauses, in
which the server may give up: Knot DNS waits for half a second (`tcp-io-timeout`)."""


class _Streams(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class PrimaryConnection:
    """One query at a time: `ask` for the first message of its answer, then `following`, until the answer is whole.

    If an answer isn't read to its end, `close`: else what is left of it would be taken for the next one.
    """

    def __init__(self, primary: Primary, bounds: Bounds, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: the context, where the system's CAs are the wrong ones."""
        self._primary = primary
        self._bounds = bounds
        self._tls = (tls or transfer_context(verify=primary.tls_name is not None)) if primary.tls else None
        self._streams: _Streams | None = None

    def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            self._streams.writer.transport.abort()
            self._streams = None

    async def ask(self, query: bytes) -> bytes:
        """Send a query, and return the first message of its answer. `TransferInterrupted`, `TransferForged`."""
        reused = self._streams is not None
        message = await self._answer(query)
        if message is None and reused:  # servers close connections that were idle for some seconds
            message = await self._answer(query)
        if message is None:
            raise TransferInterrupted("it closed the connection without an answer")
        return message

    async def following(self) -> bytes:
        """The next message of the answer. `TransferInterrupted`."""
        await asyncio.sleep(0)  # else nothing is read from the socket as long as messages are left
        seconds = self._bounds.idle_seconds
        message = await self._message(
            seconds, f"it sent no whole message for {seconds:g} s in the middle of the zone"
        )
        if message is None:
            raise TransferInterrupted("it closed the connection in the middle of the zone")
        return message

    async def _answer(self, query: bytes) -> bytes | None:
        if self._streams is None:
            self._streams = await self._connected()
        self._streams.writer.write(len(query).to_bytes(2, "big") + query)
        seconds = self._bounds.answer_seconds
        return await self._message(seconds, f"it sent no answer within {seconds:g} s")

    async def _message(self, seconds: float, late: str) -> bytes | None:
        """The next message; None if the server closes the connection before it, which is then closed here, too."""
        if self._streams is None:
            return None
        source = self._streams.reader
        try:
            async with asyncio.timeout(seconds):
                size = int.from_bytes(await source.readexactly(2), "big")
                return await source.readexactly(size)
        except TimeoutError:
            reason = late
        except asyncio.IncompleteReadError as error:
            reason = "it closed the connection in the middle of a message" if error.partial else ""
        except ConnectionError:
            reason = ""
        except OSError as error:
            reason = f"the connection broke: {one_line(error.strerror or str(error))}"
        self.close()
        if reason:
            raise TransferInterrupted(reason)
        return None

    async def _connected(self) -> _Streams:
        address = self._primary.address
        seconds = self._bounds.connect_seconds
        name = None if self._tls is None else self._primary.tls_name or ""
        try:
            async with asyncio.timeout(seconds):
                streams = await asyncio.open_connection(
                    address.host, address.port, limit=_BUFFER, ssl=self._tls, server_hostname=name
                )
        except TimeoutError:
            raise TransferInterrupted(f"no connection within {seconds:g} s") from None
        except ssl.SSLCertVerificationError as error:
            raise TransferForged(f"its certificate isn't accepted: {one_line(error.verify_message)}") from None
        except ssl.SSLError as error:
            raise TransferInterrupted(f"no TLS connection: {one_line(error.reason or str(error))}") from None
        except ConnectionRefusedError:
            raise TransferInterrupted("nothing listens there: it refused the connection") from None
        except OSError as error:
            raise TransferInterrupted(f"no connection: {one_line(error.strerror or str(error))}") from None
        return _Streams(*streams)
