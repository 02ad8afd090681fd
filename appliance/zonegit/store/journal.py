"""Which refs each of the last transactions moved, so that whoever follows them reads those and no others.

meta   moves -> u64, the number of the newest entry
       moves/ number u64 -> CRC-32 of key and value u32, seq u64, names each ended by 00

A head also counts as moved when its view is made or dropped. An entry without names stands for more refs than are
named. A reader that remembers an `End` and finds an entry for each step of `seq` since then knows all that moved.
Where one is missing, because a writer kept no journal or the entry is too old, it has to read all refs again.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore
from zonegit.model.refs import RefName
from zonegit.store import layout
from zonegit.store.layout import U64, seal, unseal
from zonegit.store.tables import ReadTables, Table, WriteTables

KEPT: Final = 4096
"""Entries."""
_NAMES: Final = 64
"""Names in one entry; a transaction that moved more writes several."""
_MOST: Final = 4096
"""Names of one transaction that are written down."""
_SMALLEST: Final = 12
"""Bytes of an entry."""


class End(NamedTuple):
    """How far the journal goes in one version of the repository."""

    number: int
    """Of the newest entry."""
    seq: int
    """Transactions that moved refs."""


def end(tables: ReadTables) -> End:
    return End(layout.number(tables, layout.MOVES), layout.number(tables, layout.SEQ))


def moved_since(tables: ReadTables, start: End) -> frozenset[RefName] | None:
    """The refs that moved after `start`; None where that isn't known."""
    now = end(tables)
    if not 0 <= now.number - start.number <= KEPT:
        return None
    found: set[bytes] = set()
    seq = start.seq
    for number in range(start.number + 1, now.number + 1):
        entry = _read(tables, number)
        if entry is None or not 0 <= entry[0] - seq <= 1 or not entry[1]:
            return None
        seq = entry[0]
        found.update(entry[1])
    if seq != now.seq:
        return None
    try:
        return frozenset(RefName(name.decode()) for name in found)
    except UnicodeDecodeError:
        return None


def note(tables: WriteTables, names: Collection[RefName] | None) -> None:
    """Write down what a transaction moved, when `seq` is as it will be; None: any refs may have moved."""
    number, seq = end(tables)
    listed = list(names) if names is not None and len(names) <= _MOST else []
    for at in range(0, max(len(listed), 1), _NAMES):
        part = listed[at : at + _NAMES]
        number += 1
        key = _key(number)
        value = U64.pack(seq) + b"".join(name.encode() + b"\0" for name in part)
        tables.put(Table.META, key, seal(key, value))
        tables.delete(Table.META, _key(number - KEPT))
    tables.put(Table.META, layout.MOVES, U64.pack(number))


def _read(tables: ReadTables, number: int) -> tuple[int, list[bytes]] | None:
    """`seq` and the names of an entry, if it is there and whole."""
    key = _key(number)
    sealed = tables.get(Table.META, key)
    if sealed is None or len(sealed) < _SMALLEST:
        return None
    try:
        value = unseal(key, sealed)
    except CorruptStore:
        return None
    return U64.unpack_from(value)[0], value[U64.size :].split(b"\0")[:-1]


def _key(number: int) -> bytes:
    return layout.MOVES + b"/" + U64.pack(max(number, 0))
