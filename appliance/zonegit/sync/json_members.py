"""Reads a peer's JSON (RFC 8259) member by member, and its lists element by element, in bounded memory.

A tree of Python objects takes up to 40 times the bytes of its text. So the members of a body are decoded one by
one, when they are asked for, with at most `WINDOW` characters and one value of `LONGEST` in memory. Refused,
besides anything that isn't JSON in UTF-8: duplicate members at any depth; more than `MOST` members or `ELEMENTS`
elements; a value or list element that is longer than `WINDOW` or nested too deep; numbers that JSON doesn't have
(NaN).
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from json import JSONDecoder
from typing import Final, NoReturn

from zonegit.errors import InvalidData

LONGEST: Final = 16 << 10
"""A value or list element with at most this many characters is always accepted."""
WINDOW: Final = 2 * LONGEST
MOST: Final = 64
"""The most members of a body."""
ELEMENTS: Final = 1 << 19
"""The most elements in all lists of a body: twice as many as a list of refs can have."""
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NOT_JSON: Final = "the body is not JSON, or a value in it is too long or nested too deep"


class Elements:
    """A list in a body, to be iterated once; elements that aren't read are skipped."""

    def __init__(self, items: Iterator[object]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[object]:
        return self._items


def members(data: bytes, elements: int = ELEMENTS) -> Iterator[tuple[str, object]]:
    """The members' names and values, in the body's order. A list is `Elements`, to be read before the next member.

    `elements`: the most elements of all lists together, read or not.
    """
    text = _Text(data, elements)
    if not text.accept("{"):
        raise InvalidData("the body is not a JSON object")
    seen: set[str] = set()
    more = not text.accept("}")
    while more:
        name = text.value()
        if not isinstance(name, str):
            raise InvalidData(_NOT_JSON)
        if name in seen or len(seen) >= MOST:
            raise InvalidData(f"the body has the member {name[:40]!r} twice, or more than {MOST} members")
        seen.add(name)
        text.expect(":")
        if text.accept("["):
            listed = Elements(_elements(text))
            yield name, listed
            for _ in listed:
                pass
        else:
            yield name, text.value()
        more = text.accept(",")
    if seen:
        text.expect("}")
    text.end()


def _elements(text: "_Text") -> Iterator[object]:
    more = not text.accept("]")
    empty = not more
    while more:
        yield text.element()
        more = text.accept(",")
    if not empty:
        text.expect("]")


class _Text:
    """A body's characters, decoded a window at a time."""

    def __init__(self, data: bytes, elements: int) -> None:
        self._data = data
        self._next = 0
        """Where the next window begins, in bytes."""
        self._decoder = getincrementaldecoder("utf-8")()
        self._window = ""
        self._at = 0
        self._most = self._left = elements
        """How many elements of all lists may be read, and how many of these are left."""

    def accept(self, mark: str) -> bool:
        """Skip this character if it is the next one; whether it was."""
        found = self._look() == mark
        self._at += found
        return found

    def expect(self, mark: str) -> None:
        """Skip this character. `InvalidData` if it isn't the next one."""
        if not self.accept(mark):
            raise InvalidData(_NOT_JSON)

    def value(self) -> object:
        self._look()
        try:
            value, self._at = _DECODER.raw_decode(self._window, self._at)
        except (ValueError, RecursionError):
            raise InvalidData(_NOT_JSON) from None
        return value

    def element(self) -> object:
        """The next value, as an element of a list."""
        self._left -= 1
        if self._left < 0:
            raise InvalidData(f"the lists in the body have more than {self._most} elements")
        return self.value()

    def end(self) -> None:
        if self._look():
            raise InvalidData(_NOT_JSON)

    def _look(self) -> str:
        """The next character that isn't space; empty at the end. The window then contains the whole value there."""
        while True:
            found = _SPACE.match(self._window, self._at)
            self._at = found.end() if found else self._at
            if len(self._window) - self._at >= LONGEST or self._next >= len(self._data):
                return self._window[self._at : self._at + 1]
            self._read()

    def _read(self) -> None:
        part = self._data[self._next : self._next + WINDOW]
        self._next += len(part)
        try:
            decoded = self._decoder.decode(part, self._next >= len(self._data))
        except ValueError:
            raise InvalidData("the body is not in UTF-8") from None
        self._window = self._window[self._at :] + decoded
        self._at = 0


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("duplicate member")
    return table


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


_DECODER: Final = JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
