"""Reads objects that were stored one after another, as the nodes of a tree that was built at once.

An object's number is found in an index by its hash, and each look-up there is a search in cold pages. But the
object that is wanted next is often the one that was stored next, and its hash tells whether it is.
"""

from collections.abc import Callable
from typing import Protocol

from blake3 import blake3

from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.store.layout import U64
from zonegit.store.tables import ReadTables, Table


class ReadsObjects(Protocol):
    """The part of a reader that is needed."""

    @property
    def tables(self) -> ReadTables: ...

    def get(self, oid: ObjectId) -> bytes: ...

    def has(self, oid: ObjectId) -> bool: ...


class Successive:
    """A `NodeSource` over a reader, for one walk. The reader may be renewed meanwhile."""

    def __init__(self, reader: ReadsObjects) -> None:
        self._reader = reader
        self._read: Callable[[Table, bytes], bytes | None] = reader.tables.get
        self._last = 0
        """The number of the last object that was asked for."""
        self._in_order = False
        """Whether it was the successor of the one before."""

    def get(self, oid: ObjectId) -> bytes:
        """As `StoreReader.get`."""
        if self._in_order:
            data = self._successor()
            if data is not None and blake3(data).digest() == oid:
                self._last += 1
                return data
        number = self._read(Table.IDS, oid)
        data = None if number is None else self._read(Table.OBJECTS, number)
        if number is None or data is None or blake3(data).digest() != oid:
            return self._reader.get(oid)  # which says what is wrong
        found = int.from_bytes(number, "big")
        self._in_order = found == self._last + 1
        self._last = found
        return data

    def has(self, oid: ObjectId) -> bool:
        return self._reader.has(oid)

    def _successor(self) -> bytes | None:
        try:
            return self._read(Table.OBJECTS, U64.pack(self._last + 1))
        except CorruptStore:  # of an object that perhaps nobody wants
            return None
