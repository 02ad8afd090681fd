"""Replace objects whose bytes were changed on disk by whole ones that came from elsewhere.

An id is the proof: what hashes to it is the object that was stored under it, whoever sends it, and it was checked
when it came in. Nothing else is replaced: no refs, no ids, nothing that is derived.
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
    """Ids of stored objects that can't be read, or whose bytes don't hash to their id. `CorruptStore` when the
    database's own pages are so damaged that not even the ids can be read."""
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
    """Look at objects up to the first damaged one, which may have spoiled the transaction; how many they were."""
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
    """Put whole objects in the places of damaged ones, all in one transaction; how many there were.

    `InvalidObject` for bytes that are no object stored here; then nothing is replaced.
    """
    count = 0
    with store.write() as writer:
        for data in objects:
            oid = object_id(data)
            sequence = writer.tables.get(Table.IDS, oid)
            if sequence is None:
                raise InvalidObject(f"object {short(oid)} was never stored here, so it replaces nothing")
            writer.draft.put(Table.OBJECTS, sequence, data)
            count += 1
    return count
