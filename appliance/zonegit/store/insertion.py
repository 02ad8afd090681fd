"""Inserts objects in one write transaction: each is checked, waits in a group, and is written with it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Final

from zonegit.model.ids import ObjectId, object_id
from zonegit.store import layout
from zonegit.store.facts import FactCache, Facts, stored_facts
from zonegit.store.insert import check_object
from zonegit.store.reachable import children
from zonegit.store.tables import Table, WriteTables
from zonegit.tree.source import NodeCache

_GROUP_COUNT: Final = 10_000
_GROUP_BYTES: Final = 8 << 20
"""New objects wait in groups of at most this many objects and bytes, and are then written with their ids sorted."""
_REMEMBERED: Final = 1 << 16
"""The most ids that are remembered as stored: about 6 MiB."""


class Insertion:
    """The objects of one transaction. Those that wait must be looked for here, before the tables."""

    def __init__(
        self, tables: WriteTables, facts: FactCache, nodes: NodeCache, get: Callable[[ObjectId], bytes]
    ) -> None:
        """`get`: the bytes of an object in the tables, verified."""
        self._tables = tables
        self._facts = facts
        self._nodes = nodes
        self._stored_bytes = get
        self.waiting: dict[ObjectId, bytes] = {}
        self._size = 0
        """The bytes of `waiting`."""
        self._stored: set[ObjectId] = set()
        """Objects that are known to be stored, during this transaction."""
        self.spoiled = False
        """Whether an object was refused, so that the transaction mustn't be committed."""

    def insert(self, objects: Iterable[bytes]) -> int:
        """Insert those that aren't here; returns how many there were. A sequence's ids are looked up at once."""
        new = 0
        try:
            if isinstance(objects, Sequence):
                ids = [object_id(data) for data in objects]
                here = self._tables.present(Table.IDS, sorted(ids))
                for at, oid in enumerate(ids):
                    if oid not in here:
                        here.add(oid)
                        self._add(oid, objects[at])
                        new += 1
            else:
                for data in objects:
                    oid = object_id(data)
                    if not self.has(oid):
                        self._add(oid, data)
                        new += 1
            self._flush()
        except BaseException:
            self.spoiled = True
            raise
        return new

    def get(self, oid: ObjectId) -> bytes:
        return self.waiting.get(oid) or self._stored_bytes(oid)

    def has(self, oid: ObjectId) -> bool:
        return oid in self.waiting or self._tables.get(Table.IDS, oid) is not None

    def describe(self, oid: ObjectId) -> Facts | None:
        """The facts of an object that is here; None if it isn't."""
        if oid not in self._stored and not self._is_stored(oid):
            return None
        facts = self._facts.get(oid)
        if facts is None:
            facts = stored_facts(self.get(oid), self.get)
            self._facts.add(oid, facts)
        return facts

    def _add(self, oid: ObjectId, data: bytes) -> None:
        # If the facts of an object are known, only what it points to is left to check.
        if self._facts.get(oid) is None or not all(map(self._is_stored, children(data))):
            self._facts.add(oid, check_object(data, self.describe, self._nodes.get(oid)))
        self._stored.add(oid)
        self.waiting[oid] = data
        self._size += len(data)
        if len(self.waiting) >= _GROUP_COUNT or self._size >= _GROUP_BYTES:
            self._flush()

    def _is_stored(self, oid: ObjectId) -> bool:
        """The same as `has`, with what was found remembered."""
        if oid not in self._stored:
            if not self.has(oid):
                return False
            self._stored.add(oid)
        return True

    def _flush(self) -> None:
        """Write the waiting objects to the tables."""
        waiting, tables = self.waiting, self._tables
        if len(self._stored) > _REMEMBERED:
            self._stored.clear()
        if not waiting:
            return
        first = layout.last_object(tables) + 1
        numbers = [layout.U64.pack(number) for number in range(first, first + len(waiting))]
        tables.append(Table.OBJECTS, zip(numbers, waiting.values(), strict=True))
        by_id = dict(zip(waiting, numbers, strict=True))
        ids = sorted(by_id)
        tables.put_many(Table.IDS, zip(ids, map(by_id.__getitem__, ids), strict=True))
        for kind, count in Counter(map(itemgetter(0), waiting.values())).items():
            key = layout.kind_key(kind)
            tables.put(Table.META, key, layout.U64.pack(layout.number(tables, key) + count))
        waiting.clear()
        self._size = 0
