"""TLS between a socket and a protocol that knows nothing of it (RFC 7858).

asyncio's own holds 256 KiB for each connection, and one certificate for each listener; this holds what OpenSSL
does, and each connection begins with the context of that moment. What a handshake may take is the protocol's to
bound: it is told of the connection at once, and gets its first bytes when the client may send some. A handshake
takes a thousand times as long as an answer, so its steps wait for a turn, and nothing is read meanwhile.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from zonegit.net.turns import Work

_RECORD: Final = 16 << 10


class TlsStream(asyncio.Protocol, asyncio.Transport):
    """The protocol of a socket's transport, and the transport of the protocol within."""

    def __init__(self, within: asyncio.Protocol, context: ssl.SSLContext, ask: Callable[[Work], None]) -> None:
        """`ask` has work done in the turns of this connection's client."""
        asyncio.Transport.__init__(self)
        self._ask = ask
        self._within = within
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._raw: asyncio.Transport | None = None
        self._agreed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_server makes
        self._raw = transport
        self._within.connection_made(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._raw = None
        self._within.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if self._agreed:
            self._pass_on()
        elif self._raw is not None:
            self._raw.pause_reading()
            self._ask(self._shake)

    def _shake(self, _until: float) -> bool:
        """Go on with the handshake; there is nothing more to do then."""
        if self._raw is not None:
            self._raw.resume_reading()
            self._pass_on()
        return False

    def _pass_on(self) -> None:
        plain: list[bytes] = []
        ended = self._take(plain)
        self._flush()
        if plain:
            self._within.data_received(b"".join(plain))
        if ended:
            self.eof_received()

    def eof_received(self) -> bool:
        if self._agreed:
            self._within.eof_received()
        else:
            self.abort()
        return True

    def pause_writing(self) -> None:
        self._within.pause_writing()

    def resume_writing(self) -> None:
        self._within.resume_writing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._tls.write(data)
        except ssl.SSLError:
            self.abort()
        else:
            self._flush()

    def close(self) -> None:
        """Say that nothing more comes, and close once all has left."""
        if self._agreed:
            with suppress(ssl.SSLError):  # the client hasn't said so yet, or broke off
                self._tls.unwrap()
            self._flush()
        if self._raw is not None:
            self._raw.close()

    def abort(self) -> None:
        if self._raw is not None:
            self._raw.abort()

    def is_closing(self) -> bool:
        return self._raw is None or self._raw.is_closing()

    def pause_reading(self) -> None:
        if self._raw is not None:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        if self._raw is not None:
            self._raw.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def _take(self, plain: list[bytes]) -> bool:
        """Go on with the handshake, then read all that is there; whether the client sends no more."""
        try:
            if not self._agreed:
                self._tls.do_handshake()
                self._agreed = True
            while True:
                part = self._tls.read(_RECORD)
                if not part:
                    return True
                plain.append(part)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLError:
            self._break_off()
            return False

    def _break_off(self) -> None:
        """Send the alert that tells why, and nothing else."""
        self._flush()
        self._agreed = False
        if self._raw is not None:
            self._raw.close()

    def _flush(self) -> None:
        if self._outgoing.pending and self._raw is not None and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())
