"""Records which refs each of the last transactions moved, so that readers that follow refs read only those.

meta   moves/ (seq mod 1024) u16 -> CRC-32 of key and value u32, seq u64, names each ended by 00

A head also counts as moved when its view is created or dropped. An entry without names means that any ref may have
moved. A reader that remembers a `seq` and finds an entry for each later one knows everything that moved. If one is
missing, because a writer kept no journal or it is too long ago, it has to read all refs again.
"""

from collections.abc import Collection
from struct import Struct
from typing import Final

from zonegit.errors import CorruptStore
from zonegit.model.refs import RefName
from zonegit.store import layout
from zonegit.store.layout import U64, seal, unseal
from zonegit.store.tables import ReadTables, Table, WriteTables

KEPT: Final = 1024
"""The number of entries."""
_MOST: Final = 256
"""The most names in an entry; one for a transaction that moved more has no names."""
_SLOT: Final = Struct(">H")
_SMALLEST: Final = 12
"""Bytes of the smallest entry."""


def moved_since(tables: ReadTables, start: int) -> frozenset[RefName] | None:
    """The refs that moved after `seq` was `start`; None if that isn't known."""
    seq = layout.number(tables, layout.SEQ)
    if not 0 <= seq - start <= KEPT:
        return None
    found: set[bytes] = set()
    for number in range(start + 1, seq + 1):
        names = _read(tables, number)
        if not names:
            return None
        found.update(names)
    try:
        return frozenset(RefName(name.decode()) for name in found)
    except UnicodeDecodeError:
        return None


def note(tables: WriteTables, names: Collection[RefName] | None) -> None:
    """Record the refs that the present transaction, which has set `seq`, has moved; None: any may have moved."""
    seq = layout.number(tables, layout.SEQ)
    listed = names if names is not None and len(names) <= _MOST else ()
    key = _key(seq)
    tables.put(Table.META, key, seal(key, U64.pack(seq) + b"".join(name.encode() + b"\0" for name in listed)))


def _read(tables: ReadTables, seq: int) -> list[bytes] | None:
    """The names of an entry; None if it doesn't exist or is damaged."""
    key = _key(seq)
    sealed = tables.get(Table.META, key)
    if sealed is None or len(sealed) < _SMALLEST:
        return None
    try:
        value = unseal(key, sealed)
    except CorruptStore:
        return None
    return value[U64.size :].split(b"\0")[:-1] if U64.unpack_from(value)[0] == seq else None


def _key(seq: int) -> bytes:
    return layout.MOVES + _SLOT.pack(seq % KEPT)
