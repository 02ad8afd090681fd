"""The parts of one unfolded record line: owner, then TTL and class in either order, then type, then RDATA."""

import re
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.zonefile.types import parse_seconds, parse_type

_OWNER: Final = re.compile(r'(?:((?:[^ \t"\\]|\\.)++)|"((?:[^"\\]|\\.)++)"(?=[ \t]))[ \t]*+')
_WORD: Final = re.compile(r'([^ \t"]++)[ \t]*+')
_CLASS: Final = re.compile(r"IN|CH|HS|CS|NONE|ANY|CLASS[0-9]+", re.ASCII | re.IGNORECASE)
_IN: Final = frozenset({"IN", "CLASS1"})


def split_owner(text: str) -> tuple[str, str]:
    """The owner as it is written, without quotes (empty when it is omitted), and what follows it."""
    if text[0] in " \t":
        return "", text.lstrip(" \t")
    found = _OWNER.match(text)
    if found is None:
        raise InvalidRecord(f"{text[:40]!r} doesn't begin with an owner name")
    owner = found[1] or found[2].replace(" ", "\\032").replace("\t", "\\009")
    return owner, text[found.end() :]


def split_head(text: str) -> tuple[int | None, int, str]:
    """TTL (None when it is omitted; of 32 bits), type, and the text of the RDATA."""
    ttl: int | None = None
    classed = False
    at = 0
    while found := _WORD.match(text, at):
        word = found[1]
        at = found.end()
        if ttl is None and word[0] in "0123456789":
            ttl = parse_seconds(word)
        elif not classed and _CLASS.fullmatch(word):
            if word.upper() not in _IN:
                raise InvalidRecord(f"class {word}; a zone here has class IN only")
            classed = True
        else:
            return ttl, parse_type(word), text[at:]
    raise InvalidRecord("a record without a type")
