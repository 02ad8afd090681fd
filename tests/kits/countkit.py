"""Counts what is read from and written to LMDB, so that tests can hold how much work something is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from zonegit.store.lmdb_tables import LmdbTables
from zonegit.store.tables import Item, Table


@dataclass
class Counted:
    """Look-ups, items that scans passed, and writes."""

    gets: int = 0
    scanned: int = 0
    puts: int = 0

    @property
    def reads(self) -> int:
        return self.gets + self.scanned


@contextmanager
def counted() -> Iterator[Counted]:
    """What all stores of this process read and write within the block."""
    count = Counted()
    patch = pytest.MonkeyPatch()
    get, scan, put = LmdbTables.get, LmdbTables.scan, LmdbTables.put

    def counting_get(self: LmdbTables, table: Table, key: bytes) -> bytes | None:
        count.gets += 1
        return get(self, table, key)

    def counting_scan(self: LmdbTables, table: Table, prefix: bytes = b"", start: bytes = b"") -> Iterator[Item]:
        for item in scan(self, table, prefix, start):
            count.scanned += 1
            yield item

    def counting_put(self: LmdbTables, table: Table, key: bytes, value: bytes) -> None:
        count.puts += 1
        put(self, table, key, value)

    patch.setattr(LmdbTables, "get", counting_get)
    patch.setattr(LmdbTables, "scan", counting_scan)
    patch.setattr(LmdbTables, "put", counting_put)
    try:
        yield count
    finally:
        patch.undo()
