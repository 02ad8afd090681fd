"""Keys and values of `meta`, `refs`, `ids` and `objects`, and the checksums that seal values.

meta   format -> u32            epoch -> 16 bytes       next-view -> u32
       seq -> u64 (how many transactions moved refs, or made or dropped a view)
       objects/<kind u8> -> u64 (how many there are)
       making/<ref name> -> CRC-32 of key and value | view u32 | commit 32 | key at which the next part begins
       last-object -> u64 (the highest number of any object before `gc` deleted some)
       trimmed/<ref name> -> CRC-32 of key and value | number u64 and old id 32 of the oldest reflog entry
       removed/<ref name> -> id of the tombstone of a removed branch
       moves/<seq mod 1024 u16> -> see `journal`
       change/<root 32><root 32> -> CRC-32 of key and value | see `tree.change`
       changes -> CRC-32 of key and value | root 32, root 32 and size u32 of each `change/`, the oldest first
       setting/<name> -> value
       view/<ref name> -> CRC-32 of key and value | view u32 | commit 32 | serial u32
refs   <ref name> -> id 32
ids    <id> -> number u64       objects <number u64> -> the object's bytes (numbered in the order of arrival)

A sealed value begins with a CRC-32 over its key and the value. The values of `change/`, `changes`, `making/`,
`moves/`, `trimmed/` and `view/` are sealed, and all values of the table `views`.
"""

from struct import Struct
from typing import Final
from zlib import crc32

from zonegit.errors import CorruptStore, LimitExceeded
from zonegit.model.refs import MAX_REF, RefName
from zonegit.store.tables import Item, ReadTables, Table
from zonegit.tree.version import BLOCK_ITEM

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
REMOVED: Final = b"removed/"
VIEW: Final = b"view/"
MAKING: Final = b"making/"
CHANGE: Final = b"change/"
CHANGES: Final = b"changes"

_CHANGED: Final = "bytes of a served view were changed on disk; run `zonegit reindex`"

U32: Final = Struct(">I")
U64: Final = Struct(">Q")
SEAL: Final = U32.size
"""Bytes of the CRC-32 in front of a sealed value."""
VIEW_ENTRY: Final = SEAL + BLOCK_ITEM.size
"""Bytes of an entry of `views` before its block's first RRset."""
VIEW_NUMBER: Final = U32.size
"""Bytes of a view's number, which precedes the owner in the keys of `views`."""
MAX_NAME: Final = MAX_REF
"""The most bytes of a ref's or a setting's name."""


def ref_key(name: RefName) -> bytes:
    """The key of a ref. `LimitExceeded` if its name is too long for a key (a zone with many escaped bytes)."""
    return _bounded(name, "ref")


def setting_key(name: str) -> bytes:
    return SETTING + _bounded(name, "setting")


def kind_key(kind: int) -> bytes:
    return OBJECTS + bytes((kind,))


def number(tables: ReadTables, key: bytes) -> int:
    """A u64 or u32 of `meta`; 0 if it is absent."""
    return int.from_bytes(tables.get(Table.META, key) or b"", "big")


def last_object(tables: ReadTables) -> int:
    """The highest number that any object has or had; 0 if there was never one."""
    last = tables.last(Table.OBJECTS)
    return max(U64.unpack(last[0])[0] if last else 0, number(tables, LAST))


def seal(key: bytes, value: bytes) -> bytes:
    """A value, preceded by a CRC-32 over its key and the value."""
    return U32.pack(crc32(value, crc32(key))) + value


def unseal(key: bytes, sealed: bytes) -> bytes:
    """The value, after checking its seal. `CorruptStore` if a bit of it or of its key has changed."""
    value = sealed[SEAL:]
    if U32.unpack_from(sealed)[0] != crc32(value, crc32(key)):
        raise CorruptStore(_CHANGED)
    return value


def view_number(sealed: bytes) -> bytes:
    """The number of a view, as keys of `views` begin with it, from a value of `view/` or `making/`, unchecked."""
    return sealed[SEAL : SEAL + VIEW_NUMBER]


def head_of_entry(sealed: bytes) -> tuple[int, int, int, int]:
    """How an entry of `views` begins: the CRC-32, then type, records and bytes of its block's first RRset.

    For readers that can't afford `unseal` for each query. Compiled, this makes no objects, as `Struct` would.
    """
    return (
        sealed[0] << 24 | sealed[1] << 16 | sealed[2] << 8 | sealed[3],
        sealed[4] << 8 | sealed[5],
        sealed[6] << 24 | sealed[7] << 16 | sealed[8] << 8 | sealed[9],
        sealed[10] << 24 | sealed[11] << 16 | sealed[12] << 8 | sealed[13],
    )


def check_gap(key: bytes, low: Item | None, high: Item | None) -> None:
    """Check the sealed items on both sides of a key, before it is reported as absent. `CorruptStore`.

    An item whose key was changed on disk is still in its old place, so a search for the old key ends beside it. A
    search that a changed key led to another page ends between items that don't enclose the key.
    """
    check_around(key, low, high)
    if high is not None and high[0] == key:
        raise CorruptStore(_CHANGED)


def check_around(key: bytes, low: Item | None, high: Item | None) -> None:
    """Check the sealed items before a key, and at it or after it. `CorruptStore`."""
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
