"""TLS between a socket and a protocol that is unaware of it (RFC 8446, RFC 7858).

asyncio's own TLS decrypts all that a read brought in one go, holds 256 KiB for each connection, and has one
certificate for each listener. This holds what OpenSSL does and one read, and a new connection uses the context of
that moment. Records are split by their headers and go to OpenSSL one by one, in turns; nothing is read from the
socket while some wait. So a record costs its client's own time: one with data, one of a handshake (which takes a
thousand times as long as a query), or a key update, of which OpenSSL accepts any number. The protocol bounds the
time of a handshake: its `connection_made` is called at once, and its first bytes come when the client may send
some.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter
from typing import Any, Final

from zonegit.net.turns import Work

EMPTY: Final = 64
"""Records in a row that may have nothing to read: parts of a handshake, key updates, alerts, empty ones."""
_PLAIN: Final = 16 << 10
"""Most bytes of data in a record."""
_HEADER: Final = 5
_CONTENT_TYPES: Final = range(20, 24)
_LONGEST: Final = _PLAIN + 2048
"""Most bytes behind a header (RFC 5246 §6.2.3; fewer in TLS 1.3)."""


def _free() -> bool:
    """Records are free of charge."""
    return True


def _untold(_: Exception | None) -> None:
    """The end of the handshake interests nobody."""


class TlsStream(asyncio.Protocol, asyncio.Transport):
    """The protocol of a socket's transport, and the transport of the protocol within."""

    def __init__(
        self,
        within: asyncio.Protocol,
        context: ssl.SSLContext,
        ask: Callable[[Work], None],
        *,
        charge: Callable[[], bool] = _free,
        agreed: Callable[[Exception | None], None] = _untold,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """`ask` runs work in the turns of this connection's client, which `clock` measures (seconds).

        `charge` is called before each record is decrypted; if it returns False, the connection ends. `agreed` is
        called at the end of the handshake: with None, or with the error that prevented it.
        """
        asyncio.Transport.__init__(self)
        self._ask = ask
        self._charge = charge
        self._tell_agreed = agreed
        self._clock = clock
        self._within = within
        self._came = bytearray()
        """Whole records that wait, then the start of another."""
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._raw: asyncio.Transport | None = None
        self._agreed = False
        self._empty = 0
        self._wanted = True
        """Whether the inner protocol accepts data."""
        self._working = False
        """Whether work was asked for and isn't done."""
        self._over = False
        """Whether further input is ignored."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  what create_server makes
        self._raw = transport
        self._within.connection_made(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._raw = None
        if not self._agreed:
            self._tell_agreed(error or ConnectionResetError("the client is gone"))
        self._within.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if not self._over:
            self._came += data
            self._go_on()

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
        if self.is_closing():
            return
        try:
            self._tls.write(data)
        except ssl.SSLError:
            self.abort()
        else:
            self._flush()

    def close(self) -> None:
        """Send close_notify, and close once all is sent."""
        if self._agreed and not self.is_closing():
            with suppress(ssl.SSLError):  # the client hasn't sent its own yet, or is gone
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
        self._wanted = False
        if self._raw is not None:
            self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._wanted = True
        if self._working:
            return
        if self._whole():
            self._go_on()
        elif self._raw is not None:
            self._raw.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "ssl_object":
            return self._tls
        return default if self._raw is None else self._raw.get_extra_info(name, default)

    def _go_on(self) -> None:
        """Ask for the work, and read nothing until it is done."""
        if not self._working:
            self._working = True
            self._ask(self._work)
            if self._working and self._raw is not None:
                self._raw.pause_reading()

    def _work(self, until: float) -> bool:
        """Decrypt one record after another; whether there is more to do."""
        plain: list[bytes] = []
        try:
            while self._wanted and not self._over and (length := self._whole()):
                part = self._open(length)
                if part:
                    plain.append(part)
                if self._clock() >= until:
                    break
        except ssl.SSLError as error:
            self._break_off(error)
        self._flush()
        if plain:
            self._within.data_received(b"".join(plain))
        if self._over and not self.is_closing():
            self._within.eof_received()
        self._working = self._wanted and not self.is_closing() and self._whole() > 0
        if self._wanted and not self._working and self._raw is not None:
            self._raw.resume_reading()
        return self._working

    def _whole(self) -> int:
        """The size of the next record; 0 if it isn't complete; that of a header if it can't be a record."""
        came = self._came
        if len(came) < _HEADER:
            return 0
        length = came[3] << 8 | came[4]
        if came[0] not in _CONTENT_TYPES or length > _LONGEST:
            return _HEADER
        return _HEADER + length if len(came) >= _HEADER + length else 0

    def _open(self, length: int) -> bytes:
        """The data in the next record, which has `length` bytes. `ssl.SSLError` if the connection must end."""
        if not self._charge():
            raise ssl.SSLError("more records than the client may send")
        self._incoming.write(self._came[:length])
        del self._came[:length]
        try:
            if self._agreed:
                part = self._tls.read(_PLAIN)
                if not part:
                    self._finish()
                self._empty = 0
                return part
            self._tls.do_handshake()
            self._agreed = True
            self._tell_agreed(None)
        except ssl.SSLWantReadError:
            self._empty += 1
            if length == _HEADER or self._empty > EMPTY:
                raise ssl.SSLError("records that bring nothing") from None
        except ssl.SSLZeroReturnError:
            self._finish()
        return b""

    def _finish(self) -> None:
        """The client sends no more."""
        self._over = True
        self._came.clear()

    def _break_off(self, error: ssl.SSLError) -> None:
        """Send the alert that says why, then close."""
        self._finish()
        self._flush()
        if not self._agreed:
            self._tell_agreed(error)
        if self._raw is not None:
            self._raw.close()

    def _flush(self) -> None:
        if self._outgoing.pending and self._raw is not None and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())
