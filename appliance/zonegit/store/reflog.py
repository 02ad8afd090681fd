"""Reflog entries as they are stored in their table.

    key   = ref name | 00 | (2**64 - 1 - n) u64     n counts a ref's moves from 0, so the newest comes first
    value = old id 32 | new id 32 | time i64 | offset i16 | name size u16 | name | reason

An id of zeros stands for an absent ref. Name and reason are UTF-8.
"""

from collections.abc import Iterable
from struct import Struct, error
from typing import Final

from zonegit.errors import CorruptStore
from zonegit.model.commit import Stamp
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefName
from zonegit.store import layout
from zonegit.store.port import RefLogEntry
from zonegit.store.tables import ReadTables, Table, WriteTables

_HEAD: Final = Struct(">32s32sqhH")
_COUNT: Final = Struct(">Q")
_TOP: Final = (1 << 64) - 1
_NONE: Final = bytes(ID_SIZE)


def log_prefix(name: RefName) -> bytes:
    """The prefix of the keys of a ref's entries. No ref name contains a zero byte."""
    return name.encode() + b"\0"


def next_key(name: RefName, newest: bytes | None) -> bytes:
    """The key that comes right before `newest`, the key of the ref's newest entry so far (None: it has none)."""
    count = _COUNT.unpack(newest[-8:])[0] - 1 if newest else _TOP
    return log_prefix(name) + _COUNT.pack(count)


def encode_entry(entry: RefLogEntry) -> bytes:
    name = entry.who.name.encode()
    head = _HEAD.pack(entry.old or _NONE, entry.new or _NONE, entry.who.time, entry.who.offset, len(name))
    return head + name + entry.reason.encode()


def decode_entry(value: bytes) -> RefLogEntry:
    """Decode an entry. `CorruptStore` if it is damaged."""
    try:
        old, new, time, offset, size = _HEAD.unpack_from(value)
        at = _HEAD.size + size
        name, reason = value[_HEAD.size : at].decode(), value[at:].decode()
    except (error, UnicodeDecodeError):
        raise CorruptStore("a reflog entry was changed on disk; run `zonegit fsck`") from None
    return RefLogEntry(_id(old), _id(new), Stamp(name, time, offset), reason)


def trim(tables: WriteTables, oldest: bytes, keys: Iterable[bytes]) -> None:
    """Delete a ref's entries with these keys, so that `oldest` is the key of its oldest one, and record where that
    began.
    """
    for key in keys:
        tables.delete(Table.REFLOG, key)
    value = tables.get(Table.REFLOG, oldest)
    if value is not None:
        name = layout.TRIMMED + oldest[:-9]
        begun = _COUNT.pack(key_number(oldest)) + (decode_entry(value).old or _NONE)
        tables.put(Table.META, name, layout.seal(name, begun))


def begun_at(tables: ReadTables, prefix: bytes) -> tuple[int, ObjectId | None]:
    """The number of a ref's oldest entry, and its old id. `prefix` is a `log_prefix`. `CorruptStore`."""
    name = layout.TRIMMED + prefix[:-1]
    sealed = tables.get(Table.META, name)
    if sealed is None:
        return 0, None
    value = layout.unseal(name, sealed)
    return _COUNT.unpack_from(value)[0], _id(value[_COUNT.size :])


def is_whole(log: Iterable[tuple[bytes, bytes]], oldest: tuple[int, ObjectId | None] = (0, None)) -> bool:
    """Whether a ref's items, newest first, are a complete log: numbers are consecutive, and each move begins where
    the one before it ended.
    """
    begun: tuple[int, ObjectId | None] = -1, None
    for at, (key, value) in enumerate(log):
        try:
            entry = decode_entry(value)
        except CorruptStore:
            return False
        number = key_number(key)
        if at and begun != (number + 1, entry.new):
            return False
        begun = number, entry.old
    return begun == oldest


def key_number(key: bytes) -> int:
    """The number of an entry's move."""
    return int(_TOP - _COUNT.unpack(key[-8:])[0])


def _id(raw: bytes) -> ObjectId | None:
    return None if raw == _NONE else ObjectId(raw)
