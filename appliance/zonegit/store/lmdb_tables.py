"""Tables in LMDB databases, and the translation of LMDB's errors. No other module knows LMDB's calls."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar, cast

import lmdb

from zonegit.errors import CorruptStore, StoreError, StoreFull, StorePanicked
from zonegit.store.layout import check_gap
from zonegit.store.tables import Item, Table

T = TypeVar("T")
NAMES: Final = tuple(table.name.lower().encode() for table in Table)
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Error numbers for a full disk."""
_SCARCE: Final = 16 << 20
"""Below this many free bytes, an I/O error is taken for a full disk."""
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM})
_CORRUPT: Final = (lmdb.CorruptedError, lmdb.PageNotFoundError, lmdb.BadTxnError)
"""A transaction raises `BadTxnError` after it has met a damaged page."""


class LmdbTables:
    """All tables as one transaction sees them.

    A damaged page makes the transaction that reads it unusable. If `begin` returns another one, that replaces it,
    so that only the call that reads damaged data gets a `CorruptStore`.
    """

    def __init__(
        self,
        txn: "lmdb.Transaction[bytes]",
        databases: "list[lmdb._Database]",
        path: str,
        begin: "Callable[[], lmdb.Transaction[bytes] | None]" = lambda: None,
    ) -> None:
        self.txn = txn
        self.generation = 0
        self.renewed: Callable[[], None] = lambda: None
        """Called after `txn` was replaced."""
        self._databases = databases
        self._path = path
        self._begin = begin

    def database(self, table: Table) -> "lmdb._Database":
        return self._databases[table]

    def get(self, table: Table, key: bytes) -> bytes | None:
        try:
            return self.txn.get(key, db=self._databases[table])
        except lmdb.Error as error:
            return self._once_more(error, lambda: self.txn.get(key, db=self._databases[table]))

    def present(self, table: Table, keys: Iterable[bytes]) -> set[bytes]:
        wanted = list(keys)
        return self._read(lambda: {key for key, _ in self._cursor(table).getmulti(wanted)})

    def seek(self, table: Table, key: bytes) -> Item | None:
        def sought() -> Item | None:
            cursor = self._cursor(table)
            found = cursor.set_range(key) if key else cursor.first()
            return cursor.item() if found else None

        return self._read(sought)

    def around(self, table: Table, key: bytes) -> tuple[Item | None, Item | None]:
        return self._read(lambda: _around(self._cursor(table), key))

    def keys_before(self, table: Table, key: bytes, most: int) -> list[bytes]:
        def sought() -> list[bytes]:
            cursor = self._cursor(table)
            found = cursor.prev() if cursor.set_range(key) else cursor.last()
            return list(islice(cursor.iterprev(keys=True, values=False), most)) if found else []

        return self._read(sought)

    def last(self, table: Table) -> Item | None:
        def sought() -> Item | None:
            cursor = self._cursor(table)
            return cursor.item() if cursor.last() else None

        return self._read(sought)

    def scan(self, table: Table, prefix: bytes = b"", start: bytes = b"") -> Iterator[Item]:
        first = max(prefix, start)
        try:
            txn, cursor = self.txn, self._cursor(table)
            more = cursor.set_range(first) if first else cursor.first()
            while more:
                item = cursor.item()
                if not item[0].startswith(prefix):
                    break
                yield item
                if txn is self.txn:
                    more = cursor.next()
                else:  # another read has met damage meanwhile, and replaced the transaction
                    txn, cursor = self.txn, self._cursor(table)
                    more = cursor.set_range(item[0]) and (cursor.key() != item[0] or cursor.next())
        except lmdb.Error as error:
            raise self._failed(error) from None

    def keys(
        self, table: Table, prefix: bytes, damaged: Callable[[CorruptStore], None] | None = None
    ) -> list[bytes]:
        found: list[bytes] = []
        start: bytes | None = prefix
        while start is not None:
            try:
                cursor = self._cursor(table)
                if cursor.set_range(start):
                    for key in cursor.iternext(keys=True, values=False):
                        if not key.startswith(prefix):
                            return found
                        found.append(key)
                return found
            except lmdb.Error as error:
                failed = self._failed(error)
                if damaged is None or not isinstance(failed, CorruptStore):
                    raise failed from None
                damaged(failed)
                start = self._behind(table, prefix, found[-1] if found else prefix)
        return found

    def _behind(self, table: Table, prefix: bytes, last: bytes) -> bytes | None:
        """The first readable key after damage that follows `last`; None if there is none."""
        for start in _further(prefix, last):
            try:
                cursor = self._cursor(table)
                if not cursor.set_range(start):
                    return None
                key = cursor.key()
            except lmdb.Error as error:
                self._failed(error)
                continue
            try:  # go back to the first key after the damage
                while cursor.prev() and cursor.key() > last:
                    key = cursor.key()
            except lmdb.Error as error:
                self._failed(error)
            return key
        return None

    def count(self, table: Table) -> int:
        return self._read(lambda: self.txn.stat(self._databases[table])["entries"])

    def put(self, table: Table, key: bytes, value: bytes) -> None:
        try:
            self.txn.put(key, value, db=self._databases[table])
        except lmdb.Error as error:
            raise self._failed(error) from None

    def put_many(self, table: Table, items: Iterable[Item]) -> None:
        try:
            self._cursor(table).putmulti(items)
        except lmdb.Error as error:
            raise self._failed(error) from None

    def append(self, table: Table, items: Iterable[Item]) -> None:
        try:
            self._cursor(table).putmulti(items, append=True)
        except lmdb.Error as error:
            raise self._failed(error) from None

    def delete(self, table: Table, key: bytes) -> None:
        try:
            self.txn.delete(key, db=self._databases[table])
        except lmdb.Error as error:
            raise self._failed(error) from None

    def clear(self, table: Table, prefix: bytes = b"") -> None:
        try:
            if not prefix:
                self.txn.drop(self._databases[table], delete=False)
                return
            cursor = self._cursor(table)
            more = cursor.set_range(prefix)
            while more and cursor.key().startswith(prefix):
                more = cursor.delete()
        except lmdb.Error as error:
            raise self._failed(error) from None

    def touch(self) -> None:
        self.generation += 1

    def _cursor(self, table: Table) -> "lmdb.Cursor[bytes]":
        return self.txn.cursor(self._databases[table])

    def _read(self, read: Callable[[], T]) -> T:
        try:
            return read()
        except lmdb.Error as error:
            return self._once_more(error, read)

    def _once_more(self, error: lmdb.Error, read: Callable[[], T]) -> T:
        """Read again if an earlier read had made the transaction unusable."""
        failed = self._failed(error)
        if not isinstance(error, lmdb.BadTxnError):
            raise failed from None
        try:
            return read()
        except lmdb.Error as again:
            raise self._failed(again) from None

    def _failed(self, error: lmdb.Error) -> StoreError:
        """Translate an error, and replace the transaction if it has become unusable."""
        if isinstance(error, _CORRUPT) and (another := self._begin()) is not None:
            self.txn.abort()
            self.txn = another
            self.renewed()
        return translated(error, self._path)


def _further(prefix: bytes, last: bytes) -> Iterator[bytes]:
    """Keys ever further after `last`, until after all keys that begin with `prefix`."""
    if last == prefix:
        yield from (prefix + bytes((byte,)) for byte in range(256))
    for at in reversed(range(len(last))):
        if last[at] < 0xFF:
            yield last[:at] + bytes((last[at] + 1,))
        if at < len(prefix):
            return


def _around(cursor: "lmdb.Cursor[bytes]", key: bytes) -> tuple[Item | None, Item | None]:
    high = cursor.item() if cursor.set_range(key) else None
    found = cursor.last() if high is None else cursor.prev()
    return cursor.item() if found else None, high


def translated(error: lmdb.Error, path: str) -> StoreError:
    """The `StoreError` that says what happened to the repository at `path`, and what to do."""
    code = getattr(error, "code", 0)
    if isinstance(error, lmdb.MapFullError):
        return StoreFull(f"the repository at {path} has reached its maximum size; nothing was written")
    if known := refused(code, path):
        return known
    if isinstance(error, _CORRUPT):
        return CorruptStore(f"the repository's file at {path} is damaged: restore a backup or clone it again")
    if isinstance(error, lmdb.InvalidError | lmdb.VersionMismatchError):
        return StoreError(f"this zonegit can't read the repository at {path}: its file has another format")
    if isinstance(error, lmdb.ReadersFullError):
        return StoreError(f"too many processes have the repository at {path} open: stop some")
    if isinstance(error, lmdb.PanicError):
        return panicked(path)
    return StoreError(f"the repository at {path} can't be used: {error}")


def refused(code: int, path: str) -> StoreError | None:
    """The error for a system error number, if that says what to do about the repository at `path`; else None."""
    if code in FULL or (code == errno.EIO and _is_full(path)):
        return full(path)
    if code == errno.EROFS:
        return StoreError(f"the disk with the repository at {path} is read-only; nothing was written")
    if code in _DENIED:
        return StoreError(f"no permission for the repository at {path}: use it as the user that owns its files")
    if code == errno.ENOENT:
        return StoreError(f"there is no repository at {path}: create one with `zonegit init`")
    return None


def panicked(path: str, reason: str = "") -> StorePanicked:
    why = f" ({reason})" if reason else ""
    return StorePanicked(
        f"a write to the repository at {path} failed half-way{why}: check the disk, and check with `zonegit log` "
        "whether the change was made before you make it again"
    )


def full(path: str) -> StoreFull:
    return StoreFull(
        f"no space is left for the repository at {path}; nothing was written: free some space and retry"
    )


def _is_full(path: str) -> bool:
    """Whether an I/O error means a full disk: LMDB reports a write that fitted only in part as an I/O error."""
    try:
        disk = os.statvfs(path)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _SCARCE


class LmdbViewTable:
    """The table of views as LMDB has it; LMDB's errors aren't translated. The caller of `get` checks the result."""

    __slots__ = ("_cursor", "_tables", "get", "table")

    def __init__(self, tables: LmdbTables) -> None:
        self._tables = tables
        self.table = tables.database(Table.VIEWS)
        self.turn()

    def turn(self) -> None:
        """Read the present version of the tables."""
        # The binding's types can't express that a transaction without buffers returns bytes.
        self.get = cast(Callable[[bytes, None, object], bytes | None], self._tables.txn.get)
        """`get(key, None, table)`"""
        self._cursor: lmdb.Cursor[bytes] | None = None

    def gap(self, key: bytes) -> tuple[Item | None, Item | None]:
        """The items before and after an absent key, which prove its absence. `CorruptStore`."""
        found = _around(self._cursor or self._open(), key)
        check_gap(key, *found)
        return found

    def _open(self) -> "lmdb.Cursor[bytes]":
        self._cursor = self._tables.txn.cursor(self.table)
        return self._cursor
