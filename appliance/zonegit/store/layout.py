"""Keys and values of the small tables: `meta`, `refs`, and the sequence numbers of objects.

meta   format -> u32            epoch -> 16 bytes       seq -> u64          next-view -> u32
       objects/<kind u8> -> u64 (how many there are)
       making/<ref name> -> CRC-32 of key and value | view u32 | commit 32 | where the next part begins
       last-object -> u64 (the highest number that an object had which is deleted)
       trimmed/<ref name> -> CRC-32 of key and value | number u64 and old id 32 of the oldest reflog entry
       moves/<seq mod 1024 u16> -> see `journal`
       setting/<name> -> value  view/<ref name> -> view u32 | commit 32 | serial u32 | CRC-32 of key and these
refs   <ref name> -> id 32
ids    <id> -> sequence u64     objects <sequence u64> -> the object's bytes
"""

from struct import Struct
from typing import Final
from zlib import crc32

from zonegit.errors import CorruptStore, LimitExceeded
from zonegit.model.refs import MAX_REF, RefName
from zonegit.store.tables import Item, ReadTables, Table

STORE_FORMAT: Final = 1
FORMAT: Final = b"format"
EPOCH: Final = b"epoch"
SEQ: Final = b"seq"
NEXT_VIEW: Final = b"next-view"
OBJECTS: Final = b"objects/"
LAST: Final = b"last-object"
TRIMMED: Final = b"trimmed/"
MOVES: Final = b"moves/"
SETTING: Final = b"setting/"
VIEW: Final = b"view/"
MAKING: Final = b"making/"

_CHANGED: Final = "a served view holds bytes that were changed on disk; run `zonegit reindex`"

U32: Final = Struct(">I")
U64: Final = Struct(">Q")
MAX_NAME: Final = MAX_REF
"""Bytes of a ref's or a setting's name."""


def ref_key(name: RefName) -> bytes:
    """`LimitExceeded` for a name that no key can hold (a zone of very many escaped bytes)."""
    return _bounded(name, "ref")


def setting_key(name: str) -> bytes:
    return SETTING + _bounded(name, "setting")


def kind_key(kind: int) -> bytes:
    return OBJECTS + bytes((kind,))


def number(tables: ReadTables, key: bytes) -> int:
    """A u64 or u32 of `meta`; 0 when it isn't there."""
    return int.from_bytes(tables.get(Table.META, key) or b"", "big")


def last_object(tables: ReadTables) -> int:
    """The highest number that any object had; 0 if there was none."""
    last = tables.last(Table.OBJECTS)
    return max(U64.unpack(last[0])[0] if last else 0, number(tables, LAST))


def seal(key: bytes, value: bytes) -> bytes:
    """A value with a CRC-32 over its key and itself in front."""
    return U32.pack(crc32(value, crc32(key))) + value


def unseal(key: bytes, sealed: bytes) -> bytes:
    """The value, checked. `CorruptStore` when a bit of it or of its key has changed."""
    value = sealed[4:]
    if U32.unpack_from(sealed)[0] != crc32(value, crc32(key)):
        raise CorruptStore(_CHANGED)
    return value


def check_gap(key: bytes, low: Item | None, high: Item | None) -> None:
    """Check the sealed items on both sides of a key, before it is said that nothing stands there. `CorruptStore`.

    An item whose key was changed on disk still lies where it was put, so whoever looks for it ends beside it; and
    who was led to another page by a changed key ends at items that don't enclose what was looked for.
    """
    check_around(key, low, high)
    if high is not None and high[0] == key:
        raise CorruptStore(_CHANGED)


def check_around(key: bytes, low: Item | None, high: Item | None) -> None:
    """Check the sealed items before a key, and at it or behind it. `CorruptStore`."""
    if low is not None:
        unseal(*low)
    if high is not None:
        unseal(*high)
    if (low is not None and low[0] >= key) or (high is not None and high[0] < key):
        raise CorruptStore(_CHANGED)


def _bounded(name: str, what: str) -> bytes:
    key = name.encode()
    if not 0 < len(key) <= MAX_NAME:
        raise LimitExceeded(f"{what} name {name[:80]!r} has {len(key)} bytes; 1 to {MAX_NAME} fit the store")
    return key
