"""Domain names as bytes: wire form, presentation form, and the owner key whose byte order is canonical.

A *wire name* is uncompressed and ends with the root label. An *owner* is relative to a zone's apex: lowercased
wire labels without the root label (the apex is `b""`). An *owner key* is the same name turned round so that
plain byte comparison gives RFC 4034 §6.1 order: labels from the apex outward, `00` written `01 01` and `01`
written `01 02`, each label ended by `00`. Nothing here knows about compression or the network.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NewType

from zonegit.errors import InvalidName, OutOfZone

WireName = NewType("WireName", bytes)
Owner = NewType("Owner", bytes)
OwnerKey = NewType("OwnerKey", bytes)

ROOT: Final = WireName(b"\x00")
APEX: Final = Owner(b"")
APEX_KEY: Final = OwnerKey(b"")
MAX_NAME: Final = 255
MAX_LABEL: Final = 63

_SIZES: Final = [bytes((size,)) for size in range(256)]
_LOWER: Final = bytes(range(65)) + bytes(range(97, 123)) + bytes(range(91, 256))
_SPECIAL: Final = frozenset(b'"().;@$\\')
_PLAIN: Final = re.compile(r"(?:[A-Za-z0-9_*/-]{1,63}\.)+", re.ASCII)


def lower(wire: bytes) -> bytes:
    """ASCII-lowercase every byte of a name. Length bytes are below 64, so they never change."""
    return wire.translate(_LOWER)


def labels(wire: bytes) -> list[bytes]:
    """Split a wire name or an owner into its labels, leftmost first; the root label is left out."""
    found = []
    at = 0
    end = len(wire)
    while at < end and (size := wire[at]):
        found.append(wire[at + 1 : at + 1 + size])
        at += 1 + size
    return found


def join(parts: list[bytes]) -> Owner:
    """Wire labels from their contents, leftmost first, without the root label."""
    return Owner(b"".join([_SIZES[len(part)] + part for part in parts]))


def from_text(text: str, origin: WireName = ROOT) -> WireName:
    """Read a name in presentation form (RFC 1035 §5.1: `@`, `\\.`, `\\123`); relative names get `origin`."""
    if text == "@":
        return origin
    if text == ".":
        return ROOT
    if _PLAIN.fullmatch(text):
        wire = b"".join(bytes((len(part),)) + part.encode() for part in text[:-1].split(".")) + b"\0"
    else:
        wire = _from_escaped(text, origin)
    if len(wire) > MAX_NAME:
        raise InvalidName(f"{text[:80]!r} has {len(wire)} bytes on the wire; a name has at most {MAX_NAME}")
    return WireName(wire)


def is_absolute(text: str) -> bool:
    """Whether a name in presentation form ends with the dot of the root: no escape is before it."""
    ahead = text.removesuffix(".")
    return ahead != text and (len(ahead) - len(ahead.rstrip("\\"))) % 2 == 0


def _from_escaped(text: str, origin: WireName) -> bytes:
    parts: list[bytes] = []
    label = bytearray()
    at = 0
    absolute = False
    while at < len(text):
        char = text[at]
        if char == ".":
            parts.append(_label(bytes(label), text))
            label.clear()
            absolute = at + 1 == len(text)
        elif char == "\\":
            value, at = _unescape(text, at)
            label.append(value)
        elif 0x20 < ord(char) < 0x7F:
            label.append(ord(char))
        else:
            raise InvalidName(
                f"{text[:80]!r} holds the character {char!r}; "
                "write other bytes as \\DDD, an international label in its xn-- form"
            )
        at += 1
    if not absolute:
        parts.append(_label(bytes(label), text))
    return join(parts) + (ROOT if absolute else origin)


def _label(label: bytes, text: str) -> bytes:
    if not label:
        raise InvalidName(f"{text[:80]!r} holds an empty label")
    if len(label) > MAX_LABEL:
        raise InvalidName(f"{text[:80]!r} holds a label of {len(label)} bytes; a label has at most {MAX_LABEL}")
    return label


def _unescape(text: str, at: int) -> tuple[int, int]:
    """The byte that the escape at `at` stands for, and where its last character is."""
    digits = text[at + 1 : at + 4]
    if re.fullmatch(r"[0-9]{3}", digits, re.ASCII) and int(digits) < 256:
        return int(digits), at + 3
    if digits and not digits[0].isdigit() and 0x20 <= ord(digits[0]) < 0x7F:
        return ord(digits[0]), at + 1
    raise InvalidName(f"{text[:80]!r} holds a bad escape: use \\DDD with a decimal byte, or \\X")


def to_text(wire: bytes) -> str:
    """A wire name in presentation form, with its final dot; an owner comes out the same way."""
    return "".join(_label_text(label) + "." for label in labels(wire)) or "."


def owner_text(owner: Owner) -> str:
    """An owner relative to its apex, as a zone file writes it: `@` or `www` or `a.b`."""
    return to_text(owner)[:-1] if owner else "@"


def _label_text(label: bytes) -> str:
    if label.isalnum():
        return str(label, "ascii")
    return "".join(
        f"\\{chr(byte)}" if byte in _SPECIAL else chr(byte) if 0x20 < byte < 0x7F else f"\\{byte:03d}"
        for byte in label
    )


def relative(wire: bytes, apex: WireName) -> Owner:
    """The owner of a wire name in the zone at `apex` (which is lowercase); `OutOfZone` if it isn't in it."""
    name = lower(wire)
    if is_at_or_below(name, apex):
        return Owner(name[: len(name) - len(apex)])
    raise OutOfZone(f"{to_text(wire)} is outside of the zone {to_text(apex)}")


def is_at_or_below(name: bytes, top: bytes) -> bool:
    """Whether a wire name is another one or below it. Both are in lowercase."""
    if not name.endswith(top):
        return False
    start = len(name) - len(top)
    at = 0
    while at < start:
        at += 1 + name[at]
    return at == start  # else the same bytes at the end begin inside a label


def is_within(wire: bytes, top: WireName) -> bool:
    """The same for a wire name in any case."""
    return is_at_or_below(lower(wire), top)


def suffixes(wire: bytes) -> Iterator[bytes]:
    """A wire name and the names above it, the longest first, without the root."""
    while len(wire) > 1:
        yield wire
        wire = wire[1 + wire[0] :]


def is_doubled(name: WireName, apex: WireName) -> bool:
    """Whether what stands ahead of the zone's name ends with the zone's name again: a final dot is missing."""
    if apex == ROOT:
        return False
    return is_within(name, apex) and is_within(relative(name, apex) + ROOT, apex)


def absolute(owner: Owner, apex: WireName) -> WireName:
    """The wire name of an owner."""
    return WireName(owner + apex)


def owner_key(owner: Owner) -> OwnerKey:
    """The key of an owner, in canonical order."""
    parts = labels(owner)
    parts.reverse()
    key = b"\0".join(parts)
    if key.count(b"\0") >= len(parts) or 1 in key:
        key = b"\0".join(part.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1") for part in parts)
    return OwnerKey(key + b"\0" if parts else b"")


def key_owner(key: OwnerKey) -> Owner:
    """The owner that `owner_key` made this key of."""
    parts = key.split(b"\0")[:-1]
    parts.reverse()
    if 1 in key:
        parts = [part.replace(b"\1\1", b"\0").replace(b"\1\2", b"\1") for part in parts]
    return join(parts)


def parent_key(key: OwnerKey) -> OwnerKey:
    """The key of an owner that isn't the apex, without its first label."""
    return OwnerKey(key[: key.rfind(b"\0", 0, -1) + 1])


def keys_above(key: OwnerKey) -> Iterator[OwnerKey]:
    """The keys of the names between an owner and the apex, the nearest first."""
    while key and (key := parent_key(key)):
        yield key


@lru_cache(maxsize=1 << 14)
def parse_apex(text: str) -> WireName:
    """Read a zone name as an operator types it: case and the final dot don't matter."""
    if not text:
        raise InvalidName("a zone name can't be empty; the root zone is written '.'")
    return canonical_apex(text)


def canonical_apex(text: str) -> WireName:
    """The same for the name of a zone that was read before, such as in a ref; nothing is remembered of it."""
    return WireName(lower(from_text(text, ROOT)))
