"""The receiving half of a connection over TCP or TLS as whole messages (RFC 1035 §4.2.2).

All bytes are received into one buffer. asyncio's streams take a block of 256 KiB for each read, and the system made
its pages anew each time: for a large zone that took half as long as reading its records.
"""

import asyncio
from typing import Final

_BUFFER: Final = 1 << 17
"""Bytes that are read ahead at most: more than the largest message and its length. Reading pauses once they are
there, until half of them are left. So a larger buffer makes longer pauses, in which the server may give up: Knot
DNS waits for half a second (`tcp-io-timeout`)."""
_LENGTH: Final = 2


class MessageStream(asyncio.BufferedProtocol):
    """What an asyncio transport receives, message by message. For one reader."""

    def __init__(self) -> None:
        self._buffer = memoryview(bytearray(_BUFFER))
        self._start = self._end = 0
        """Where the bytes that weren't taken yet are in the buffer."""
        self._transport: asyncio.ReadTransport | None = None
        self._paused = False
        self._closed = False
        self._error: Exception | None = None
        self._woken = asyncio.Event()
        """Set by whatever `message` may wait for."""

    async def message(self) -> bytes | None:
        """The next message; None if the connection is closed before it.

        `IncompleteReadError` if it is closed inside of the message, `OSError` if it breaks.
        """
        while (found := self.take()) is None:
            if self._error is not None:
                raise self._error
            if self._closed:
                if self._start < self._end:
                    raise asyncio.IncompleteReadError(bytes(self._buffer[self._start : self._end]), None)
                return None
            self._woken.clear()
            await self._woken.wait()
        return found

    def take(self) -> bytes | None:
        """The next message if it is here already."""
        start, end = self._start + _LENGTH, self._end
        if start > end:
            return None
        after = start + (self._buffer[start - 2] << 8 | self._buffer[start - 1])
        if after > end:
            return None
        found = bytes(self._buffer[start:after])
        self._start = after
        if self._paused and end - after <= _BUFFER // 2:
            self._resume()
        return found

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.ReadTransport):
            self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        if self._end == _BUFFER:
            self._make_room()
        self._woken.set()

    def eof_received(self) -> None:
        self._closed = True
        self._woken.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._error, self._closed = exc, True
        self._woken.set()

    def _make_room(self) -> None:
        """Move the bytes to the front of the buffer; pause if they fill it, as there is a whole message then."""
        left = self._end - self._start
        if self._start:
            self._buffer[:left] = self._buffer[self._start : self._end]
            self._start, self._end = 0, left
        elif self._transport is not None:
            self._transport.pause_reading()
            self._paused = True

    def _resume(self) -> None:
        self._paused = False
        self._make_room()
        if self._transport is not None:
            self._transport.resume_reading()
