"""RDATA and RRsets as text (RFC 1035 §5.1, RFC 3597 §5), and RDATA as typed on a command line.

`rdata_reading` and `rdata_writing` handle the common types, `rdata` all of them. RDATA that wouldn't read back as
the same bytes is written in RFC 3597's form. A command that shows only common types loads only `rdata_writing`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from zonegit.errors import InvalidRecord
from zonegit.model import rdata as types
from zonegit.model.names import WireName, absolute
from zonegit.model.rdata import canonical
from zonegit.model.rrset import RRset
from zonegit.zonefile import rdata_writing
from zonegit.zonefile.name_text import FOREIGN_NAME, has_foreign_name, name_text
from zonegit.zonefile.types import type_text

STRING_TYPES: Final = frozenset({types.TXT, 99})
"""Types for which each word on a command line is one character-string, whatever is in it."""
_NEEDS_QUOTES: Final = re.compile(r'[ \t;()"]')
_ESCAPED_OR_QUOTE: Final = re.compile(r'\\.|"', re.DOTALL)
_WITH_PARAMETERS: Final = frozenset({64, 65})  # SVCB, HTTPS
_PARAMETER: Final = re.compile(r"([A-Za-z0-9-]+=)(.*)", re.DOTALL)
_PLAIN_WORDS: Final = re.compile(r"[!#-'*-:<-\[\]-~]+(?: [!#-'*-:<-\[\]-~]+)*").fullmatch


def rdata_text(rtype: int, rdata: bytes, origin: WireName | None = None) -> str:
    """RDATA in presentation form; names below `origin` are relative to it; without `origin` all are absolute."""
    write = rdata_writing.COMMON.get(rtype)
    if write is not None:
        try:
            return write(rdata, origin)
        except rdata_writing.UNFIT:
            pass  # not what the type should look like; written so that nothing is lost
    from zonegit.zonefile.rdata import presentation

    return presentation.text(rtype, rdata, origin)


def parse_rdata(rtype: int, words: Sequence[str], origin: WireName) -> bytes:
    """Canonical RDATA from the words of a command line; relative names get `origin`. Raises `InvalidRecord`.

    One word is RDATA as in a zone file; several are its fields, whose quotes the shell removed. Each word of a TXT
    record is one character-string, taken literally (and split after each 255 bytes), unless it is written in double
    quotes as in a zone file.
    """
    from zonegit.zonefile.rdata_reading import COMMON, UNSURE, Names

    if not words:
        raise InvalidRecord(f"{type_text(rtype)} record without data")
    if any("\n" in word or "\r" in word for word in words):
        raise InvalidRecord("a line break in a record; write it as \\010")
    if rtype in STRING_TYPES and words[0] != "\\#":
        return canonical(rtype, b"".join(_strings(rtype, word, origin) for word in words))
    as_typed = len(words) == 1 or words[0] == "\\#"
    text = " ".join(words if as_typed else [_quoted(word, rtype) for word in words])
    parse = COMMON.get(rtype)
    if parse is not None and _PLAIN_WORDS(text):
        try:
            return parse(text, Names(origin))
        except UNSURE:
            pass  # the slow path says what is wrong, if anything is
    return _parse_uncommon(rtype, text, origin)


def _parse_uncommon(rtype: int, text: str, origin: WireName) -> bytes:
    from zonegit.zonefile.rdata import presentation
    from zonegit.zonefile.unfold import has_comment, unfold

    if has_comment(text):
        raise InvalidRecord(f"{type_text(rtype)} record {text[:60]!r}: a ';' begins a comment; put quotes round it")
    rdata = presentation.parse(rtype, unfold(text, iter(()))[0], origin)
    if not text.isascii() and has_foreign_name(rtype, rdata):
        raise InvalidRecord(f"{type_text(rtype)} record: {FOREIGN_NAME}, other bytes as \\DDD")
    return rdata


def _strings(rtype: int, word: str, origin: WireName) -> bytes:
    if len(word) > 1 and word[0] == word[-1] == '"':
        return _parse_uncommon(rtype, word, origin)
    data = word.encode("utf-8", "surrogateescape")
    pieces = [data[at : at + 255] for at in range(0, len(data), 255)] or [b""]
    return b"".join(bytes((len(piece),)) + piece for piece in pieces)


def _quoted(word: str, rtype: int) -> str:
    """Restore the quotes that the shell removed; those of a SvcParam are around its value only (RFC 9460 §2.1)."""
    if word and (word[0] == '"' or not _NEEDS_QUOTES.search(word)):
        return word
    parameter = _PARAMETER.fullmatch(word) if rtype in _WITH_PARAMETERS else None
    if parameter:
        return parameter[1] + _quoted(parameter[2], types.TXT)
    return '"' + _ESCAPED_OR_QUOTE.sub(lambda found: '\\"' if found[0] == '"' else found[0], word) + '"'


def rrset_lines(rrset: RRset, apex: WireName) -> Iterator[str]:
    """One line for each record, as dig writes them: absolute owner, TTL, class, type, RDATA."""
    owner = name_text(absolute(rrset.owner, apex), None)
    rtype = type_text(rrset.rtype)
    for rdata in rrset.rdatas:
        yield f"{owner}\t{rrset.ttl_of(rdata)}\tIN\t{rtype}\t{rdata_text(rrset.rtype, rdata)}"
