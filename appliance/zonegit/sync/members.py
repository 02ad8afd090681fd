"""Reads a peer's JSON (RFC 8259) member by member, and its lists element by element, in bounded memory.

A tree of Python objects takes up to 40 times the bytes of its text. So a body is one object, whose members are
decoded when they are asked for, and never more than `WINDOW` characters and a value's `LONGEST` at once. Refused,
beside what isn't JSON in UTF-8: a member that stands twice, at any depth; more than `MOST` members or `ELEMENTS`; a
value, or an element of a list, that is longer than `WINDOW` or nested too deep; numbers that JSON doesn't know.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from json import JSONDecoder
from typing import Final, NoReturn

from zonegit.errors import InvalidData

LONGEST: Final = 16 << 10
"""Characters of a value, or of an element of a list, that are always read."""
WINDOW: Final = 2 * LONGEST
MOST: Final = 64
"""Members of a body."""
ELEMENTS: Final = 1 << 19
"""Elements of all lists of a body: twice as many as a list of refs can hold."""
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_NOT_JSON: Final = "the body is not JSON, or a value in it is too long or nested too deep"


class Elements:
    """A list in a body, to be taken once; what of it isn't taken is passed over."""

    def __init__(self, items: Iterator[object]) -> None:
        self._items = items

    def __iter__(self) -> Iterator[object]:
        return self._items


def members(data: bytes, elements: int = ELEMENTS) -> Iterator[tuple[str, object]]:
    """The members' names and values, in the body's order. A list is `Elements`, to be read before the next.

    `elements`: how many all lists may have together, read or not.
    """
    text = _Text(data, elements)
    if not text.took("{"):
        raise InvalidData("the body is not a JSON object")
    seen: set[str] = set()
    more = not text.took("}")
    while more:
        name = text.value()
        if not isinstance(name, str):
            raise InvalidData(_NOT_JSON)
        if name in seen or len(seen) >= MOST:
            raise InvalidData(f"the body has the member {name[:40]!r} twice, or more than {MOST} members")
        seen.add(name)
        text.take(":")
        if text.took("["):
            listed = Elements(_elements(text))
            yield name, listed
            for _ in listed:
                pass
        else:
            yield name, text.value()
        more = text.took(",")
    if seen:
        text.take("}")
    text.end()


def _elements(text: "_Text") -> Iterator[object]:
    more = not text.took("]")
    empty = not more
    while more:
        yield text.element()
        more = text.took(",")
    if not empty:
        text.take("]")


class _Text:
    """A body's characters, decoded a window at a time."""

    def __init__(self, data: bytes, elements: int) -> None:
        self._data = data
        self._next = 0
        """Where of the bytes the next window begins."""
        self._decoder = getincrementaldecoder("utf-8")()
        self._window = ""
        self._at = 0
        self._most = self._left = elements
        """Elements of all lists that may be read, and that may yet be."""

    def took(self, mark: str) -> bool:
        """Go past this character if it is the next one."""
        found = self._look() == mark
        self._at += found
        return found

    def take(self, mark: str) -> None:
        if not self.took(mark):
            raise InvalidData(_NOT_JSON)

    def value(self) -> object:
        self._look()
        try:
            value, self._at = _DECODER.raw_decode(self._window, self._at)
        except (ValueError, RecursionError):
            raise InvalidData(_NOT_JSON) from None
        return value

    def element(self) -> object:
        """The next value, of a list."""
        self._left -= 1
        if self._left < 0:
            raise InvalidData(f"the lists in the body have more than {self._most} elements")
        return self.value()

    def end(self) -> None:
        if self._look():
            raise InvalidData(_NOT_JSON)

    def _look(self) -> str:
        """The next character that isn't space, with a whole value behind it in the window; empty at the end."""
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
        raise ValueError("a member stands twice")
    return table


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number in JSON")


_DECODER: Final = JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
