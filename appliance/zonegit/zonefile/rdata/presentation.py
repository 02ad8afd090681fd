"""RDATA of any type as text and as wire, by the fields of its layout; what has no layout has RFC 3597's form."""

import re
from typing import TYPE_CHECKING, Final

from zonegit.errors import InvalidRecord
from zonegit.model.foreign import cut
from zonegit.model.names import WireName
from zonegit.model.rdata import AAAA, MAX_RDATA, A, canonical, is_checked
from zonegit.zonefile.rdata.cursor import UNFIT, Wire, Words
from zonegit.zonefile.rdata_writing import MAX_WORD, chunked
from zonegit.zonefile.types import type_text

if TYPE_CHECKING:
    from zonegit.zonefile.rdata.layouts import Layout

_GENERIC: Final = re.compile(r"\\#[ \t]+([0-9]{1,5})((?:[ \t]+[0-9A-Fa-f]+)*)[ \t]*", re.ASCII)
_LONG: Final = re.compile(rf'[^ "]{{{MAX_WORD + 1}}}|"[^"]{{{MAX_WORD + 1}}}').search
"""A word or string that may be too long for other readers, and can't be written as several."""
_EMPTY: Final = frozenset({42})
"""Types whose presentation form may be empty: APL (RFC 3123 §5)."""
_SHOWN: Final = 60


def parse(rtype: int, text: str, origin: WireName | None) -> bytes:
    """Uncompressed canonical RDATA from its presentation form on one line; relative names get `origin`.

    RFC 3597's form is taken for every type, and has to fit the type's layout if that is known. Raises
    `InvalidRecord`.
    """
    text = text.lstrip(" \t")
    if not text and rtype not in _EMPTY:
        raise InvalidRecord(f"{type_text(rtype)} record without data")
    layout = _layout(rtype)
    try:
        if text.startswith("\\#"):
            wire = _generic(text)
        elif layout is None:
            raise ValueError("this type has no other form than RFC 3597's, as in \\# 2 0102")
        else:
            wire = _read(layout, text, origin)
        if layout is not None and len(wire) <= MAX_RDATA:
            _write(layout, wire, origin)  # a reader looks at its own words, a writer at what they came to
    except UNFIT as error:
        raise InvalidRecord(_reason(rtype, text, error)) from None
    return canonical(rtype, wire)


def check(rtype: int, rdata: bytes) -> None:
    """`InvalidRecord` if uncompressed RDATA doesn't fit its type, as far as the model doesn't see that itself."""
    if is_checked(rtype):
        return
    layout = _layout(rtype)
    try:
        if layout is not None:
            _write(layout, rdata, None)
    except UNFIT as error:
        raise InvalidRecord(_reason(rtype, generic_text(rdata), error)) from None


def text(rtype: int, rdata: bytes, origin: WireName | None) -> str:
    """The type's presentation form if `parse` reads it back as the same bytes, else RFC 3597's."""
    layout = _layout(rtype)
    if layout is None:
        return generic_text(rdata)
    try:
        written = _write(layout, rdata, origin)
        if written and not _LONG(written) and _read(layout, written, origin) == rdata:
            return written
    except UNFIT:
        pass  # not what the type should look like; written so that nothing is lost
    return generic_text(rdata)


def generic_text(rdata: bytes) -> str:
    """RFC 3597's form of RDATA (its §5)."""
    return f"\\# {len(rdata)} {chunked(rdata.hex())}".rstrip()


def _layout(rtype: int) -> "Layout | None":
    from zonegit.zonefile.rdata.layouts import LAYOUTS  # 10 ms of patterns that zones of common types never need

    return LAYOUTS.get(rtype)


def _generic(text: str) -> bytes:
    found = _GENERIC.fullmatch(text)
    if found is None:
        raise ValueError("\\# must be followed by a length and that many bytes in hex")
    wire = bytes.fromhex(found[2])
    if len(wire) != int(found[1]):
        raise ValueError(f"\\# {found[1]} is followed by {len(wire)} bytes")
    return wire


def _read(layout: "Layout", text: str, origin: WireName | None) -> bytes:
    words = Words(text.encode("utf-8", "surrogateescape"), origin)
    wire = b"".join([field.read(words) for field in layout.fields])
    if words.more():
        raise ValueError(f"{words.word()[:40]!r} is more than belongs there")
    return wire


def _write(layout: "Layout", rdata: bytes, origin: WireName | None) -> str:
    wire = Wire(rdata)
    written = [field.write(wire, origin) for field in layout.fields]
    if wire.more():
        raise ValueError("bytes behind its fields")
    layout.check(rdata)
    return " ".join(filter(None, written))


def _reason(rtype: int, text: str, error: Exception) -> str:
    if rtype == A and not text.startswith("\\#"):
        return f"A record: {cut(text, _SHOWN)!r} is no IPv4 address"
    if rtype == AAAA and not text.startswith("\\#"):
        return f"AAAA record: {cut(text, _SHOWN)!r} is no IPv6 address"
    why = " ".join(str(error).split()).rstrip(".") or type(error).__name__
    return f"{type_text(rtype)} record {cut(text, _SHOWN)!r} can't be read: {why}"
