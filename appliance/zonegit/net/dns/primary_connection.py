"""A connection to a primary over TCP or TLS (RFC 7766, RFC 9103), as a stream of whole messages.

It is made when it is needed, and made again if the server has closed it between two answers.
"""

import asyncio
import ssl
from typing import NamedTuple

from zonegit.dns.incoming.bounds import Bounds
from zonegit.errors import TransferForged, TransferInterrupted
from zonegit.model.foreign import one_line
from zonegit.net.dns.message_stream import MessageStream
from zonegit.net.tls import transfer_context
from zonegit.ops.primaries import Primary


class _Open(NamedTuple):
    transport: asyncio.WriteTransport
    received: MessageStream


class PrimaryConnection:
    """One query at a time: `ask` for the first message of its answer, then `following`, until the answer is whole.

    If an answer isn't read to its end, `close`: else what is left of it would be taken for the next one.
    """

    def __init__(self, primary: Primary, bounds: Bounds, tls: ssl.SSLContext | None = None) -> None:
        """`tls`: the context, where the system's CAs are the wrong ones."""
        self._primary = primary
        self._bounds = bounds
        self._tls = (tls or transfer_context(verify=primary.tls_name is not None)) if primary.tls else None
        self._open: _Open | None = None

    def close(self) -> None:
        """Close it, if it is open."""
        if self._open is not None:
            self._open.transport.abort()
            self._open = None

    async def ask(self, query: bytes) -> bytes:
        """Send a query, and return the first message of its answer. `TransferInterrupted`, `TransferForged`."""
        reused = self._open is not None
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
        if self._open is None:
            self._open = await self._connected()
        self._open.transport.write(len(query).to_bytes(2, "big") + query)
        seconds = self._bounds.answer_seconds
        return await self._message(seconds, f"it sent no answer within {seconds:g} s")

    async def _message(self, seconds: float, late: str) -> bytes | None:
        """The next message; None if the server closes the connection before it, which is then closed here, too."""
        if self._open is None:
            return None
        received = self._open.received
        if (message := received.take()) is not None:
            return message
        try:
            async with asyncio.timeout(seconds):
                message = await received.message()
            if message is not None:
                return message
            reason = ""
        except TimeoutError:
            reason = late
        except asyncio.IncompleteReadError:
            reason = "it closed the connection in the middle of a message"
        except ConnectionError:
            reason = ""
        except OSError as error:
            reason = f"the connection broke: {one_line(error.strerror or str(error))}"
        self.close()
        if reason:
            raise TransferInterrupted(reason)
        return None

    async def _connected(self) -> _Open:
        address = self._primary.address
        seconds = self._bounds.connect_seconds
        name = None if self._tls is None else self._primary.tls_name or ""
        try:
            async with asyncio.timeout(seconds):
                transport, received = await asyncio.get_running_loop().create_connection(
                    MessageStream, address.host, address.port, ssl=self._tls, server_hostname=name
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
        return _Open(transport, received)
