"""The fields that most types are made of: numbers, names, character-strings, hex, base64, addresses."""

import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import Final, NamedTuple

from zonegit.model.names import ROOT, WireName, from_text
from zonegit.zonefile.name_text import ascii_name, name_text
from zonegit.zonefile.rdata.cursor import Wire, Words
from zonegit.zonefile.rdata_writing import base64_text, chunked, quoted
from zonegit.zonefile.types import parse_ttl

_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_ABSOLUTE: Final = re.compile(r"(?:[^\\]|\\.)*\.", re.DOTALL)


class Field(NamedTuple):
    """One field, or fields that depend on each other."""

    read: Callable[[Words], bytes]
    """From text to wire; takes as many words as are its own. Raises one of `cursor.UNFIT`."""
    write: Callable[[Wire, WireName | None], str]
    """From wire to text, names relative to the origin. Raises one of `cursor.UNFIT`."""


def number(text: str, size: int) -> int:
    """An unsigned decimal number of at most `size` bytes; ValueError otherwise."""
    if not _DIGITS.fullmatch(text) or int(text) >> (8 * size):
        raise ValueError(f"{text[:40]!r} is no number from 0 to {(1 << (8 * size)) - 1}")
    return int(text)


def uint(size: int, mnemonics: Mapping[str, int] | None = None) -> Field:
    """A number of `size` bytes, which may be written as one of the mnemonics."""

    def read(words: Words) -> bytes:
        text = words.word()
        known = mnemonics.get(text.upper()) if mnemonics else None
        return (number(text, size) if known is None else known).to_bytes(size, "big")

    return Field(read, lambda wire, origin: str(wire.number(size)))


def _read_name(words: Words) -> bytes:
    return name(words.word(), words.origin)


def name(text: str, origin: WireName | None) -> bytes:
    """A name in wire form, in the case that it is written in."""
    if origin is None and not _ABSOLUTE.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is relative, but there is no $ORIGIN")
    return from_text(ascii_name(text), ROOT if origin is None else origin)


def character_string(data: bytes) -> bytes:
    """A character-string in wire form."""
    if len(data) > 255:
        raise ValueError(f"a string of {len(data)} bytes; one has at most 255")
    return bytes((len(data),)) + data


def _read_strings(words: Words) -> bytes:
    strings = [character_string(words.string())]
    while words.more():
        strings.append(character_string(words.string()))
    return b"".join(strings)


def _write_strings(wire: Wire, origin: WireName | None) -> str:
    strings = [quoted(wire.string())]
    while wire.more():
        strings.append(quoted(wire.string()))
    return " ".join(strings)


def hexadecimal(text: str) -> bytes:
    """Hex digits, which bytes.fromhex would also take with blanks."""
    if not text.isalnum():
        raise ValueError(f"{text[:40]!r} is not in hex")
    return bytes.fromhex(text)


def hex_rest(least: int = 1) -> Field:
    """Hex digits to the end, with blanks anywhere: at least this many bytes."""

    def read(words: Words) -> bytes:
        text = "".join(words.rest())
        return hexadecimal(text) if text else b""

    return Field(read, lambda wire, origin: chunked(_least(wire.rest(), least).hex()))


def base64_rest(least: int = 1) -> Field:
    """Base64 to the end, with blanks anywhere: at least this many bytes."""

    def read(words: Words) -> bytes:
        return base64("".join(words.rest()))

    return Field(read, lambda wire, origin: base64_text(_least(wire.rest(), least)))


def base64(text: str) -> bytes:
    """Base64 with all its padding (RFC 4648 §4)."""
    if len(text) % 4:
        raise ValueError(f"{text[-40:]!r} is not base64: its padding is wrong")
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is not base64: {error}") from None


def _least(data: bytes, least: int) -> bytes:
    if len(data) < least:
        raise ValueError(f"{len(data)} bytes of data; at least {least} belong there")
    return data


def _read_ipv4(words: Words) -> bytes:
    return address(words.word(), AF_INET)


def _read_ipv6(words: Words) -> bytes:
    return address(words.word(), AF_INET6)


def address(text: str, family: int) -> bytes:
    """An address in wire form."""
    try:
        return inet_pton(family, text)
    except OSError:
        raise ValueError(f"{text[:60]!r} is no {'IPv4' if family == AF_INET else 'IPv6'} address") from None


def _read_timer(words: Words) -> bytes:
    text = words.word()
    return (number(text, 4) if text.isdigit() else parse_ttl(text)).to_bytes(4, "big")


def _read_tag(words: Words) -> bytes:
    return character_string(words.word().encode("utf-8", "surrogateescape"))


def _write_tag(wire: Wire, origin: WireName | None) -> str:
    return wire.string().decode("ascii")


def _read_data(words: Words) -> bytes:
    parts = [words.word(), *words.rest()]
    return b"" if parts == ["-"] else base64("".join(parts))


def optional(field: Field) -> Field:
    """A field that may be missing at the end of the RDATA."""
    return Field(
        lambda words: field.read(words) if words.more() else b"",
        lambda wire, origin: field.write(wire, origin) if wire.more() else "",
    )


U8: Final = uint(1)
U16: Final = uint(2)
U32: Final = uint(4)
TIMER: Final = Field(_read_timer, lambda wire, origin: str(wire.number(4)))
"""Seconds, also with units."""
NAME: Final = Field(_read_name, lambda wire, origin: name_text(wire.name(), origin))
STRING: Final = Field(lambda words: character_string(words.string()), lambda wire, origin: quoted(wire.string()))
STRINGS: Final = Field(_read_strings, _write_strings)
"""One or more to the end."""
TEXT: Final = Field(lambda words: words.string(), lambda wire, origin: quoted(wire.rest()))
"""Bytes to the end, written as one string of any length."""
IPV4: Final = Field(_read_ipv4, lambda wire, origin: inet_ntop(AF_INET, wire.take(4)))
IPV6: Final = Field(_read_ipv6, lambda wire, origin: inet_ntop(AF_INET6, wire.take(16)))
TAG: Final = Field(_read_tag, _write_tag)
"""A character-string without quotes and escapes."""
DATA: Final = Field(_read_data, lambda wire, origin: base64_text(wire.rest()) or "-")
"""Base64 to the end, or `-` for nothing."""
