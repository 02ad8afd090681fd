"""The seven tables of a repository: the port between the code of the store and what keeps the tables (LMDB or
memory).

A table maps byte strings to byte strings in key order. The content of the tables is known only above this port, so
both stores share that code; LMDB is known only below it. docs/format.md has every key and value.
"""

from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import Final, Protocol

from zonegit.errors import CorruptStore

MAX_KEY: Final = 511
"""Bytes; LMDB's limit."""

Item = tuple[bytes, bytes]
"""A key and its value."""


class Table(IntEnum):
    """The index of each table in lists of tables; its LMDB database has the lowercase name."""

    OBJECTS = 0
    IDS = 1
    REFS = 2
    REFLOG = 3
    REFINDEX = 4
    VIEWS = 5
    META = 6


class ReadTables(Protocol):
    """One consistent version of all tables."""

    @property
    def generation(self) -> int:
        """Changes when this object shows another version, so that data derived from it must be read again."""
        ...

    def get(self, table: Table, key: bytes) -> bytes | None: ...

    def present(self, table: Table, keys: Iterable[bytes]) -> set[bytes]:
        """Those of the keys that exist: many times faster than `get` for each, fastest if they are ascending."""
        ...

    def seek(self, table: Table, key: bytes) -> Item | None:
        """The first item whose key is `key` or after it."""
        ...

    def around(self, table: Table, key: bytes) -> tuple[Item | None, Item | None]:
        """The last item whose key is strictly before `key`, and the first whose key is `key` or after it."""
        ...

    def keys_before(self, table: Table, key: bytes, most: int) -> list[bytes]:
        """At most `most` keys strictly before `key`, the nearest first."""
        ...

    def last(self, table: Table) -> Item | None: ...

    def scan(self, table: Table, prefix: bytes = b"", start: bytes = b"") -> Iterator[Item]:
        """Items whose keys begin with `prefix`, from `start` on, in key order."""
        ...

    def keys(
        self, table: Table, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None
    ) -> list[bytes]:
        """The keys alone that begin with `prefix`, in order: many times faster than `scan`.

        `CorruptStore` if a page is damaged; with `damaged`, that gets the error and unreadable keys are left out.
        """
        ...

    def count(self, table: Table) -> int: ...


class WriteTables(ReadTables, Protocol):
    """A draft of the next version."""

    def put(self, table: Table, key: bytes, value: bytes) -> None: ...

    def put_many(self, table: Table, items: Iterable[Item]) -> None:
        """Put many items; fastest if their keys are ascending."""
        ...

    def append(self, table: Table, items: Iterable[Item]) -> None:
        """Put items whose keys are ascending and after the table's last one; fills pages completely."""
        ...

    def delete(self, table: Table, key: bytes) -> None:
        """Delete an item, if it exists."""
        ...

    def clear(self, table: Table, prefix: bytes = b"") -> None:
        """Delete all items whose keys begin with `prefix`."""
        ...

    def touch(self) -> None:
        """Change `generation`: data that readers derived from the tables before is invalid now."""
        ...
