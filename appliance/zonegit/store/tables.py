"""The seven tables of a repository, and what the code above asks of whatever keeps them (LMDB or memory).

A table maps byte strings to byte strings in key order. All knowledge of what stands in them is above this port, so
that both stores share it; all knowledge of LMDB is below it. docs/format.md has every key and value.
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
    """A table's place in lists of them; its LMDB database has the lowercase name."""

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
        """Moves when the same object shows another version, so that what was derived from it is read again."""
        ...

    def get(self, table: Table, key: bytes) -> bytes | None: ...

    def seek(self, table: Table, key: bytes) -> Item | None:
        """The first item whose key is `key` or after it."""
        ...

    def around(self, table: Table, key: bytes) -> tuple[Item | None, Item | None]:
        """The last item whose key is strictly before `key`, and the first whose key is `key` or after it."""
        ...

    def keys_before(self, table: Table, key: bytes, most: int) -> list[bytes]:
        """The keys strictly before `key`, the nearest first, at most so many."""
        ...

    def last(self, table: Table) -> Item | None: ...

    def scan(self, table: Table, prefix: bytes = b"", start: bytes = b"") -> Iterator[Item]:
        """Items whose keys begin with `prefix`, from `start` on, in key order."""
        ...

    def keys(
        self, table: Table, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None
    ) -> list[bytes]:
        """The keys alone that begin with `prefix`, in order: many times faster than `scan`.

        `CorruptStore` where a page is damaged; with `damaged` that is told, and what can't be read is left out.
        """
        ...

    def count(self, table: Table) -> int: ...


class WriteTables(ReadTables, Protocol):
    """A draft of the next version."""

    def put(self, table: Table, key: bytes, value: bytes) -> None: ...

    def put_many(self, table: Table, items: Iterable[Item]) -> None:
        """Fastest when the keys rise."""
        ...

    def append(self, table: Table, items: Iterable[Item]) -> None:
        """Items whose keys rise and are all after the table's last; fills pages fully."""
        ...

    def delete(self, table: Table, key: bytes) -> None:
        """Nothing happens if the key isn't there."""
        ...

    def clear(self, table: Table, prefix: bytes = b"") -> None:
        """Delete all items whose keys begin with `prefix`."""
        ...

    def touch(self) -> None:
        """Move `generation`: what readers derived from the tables before no longer holds."""
        ...
