"""Where a reader of RDATA stands: in the words of its text, or in the bytes of its wire form."""

import re
import struct
from collections.abc import Iterator
from typing import Final

from zonegit.errors import InvalidRecord, ZonegitError
from zonegit.model.names import WireName
from zonegit.model.rdata import name_end

UNFIT: Final = (ValueError, LookupError, OSError, OverflowError, struct.error, ZonegitError)
"""What a field raises for text or bytes that it can't take."""

_WORD: Final = re.compile(rb'(?:[^ \t"\\]|\\.)++', re.DOTALL)
_STRING: Final = re.compile(rb'"((?:[^"\\]|\\.)*+)"|(?:[^ \t"\\]|\\.)++', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\([0-9]{3}|.|\Z)", re.DOTALL)


class Words:
    """The fields of one record's text, left to right; comments and parentheses are gone from it already."""

    def __init__(self, text: bytes, origin: WireName | None) -> None:
        self.origin = origin
        self._text = text
        self._at = 0
        self._skip_blanks()

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._text)

    def word(self) -> str:
        """The next word, with its escapes. ValueError if a quoted string stands there."""
        return self._take(_WORD)[0].decode("utf-8", "surrogateescape")

    def string(self) -> bytes:
        """The next word or quoted string, without quotes and escapes."""
        found = self._take(_STRING)
        return unescape(found[0] if found[1] is None else found[1])

    def matching(self, pattern: "re.Pattern[bytes]") -> "re.Match[bytes]":
        """What a field of a form of its own takes from here."""
        return self._take(pattern)

    def rest(self) -> Iterator[str]:
        """All words that are left."""
        while self.more():
            yield self.word()

    def _take(self, pattern: "re.Pattern[bytes]") -> "re.Match[bytes]":
        if not self.more():
            raise ValueError("it ends too early")
        found = pattern.match(self._text, self._at)
        if found is None:
            shown = self._text[self._at : self._at + 40].decode("utf-8", "surrogateescape")
            raise ValueError(f"{shown!r} can't stand there")
        self._at = found.end()
        self._skip_blanks()
        return found

    def _skip_blanks(self) -> None:
        while self._text[self._at : self._at + 1] in (b" ", b"\t"):
            self._at += 1


def unescape(text: bytes) -> bytes:
    r"""The bytes that a text with `\DDD` and `\X` stands for (RFC 1035 §5.1)."""
    return _ESCAPE.sub(_unescaped, text) if b"\\" in text else text


def _unescaped(found: "re.Match[bytes]") -> bytes:
    text = found[1]
    if len(text) == 3 and int(text) < 256:
        return bytes((int(text),))
    if len(text) != 1 or text.isdigit():
        raise ValueError("an escape is \\DDD, with a decimal byte of three digits, or \\X")
    return text


class Wire:
    """RDATA in wire form, left to right."""

    def __init__(self, rdata: bytes) -> None:
        self._rdata = rdata
        self._at = 0

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._rdata)

    def take(self, size: int) -> bytes:
        """The next bytes; ValueError if there are fewer."""
        found = self._rdata[self._at : self._at + size]
        if len(found) != size:
            raise ValueError("it ends too early")
        self._at += size
        return found

    def number(self, size: int) -> int:
        """The next bytes as an unsigned number."""
        return int.from_bytes(self.take(size), "big")

    def string(self) -> bytes:
        """The next character-string's bytes."""
        return self.take(self.number(1))

    def name(self) -> bytes:
        """The next name, uncompressed."""
        try:
            return self.take(name_end(self._rdata, self._at) - self._at)
        except InvalidRecord as error:
            raise ValueError(str(error)) from None

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(len(self._rdata) - self._at)
