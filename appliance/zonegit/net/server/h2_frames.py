"""What the frames of an HTTP/2 connection cost, by their headers (RFC 9113 §4.1), before h2 reads them.

One unit is 10 to 20 µs of work. A frame's length bounds what its payload can cost: one byte of a header block may
be a whole field (RFC 7541 §6.1), six bytes of SETTINGS are one setting to remember.
"""

from collections.abc import Iterator
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The connection preface (RFC 9113 §3.4)."""
REQUEST: Final = 10
"""Units for a new request, in addition to the bytes of its header block."""
RESET: Final = 10
TURN: Final = 25
"""Units that are handled in one turn, unless a single frame costs more."""

_HEAD: Final = 9
_HEADERS, _RST_STREAM, _SETTINGS, _PUSH_PROMISE, _CONTINUATION = 1, 3, 4, 5, 9
_HEADER_BYTES: Final = 8
_SETTING: Final = 6
"""Bytes of a header block, and of SETTINGS, that cost one unit."""


def cost_of(kind: int, length: int) -> int:
    """Units for a frame of type `kind` with a payload of `length` bytes."""
    if kind in (_HEADERS, _PUSH_PROMISE):
        return REQUEST + length // _HEADER_BYTES
    if kind == _CONTINUATION:
        return 1 + length // _HEADER_BYTES
    if kind == _SETTINGS:
        return 1 + length // _SETTING
    return RESET if kind == _RST_STREAM else 1


class FrameMeter:
    """Follows the frames in a connection's bytes, however these are split into reads."""

    def __init__(self) -> None:
        self._head = b""
        """The part of a frame header that has arrived."""
        self._left = len(PREFACE)
        """Bytes before the next frame's header."""
        self.request = 0
        """Units of the last header block in the pieces so far, with its CONTINUATIONs."""

    def pieces(self, data: bytes, most: int = TURN) -> Iterator[tuple[bytes, int]]:
        """Split `data`; each piece comes with the cost of the frames that begin in it: up to `most`, or one."""
        start = at = spent = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            begin = at
            part = data[at : at + _HEAD - len(self._head)]
            self._head += part
            at += len(part)
            if len(self._head) < _HEAD:
                break
            self._left = int.from_bytes(self._head[:3], "big")
            kind = self._head[3]
            cost = cost_of(kind, self._left)
            self._head = b""
            if begin > start and spent + cost > most:
                yield data[start:begin], spent
                start, spent = begin, 0
            spent += cost
            if kind == _HEADERS:
                self.request = cost
            elif kind == _CONTINUATION:
                self.request += cost
        if start < len(data):
            yield data[start:], spent
