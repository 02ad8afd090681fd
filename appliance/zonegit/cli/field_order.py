"""Hints for `set` and `add` when the fields are in a zone file's order: NAME [TTL] [CLASS] TYPE RDATA."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.zonefile.types import parse_ttl, parse_type

ORDER: Final = "expected NAME TYPE TTL RDATA"
_CLASSES: Final = frozenset({"IN", "CLASS1"})
_LONGEST: Final = 200
"""Longest command, in characters, that a hint repeats."""


def order_hint(verb: str, name: str, words: Sequence[str]) -> str:
    """The expected order, and the corrected command if the fields after NAME are unambiguous."""
    rtype = ttl = ""
    rest = list(words)
    while rest:
        word = rest[0]
        if not rtype and _is_type(word):
            rtype = word
        elif not ttl and _is_ttl(word):
            ttl = word
        elif word.upper() not in _CLASSES:
            break
        del rest[0]
    if not rtype or not rest:
        return ORDER
    call = shlex.join(["zonegit", verb, name, rtype, ttl or "TTL", "--", *rest])
    if not any(word.startswith("-") for word in rest):
        call = call.replace(" -- ", " ", 1)
    return f"{ORDER}: `{call}`" if len(call) <= _LONGEST else ORDER


def _is_type(word: str) -> bool:
    try:
        return parse_type(word) > 0
    except InvalidRecord:
        return False


def _is_ttl(word: str) -> bool:
    try:
        return parse_ttl(word) >= 0
    except InvalidRecord:
        return False
