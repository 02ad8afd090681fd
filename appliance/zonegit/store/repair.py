"""Replaces objects whose bytes were changed on disk by intact copies from elsewhere.

The id is the proof: bytes that hash to it are the object that was stored under it, whoever sends them, and that
object was checked when it was inserted. Nothing else is replaced: no refs, no ids, no derived data.
"""

from collections.abc import Callable, Iterable

from zonegit.errors import CorruptStore, InvalidObject, NotFound
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.store.tables import Table
from zonegit.store.writer import TableStore

Progress = Callable[[int, int], None]
_PAGE = 2_000
"""Objects read in one transaction."""


def damaged(store: TableStore, progress: Progress | None = None) -> list[ObjectId]:
    """The ids of stored objects that can't be read, or whose bytes don't hash to their id. `CorruptStore` if LMDB's
    own pages are so damaged that not even the ids can be read.
    """
    with store.read() as reader:
        ids = list(reader.object_ids())
    found: list[ObjectId] = []
    done = 0
    while done < len(ids):
        done += _look(store, ids[done : done + _PAGE], found)
        if progress:
            progress(done, len(ids))
    return found


def _look(store: TableStore, ids: list[ObjectId], found: list[ObjectId]) -> int:
    """Read objects up to the first damaged one, which may make the transaction unusable; returns how many."""
    with store.read() as reader:
        for number, oid in enumerate(ids, 1):
            try:
                reader.get(oid)
            except CorruptStore:
                found.append(oid)
                return number
            except NotFound:
                continue  # deleted since
    return len(ids)


def replace(store: TableStore, objects: Iterable[bytes]) -> int:
    """Replace damaged objects by intact ones, all in one transaction; returns how many.

    `InvalidObject` for bytes that aren't an object stored here; nothing is replaced then.
    """
    count = 0
    with store.write() as writer:
        for data in objects:
            oid = object_id(data)
            number = writer.tables.get(Table.IDS, oid)
            if number is None:
                raise InvalidObject(f"object {short(oid)} was never stored here, so it replaces nothing")
            writer.draft.put(Table.OBJECTS, number, data)
            count += 1
    return count
