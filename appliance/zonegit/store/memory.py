"""The in-memory twin of the LMDB store: same code above the tables, same conformance suite, nothing on disk.

For tests and simulations. A write transaction copies a table when it first changes it; readers keep the old one.
"""

import secrets
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from zonegit.errors import CorruptStore
from zonegit.store.facts import FactCache
from zonegit.store.reader import StoreReader
from zonegit.store.tables import Item, Table
from zonegit.store.writer import StoreWriter, create_repository
from zonegit.tree.source import NodeCache


class _Sorted:
    """A map and its keys in order."""

    __slots__ = ("items", "keys")

    def __init__(self, items: dict[bytes, bytes], keys: list[bytes]) -> None:
        self.items = items
        self.keys = keys

    def copy(self) -> "_Sorted":
        return _Sorted(dict(self.items), list(self.keys))


class MemoryTables:
    """All tables; those in `own` are this transaction's copies and may be changed."""

    def __init__(self, tables: list[_Sorted]) -> None:
        self._tables = tables
        self._own: set[Table] = set()
        self.generation = 0

    @property
    def tables(self) -> list[_Sorted]:
        return self._tables

    def get(self, table: Table, key: bytes) -> bytes | None:
        return self._tables[table].items.get(key)

    def present(self, table: Table, keys: Iterable[bytes]) -> set[bytes]:
        return {key for key in keys if key in self._tables[table].items}

    def seek(self, table: Table, key: bytes) -> Item | None:
        return self.around(table, key)[1]

    def around(self, table: Table, key: bytes) -> tuple[Item | None, Item | None]:
        keys, items = self._tables[table].keys, self._tables[table].items
        at = bisect_left(keys, key)
        low = (keys[at - 1], items[keys[at - 1]]) if at else None
        return low, (keys[at], items[keys[at]]) if at < len(keys) else None

    def last(self, table: Table) -> Item | None:
        keys = self._tables[table].keys
        return (keys[-1], self._tables[table].items[keys[-1]]) if keys else None

    def keys_before(self, table: Table, key: bytes, most: int) -> list[bytes]:
        keys = self._tables[table].keys
        at = bisect_left(keys, key)
        return keys[max(at - most, 0) : at][::-1]

    def scan(self, table: Table, prefix: bytes = b"", start: bytes = b"") -> Iterator[Item]:
        keys = self._tables[table].keys
        at = bisect_left(keys, max(prefix, start))
        while at < len(keys) and (key := keys[at]).startswith(prefix):
            yield key, self._tables[table].items[key]
            keys = self._tables[table].keys  # what is written meanwhile may have moved them
            at = at + 1 if keys[at : at + 1] == [key] else bisect_right(keys, key)

    def keys(
        self, table: Table, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None
    ) -> list[bytes]:
        return [key for key, _ in self.scan(table, prefix)]

    def count(self, table: Table) -> int:
        return len(self._tables[table].keys)

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        owned = self._owned(table)
        if key not in owned.items:
            if not owned.keys or key > owned.keys[-1]:
                owned.keys.append(key)
            else:
                insort(owned.keys, key)
        owned.items[key] = value

    def put_many(self, table: Table, items: Iterable[Item]) -> None:
        for key, value in items:
            self.put(table, key, value)

    append = put_many

    def delete(self, table: Table, key: bytes) -> None:
        owned = self._owned(table)
        if owned.items.pop(key, None) is not None:
            del owned.keys[bisect_left(owned.keys, key)]

    def clear(self, table: Table, prefix: bytes = b"") -> None:
        owned = self._owned(table)
        first = last = bisect_left(owned.keys, prefix)
        while last < len(owned.keys) and owned.keys[last].startswith(prefix):
            del owned.items[owned.keys[last]]
            last += 1
        del owned.keys[first:last]

    def touch(self) -> None:
        self.generation += 1

    def _owned(self, table: Table) -> _Sorted:
        if table not in self._own:
            self._tables[table] = self._tables[table].copy()
            self._own.add(table)
        return self._tables[table]


class MemoryStore:
    """A repository that lives as long as the process. Threads may share it."""

    def __init__(self) -> None:
        self._tables = [_Sorted({}, []) for _ in Table]
        self._facts = FactCache()
        self.nodes = NodeCache()
        self._lock = threading.Lock()
        self._txn_id = 0
        self._keepers = 0
        self._counting = threading.Lock()
        tables = MemoryTables(self._tables)
        create_repository(tables, secrets.token_bytes(16))

    @contextmanager
    def read(self) -> Iterator[StoreReader]:
        yield StoreReader(MemoryTables(list(self._tables)), self._facts)

    @contextmanager
    def write(self) -> Iterator[StoreWriter]:
        with self._lock:
            tables = MemoryTables(list(self._tables))
            writer = StoreWriter(tables, self._facts, self.nodes)
            yield writer
            writer.finish()
            self._tables = tables.tables
            self._txn_id += 1

    @contextmanager
    def keeping(self) -> Iterator[None]:
        with self._lock, self._counting:  # `gc` holds the first while it deletes
            self._keepers += 1
        try:
            yield
        finally:
            with self._counting:
                self._keepers -= 1

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Yields whether nobody keeps objects. Only within a write transaction."""
        yield not self._keepers

    def has_room(self, bytes_: int) -> bool:
        return True

    def txn_id(self) -> int:
        return self._txn_id

    def close(self) -> None:
        """Nothing to release."""
