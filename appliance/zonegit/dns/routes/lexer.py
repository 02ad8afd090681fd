"""From text to tokens, each with its column."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from zonegit.errors import ConfigError

LONGEST: Final = 16_384
"""The most characters of an expression."""


class Kind(StrEnum):
    """What a token is; of signs and keywords, also how they are written."""

    FIELD = "a field"
    STRING = "a string"
    NUMBER = "a number"
    OPERATOR = "an operator"
    AND = "and"
    OR = "or"
    NOT = "not"
    OPEN = "("
    CLOSE = ")"
    LIST = "["
    END_OF_LIST = "]"
    COMMA = ","
    END = "the end"


class Token(NamedTuple):
    """One word of an expression."""

    kind: Kind
    text: str
    """Without its quotes."""
    column: int
    """From 1."""

    def __str__(self) -> str:
        return "the end" if self.kind is Kind.END else repr(self.text)


def error_at(column: int, reason: str) -> ConfigError:
    """The error of an expression that can't be read."""
    return ConfigError(f"column {column}: {reason}")


_TOKEN: Final = re.compile(
    r"""(?P<STRING>"[^"]*")|(?P<NUMBER>[0-9]+)|(?P<OPERATOR>==|!=|<=|>=|<|>)|(?P<WORD>[A-Za-z_][A-Za-z0-9_.]*)"""
    r"""|(?P<SIGN>[()\[\],])""",
    re.ASCII,
)
_SPACE: Final = re.compile(r"\s*")
_WORDS: Final = {"and": Kind.AND, "or": Kind.OR, "not": Kind.NOT, "in": Kind.OPERATOR, "under": Kind.OPERATOR}
_SIGNS: Final = {kind.value: kind for kind in (Kind.OPEN, Kind.CLOSE, Kind.LIST, Kind.END_OF_LIST, Kind.COMMA)}
_NEAR: Final = {"=": "==", "&": "and", "|": "or", "!": "not", "'": 'double quotes, "like this"', '"': 'a second "'}
"""What is meant by characters that other languages have."""


def tokens(text: str) -> Iterator[Token]:
    """The tokens, the last being the end. `ConfigError`."""
    if len(text) > LONGEST:
        raise error_at(LONGEST + 1, f"the expression is too long: write at most {LONGEST:,} characters")
    at = _skip(text, 0)
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            near = _NEAR.get(text[at])
            raise error_at(at + 1, f"{text[at]!r} is not expected here" + (f": write {near}" if near else ""))
        yield _token(found, at + 1)
        at = _skip(text, found.end())
    yield Token(Kind.END, "", len(text) + 1)


def _token(found: re.Match[str], column: int) -> Token:
    text = found[0]
    match found.lastgroup:
        case "STRING":
            return Token(Kind.STRING, text[1:-1], column)
        case "WORD":
            return Token(_WORDS.get(text, Kind.FIELD), text, column)
        case "SIGN":
            return Token(_SIGNS[text], text, column)
        case name:
            return Token(Kind.NUMBER if name == "NUMBER" else Kind.OPERATOR, text, column)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return at if found is None else found.end()
