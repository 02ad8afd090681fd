"""The store on disk: one LMDB environment per repository; readers in any process, one writer at a time.

Durable: a transaction that was committed survives power loss, one that was not leaves nothing. The engine is LMDB
0.9's, whatever the default of the installed py-lmdb (its two engines can't read each other's files). Opened again
after a spawn, never used across a fork. Refuses a second open of one repository in one process, as LMDB does.
"""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lmdb

from zonegit.errors import StoreError
from zonegit.model.ids import Kind
from zonegit.store import layout
from zonegit.store.facts import FactCache
from zonegit.store.lmdb_tables import NAMES, LmdbTables, translated
from zonegit.store.reader import StoreReader
from zonegit.store.tables import Table
from zonegit.store.writer import StoreWriter, found_repository

MAP_SIZE: Final = 1 << 40
"""Bytes of address space; only what is used takes disk."""
_MAX_READERS: Final = 1022
_MODE: Final = 0o750
"""Of the directory; its files lack the x bits."""


@dataclass(frozen=True, slots=True)
class StoreStat:
    """Sizes for people and metrics."""

    map_used: int
    """Bytes of the file in use."""
    map_size: int
    """Bytes the file may grow to."""
    readers: int
    """Slots in use or free for reuse in the table of readers, of all processes."""
    objects: Mapping[Kind, int]


class LmdbStore:
    """A repository in a directory. Threads may share it; another process opens its own."""

    def __init__(self, path: Path, environment: lmdb.Environment, databases: "list[lmdb._Database]") -> None:
        """Use `create` or `open`."""
        self.path = path
        self._environment = environment
        self._databases = databases
        self._facts = FactCache()

    @classmethod
    def create(cls, path: Path, map_size: int = MAP_SIZE) -> "LmdbStore":
        """Make a repository in a directory, which may exist. `StoreError` if one is there already."""
        try:
            path.mkdir(mode=_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"can't make the directory {path}: {error.strerror}") from None
        environment = _environment(path, map_size, readonly=False)
        try:
            with environment.begin(write=True) as txn:
                databases = [environment.open_db(name, txn=txn) for name in NAMES]
                tables = LmdbTables(txn, databases, str(path))
                if tables.get(Table.META, layout.FORMAT) is not None:
                    raise StoreError(f"there is a repository at {path} already")
                found_repository(tables, secrets.token_bytes(16))
        except lmdb.Error as error:
            environment.close()
            raise translated(error, str(path)) from None
        except BaseException:
            environment.close()
            raise
        return cls(path, environment, databases)

    @classmethod
    def open(cls, path: Path, readonly: bool = False, map_size: int = MAP_SIZE) -> "LmdbStore":
        """Open the repository in a directory. `StoreError` when there is none, or it can't be read."""
        if not (path / "data.mdb").exists():
            raise StoreError(f"there is no repository at {path}: make one with `zonegit init`")
        environment = _environment(path, map_size, readonly)
        try:
            environment.reader_check()
            with environment.begin() as txn:
                databases = [environment.open_db(name, txn=txn, create=False) for name in NAMES]
                _check_format(LmdbTables(txn, databases, str(path)))
        except lmdb.NotFoundError:
            environment.close()
            raise StoreError(f"the repository at {path} was never finished: run `zonegit init` again") from None
        except lmdb.Error as error:
            environment.close()
            raise translated(error, str(path)) from None
        except BaseException:
            environment.close()
            raise
        return cls(path, environment, databases)

    @contextmanager
    def read(self) -> Iterator[StoreReader]:
        txn = self._begin(write=False)
        try:
            yield StoreReader(self._tables(txn))
        finally:
            txn.abort()

    @contextmanager
    def write(self) -> Iterator[StoreWriter]:
        txn = self._begin(write=True)
        try:
            writer = StoreWriter(self._tables(txn), self._facts)
            yield writer
            writer.finish()
            txn.commit()
        except lmdb.Error as error:
            raise translated(error, str(self.path)) from None
        finally:
            txn.abort()

    def standing(self) -> "StandingReader":
        """A reader for one long-lived worker; its slot in LMDB's table of readers is kept between renewals."""
        return StandingReader(self)

    def txn_id(self) -> int:
        return self._environment.info()["last_txnid"]

    def reader_check(self) -> int:
        """Free the slots of readers that died; how many there were. A dead reader keeps pages from reuse."""
        return self._environment.reader_check()

    def stat(self) -> StoreStat:
        info = self._environment.info()
        page = self._environment.stat()["psize"]
        with self.read() as reader:
            objects = reader.object_counts()
        return StoreStat((info["last_pgno"] + 1) * page, info["map_size"], info["num_readers"], objects)

    def close(self) -> None:
        self._environment.close()

    def _tables(self, txn: "lmdb.Transaction[bytes]") -> LmdbTables:
        return LmdbTables(txn, self._databases, str(self.path))

    def _begin(self, *, write: bool) -> "lmdb.Transaction[bytes]":
        """A transaction, with the map of this process made as large as another one's if it has to be."""
        try:
            return self._environment.begin(write=write)
        except lmdb.MapResizedError:
            self._environment.set_mapsize(0)
            return self._begin(write=write)
        except lmdb.Error as error:
            raise translated(error, str(self.path)) from None


class StandingReader(StoreReader):
    """A reader that is renewed for each batch of work and reset when idle; its views follow their heads."""

    def __init__(self, store: LmdbStore) -> None:
        self._store = store
        txn = store._begin(write=False)
        self._standing = store._tables(txn)
        super().__init__(self._standing)

    def renew(self) -> None:
        """Look at the newest version."""
        self.reset()
        self._standing.txn = self._store._begin(write=False)
        self._standing.touch()

    def reset(self) -> None:
        """Let go of the version, so that its pages can be used again. Nothing can be read until `renew`."""
        self._standing.txn.abort()


def _environment(path: Path, map_size: int, readonly: bool) -> lmdb.Environment:
    try:
        return lmdb.Environment(
            str(path),
            map_size=map_size,
            readonly=readonly,
            create=not readonly,
            mode=_MODE,
            sync=True,
            metasync=True,
            writemap=False,
            max_dbs=len(NAMES),
            max_readers=_MAX_READERS,
            max_spare_txns=1,
            lib_version=0,
        )
    except lmdb.Error as error:
        raise translated(error, str(path)) from None


def _check_format(tables: LmdbTables) -> None:
    found = layout.number(tables, layout.FORMAT)
    if found != layout.STORE_FORMAT:
        raise StoreError(f"the repository has format {found}; this zonegit reads format {layout.STORE_FORMAT}")
