"""Lines that begin with `$`: $ORIGIN, $INCLUDE (RFC 1035 §5.1), $TTL (RFC 2308 §4) and BIND's $GENERATE."""

import re
from typing import Final, NamedTuple

from zonegit.errors import InvalidRecord
from zonegit.model.names import ROOT, WireName, from_text
from zonegit.zonefile.generate import Generate, read_generate
from zonegit.zonefile.name_text import ascii_name
from zonegit.zonefile.types import parse_seconds

_BLANKS: Final = re.compile(r"[ \t]+")
_WORD: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"|((?:[^ \t"\\]|\\.)++)')
_ABSOLUTE: Final = re.compile(r"(?:[^\\]|\\.)*\.", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)")


class Include(NamedTuple):
    """Read another file here; `inclusion` finds it."""

    path: str
    origin: WireName | None
    """Its $ORIGIN; None: the one in force here."""


Directive = WireName | int | Include | Generate
"""A new origin, a new default TTL (of 32 bits), a file to include, or records to generate."""


def read_directive(text: str, origin: WireName | None) -> Directive:
    """Read an unfolded line that begins with `$`; `origin` is the one in force."""
    name, rest = (*_BLANKS.split(text, 1), "")[:2]
    name = name.upper()
    if name == "$GENERATE":
        return read_generate(rest)
    found = list(_WORD.finditer(rest))
    words = [_ESCAPED.sub(r"\1", word[1]) if word[1] is not None else word[2] for word in found]
    quoted = [word[0] for word in found[name == "$INCLUDE" :] if word[1] is not None]
    if quoted and name in ("$ORIGIN", "$TTL", "$INCLUDE"):
        raise InvalidRecord(f"{name}: only the path of an $INCLUDE may be quoted, not {quoted[0][:40]}")
    if name == "$ORIGIN" and len(words) == 1:
        return read_name(words[0], origin)
    if name == "$TTL" and len(words) == 1:
        return parse_seconds(words[0])
    if name == "$INCLUDE" and 1 <= len(words) <= 2:
        return Include(words[0], read_name(words[1], origin) if len(words) == 2 else None)
    if name in ("$ORIGIN", "$TTL", "$INCLUDE"):
        raise InvalidRecord(f"{name} with {len(words)} words after it")
    raise InvalidRecord(f"unknown directive {name[:40]!r}; known are $ORIGIN, $TTL, $INCLUDE and $GENERATE")


def read_name(text: str, origin: WireName | None) -> WireName:
    """A name in presentation form; `InvalidRecord` when it is relative to nothing."""
    if origin is None and not _ABSOLUTE.fullmatch(text):
        raise InvalidRecord(f"{text[:40]!r} is relative, but there is no $ORIGIN: write one, or use --zone")
    return from_text(ascii_name(text), ROOT if origin is None else origin)
