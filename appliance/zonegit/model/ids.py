"""Object ids and kinds: BLAKE3-256 over all of an object's bytes, its three-byte header included.

The header is `kind u8 | format version u8 | flags u8`, so the kind is bound to the id. See docs/format.md.
"""

from enum import IntEnum
from typing import Final, NewType

from blake3 import blake3

from zonegit.errors import InvalidObject, RevisionError

ObjectId = NewType("ObjectId", bytes)
"""32 bytes."""

ID_SIZE: Final = 32
SHORT_HEX: Final = 12
FORMAT_VERSION: Final = 1
HEADER_SIZE: Final = 3


class Kind(IntEnum):
    """What an object is; the first byte of its bytes."""

    COMMIT = 1
    ZONE = 2
    NODE = 3
    RRSET = 4
    TAG = 5


_KINDS: Final = {kind.value: kind for kind in Kind}

MAX_SIZE: Final[dict[Kind, int]] = {
    Kind.COMMIT: 16 << 10,
    Kind.ZONE: 1 << 10,
    Kind.NODE: 128 << 10,
    Kind.RRSET: 4 << 20,
    Kind.TAG: 16 << 10,
}
"""The largest object of each kind, in bytes, header included."""


def object_id(data: bytes) -> ObjectId:
    """The id of an object with these bytes."""
    return ObjectId(blake3(data).digest())


def header(kind: Kind, flags: int = 0) -> bytes:
    """The three bytes that every object begins with."""
    return bytes((kind, FORMAT_VERSION, flags))


def kind_of(data: bytes) -> Kind:
    """The kind that an object's header declares; `InvalidObject` when it isn't one of ours."""
    if len(data) < HEADER_SIZE:
        raise InvalidObject(f"object of {len(data)} bytes is shorter than its header")
    if data[1] != FORMAT_VERSION:
        raise InvalidObject(f"object has format version {data[1]}; this zonegit reads version {FORMAT_VERSION}")
    kind = _KINDS.get(data[0])
    if kind is None:
        raise InvalidObject(f"object kind {data[0]} is unknown")
    return kind


def short(oid: ObjectId) -> str:
    """The first 12 hex digits, as shown to people."""
    return oid.hex()[:SHORT_HEX]


def parse_id(text: str) -> ObjectId:
    """Read 64 lowercase hex digits."""
    if len(text) != 2 * ID_SIZE or text.strip("0123456789abcdef"):
        raise RevisionError(f"{text[:80]!r} is not an object id: expected 64 lowercase hex digits")
    return ObjectId(bytes.fromhex(text))
