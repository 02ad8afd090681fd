"""Logical lines (RFC 1035 §5.1): parentheses, comments and quoted strings are dealt with here, once."""

import re
from collections.abc import Iterator
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.zonefile.source import MAX_LINE

_PIECE: Final = re.compile(r'[^"\\;()\n]++|\\[^\n]|"(?:[^"\\\n]|\\[^\n])*+"|;[^\n]*+|.', re.DOTALL)

MAX_RECORD: Final = MAX_LINE
"""Characters of a record with its comments, on however many lines."""


def unfold(line: str, lines: Iterator[str]) -> tuple[str, int]:
    """One logical line without comments and parentheses, and how many more lines it took from `lines`.

    What remains means the same to a reader that knows only blanks, quotes and escapes; a leading blank still
    says that the owner is omitted.
    """
    pieces: list[str] = []
    depth = 0
    extra = 0
    size = len(line)
    opening = line.startswith("(")
    while True:
        depth = _take(line, pieces, depth)
        if not depth:
            break
        following = next(lines, None)
        if following is None:
            raise InvalidRecord("a '(' is never closed")
        line = following
        extra += 1
        size += len(line)
        if size > MAX_RECORD:
            raise InvalidRecord(
                f"a record of more than {MAX_RECORD:,} characters in parentheses; is a ')' missing?"
            )
    text = "".join(pieces)
    return without_blanks(text.lstrip(" \t") if opening else text), extra


def without_blanks(text: str) -> str:
    """Text without blanks at its end, but for one that is escaped."""
    end = text.rstrip(" \t")
    escaped = (len(end) - len(end.rstrip("\\"))) % 2
    return text[: len(end) + escaped]


def has_comment(line: str) -> bool:
    """Whether a `;` outside of quotes begins a comment in a line."""
    return any(piece[0] == ";" for piece in _PIECE.findall(line))


def _take(line: str, pieces: list[str], depth: int) -> int:
    """Append what a line holds; give back how many parentheses are open behind it."""
    for piece in _PIECE.findall(line):
        first = piece[0]
        if first == ";":
            continue
        if first in "()\n":
            depth += {"(": 1, ")": -1, "\n": 0}[first]
            if depth < 0:
                raise InvalidRecord("a ')' without a '('")
            piece = " "
        elif piece == '"':
            raise InvalidRecord("a quoted string isn't closed on the same line")
        elif piece == "\\":
            raise InvalidRecord("a line ends with a '\\'")
        pieces.append(piece)
    return depth
