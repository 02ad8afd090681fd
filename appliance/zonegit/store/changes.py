"""What changed in records when a view moved, kept for incremental transfers: a secondary asks for it at once.

A change is found by the roots of the two trees, which it follows from, so it is right for any refs that show them.
Small ones aren't kept: trees are compared as fast. Of the others the newest are, within bounds. They are derived
data: whoever misses one compares the trees; `gc` deletes those of trees that it deletes, and `reindex` deletes all.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.store import layout
from zonegit.store.layout import U32, seal, unseal
from zonegit.store.tables import ReadTables, Table, WriteTables
from zonegit.tree.change import Change, change_of, decode_change, encode_change
from zonegit.tree.diff import Difference

_FEWEST: Final = 16
"""The fewest RRsets whose change is kept."""
_LARGEST: Final = 2 << 20
"""The most bytes of one change."""
_MOST: Final = 64
_TOGETHER: Final = 16 << 20
"""How many changes are kept, and the most bytes that they may have together."""
_PAIR: Final = 2 * ID_SIZE
_NOTE: Final = _PAIR + U32.size
"""Bytes of a note in the list of kept changes: the roots of both trees, and the size of the change."""


class Watched:
    """Differences on their way to a view, remembered as long as they are worth keeping."""

    def __init__(self, differences: Iterable[Difference]) -> None:
        self._differences = differences
        self._found: list[Difference] = []
        self._size = 0

    def __iter__(self) -> Iterator[Difference]:
        for each in self._differences:
            if self._size <= _LARGEST:
                self._found.append(each)
                self._size += len(each[1] or b"") + len(each[2] or b"")
            else:
                self._found.clear()
            yield each

    def keep(self, tables: WriteTables, old: ObjectId, new: ObjectId) -> None:
        """Keep what was seen as the change from one tree to another, if that is worth it."""
        if len(self._found) >= _FEWEST and self._size <= _LARGEST:
            _keep(tables, old, new, encode_change(change_of(self._found)))


def find_change(tables: ReadTables, old: ObjectId, new: ObjectId) -> Change | None:
    """The change from one tree to another; None if it isn't kept. `CorruptStore` if it was changed on disk."""
    key = layout.CHANGE + old + new
    sealed = tables.get(Table.META, key)
    return None if sealed is None else decode_change(unseal(key, sealed))


def forget_changes(tables: WriteTables, deleted: Collection[bytes]) -> None:
    """Delete the changes from or to trees whose roots are deleted."""
    notes = list(_notes(tables))
    kept = [note for note in notes if note[:ID_SIZE] not in deleted and note[ID_SIZE:_PAIR] not in deleted]
    if len(kept) < len(notes):
        _rewrite(tables, notes, kept)


def clear_changes(tables: WriteTables) -> None:
    """Delete all changes."""
    tables.clear(Table.META, layout.CHANGE)
    tables.delete(Table.META, layout.CHANGES)


def kept_changes(tables: ReadTables) -> Iterator[tuple[ObjectId, ObjectId]]:
    """The roots of the trees whose changes are kept, the oldest first."""
    return ((ObjectId(note[:ID_SIZE]), ObjectId(note[ID_SIZE:_PAIR])) for note in _notes(tables))


def _keep(tables: WriteTables, old: ObjectId, new: ObjectId, change: bytes) -> None:
    key = layout.CHANGE + old + new
    if tables.get(Table.META, key) is not None:
        return
    tables.put(Table.META, key, seal(key, change))
    notes = [*_notes(tables), old + new + U32.pack(len(change))]
    size = sum(_size(note) for note in notes)
    first = max(0, len(notes) - _MOST)
    size -= sum(_size(note) for note in notes[:first])
    while size > _TOGETHER:
        size -= _size(notes[first])
        first += 1
    _rewrite(tables, notes, notes[first:])


def _rewrite(tables: WriteTables, before: list[bytes], notes: list[bytes]) -> None:
    """Keep only the changes in `notes` of those that there were `before`."""
    for note in {*before} - {*notes}:
        tables.delete(Table.META, layout.CHANGE + note[:_PAIR])
    tables.put(Table.META, layout.CHANGES, seal(layout.CHANGES, b"".join(notes)))


def _notes(tables: ReadTables) -> Iterator[bytes]:
    sealed = tables.get(Table.META, layout.CHANGES)
    if sealed is not None:
        notes = unseal(layout.CHANGES, sealed)
        yield from (notes[at : at + _NOTE] for at in range(0, len(notes), _NOTE))


def _size(note: bytes) -> int:
    return int.from_bytes(note[_PAIR:], "big")
