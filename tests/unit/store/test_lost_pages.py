"""Files that lack pages: told as damage, but where those pages were free."""

import sys
from pathlib import Path
from typing import Any, Final

import lmdb
import pytest

import store_child
from spawnkit import answer
from storekit import addresses, publish
from zonegit.errors import CorruptStore
from zonegit.store import environment
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

OPEN: Final = lmdb.Environment
LAST_PAGE: Final = 136
"""Bytes of LMDB's head before the number of its last page, on a 64-bit machine."""


def test_a_file_that_was_cut_off_is_damaged_and_kills_nobody(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(2000))
    store.close()
    found = answer(store_child.open_cut_off, path)
    assert isinstance(found, dict)
    assert len(found) >= 12
    assert "was interrupted" in found.pop(0)
    for size, said in found.items():
        assert "is damaged" in said or "another format" in said or "changed on disk" in said, (size, said)


def test_a_changed_count_of_pages_fills_no_disk(path: Path) -> None:
    """Both of the file's heads say how many pages it has; nothing vouches for that."""
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(10))
    store.close()
    with (path / "data.mdb").open("r+b") as file:
        for head in (0, 4096):
            file.seek(head + LAST_PAGE)
            file.write((1 << 22).to_bytes(8, sys.byteorder))
    size = (path / "data.mdb").stat().st_size
    for readonly in (False, True):
        with pytest.raises(CorruptStore, match=r"bytes of 17,179,873,280; restore a backup or clone it again"):
            LmdbStore.open(path, readonly=readonly)
    assert (path / "data.mdb").stat().st_size == size


class Growing:
    """An environment in which somebody writes a lot right before LMDB says how many pages there are."""

    def __init__(self, path: bytes, **options: Any) -> None:
        self._inner = OPEN(path, **options)

    def info(self) -> dict[str, int]:
        with self._inner.begin(write=True) as txn:
            txn.put(b"more", bytes(1 << 20))
        return self._inner.info()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def test_a_file_that_grows_while_it_is_opened_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_MISSING", 0)
    monkeypatch.setattr(lmdb, "Environment", Growing)
    LmdbStore.open(path).close()


def test_a_lost_page_is_told_where_lmdb_survives_it(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(1000))
    store.close()
    ends = answer(store_child.lose_pages, path)
    assert isinstance(ends, dict)
    assert ends.pop(60) == 1, "the one page through which all objects are reached"
    assert set(ends) <= {0, 6, -6}, "free pages; told; LMDB steps onto a page that is none, and aborts"
    assert ends[6] > 5


def test_a_whole_file_that_ends_before_its_free_pages_is_no_damage(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        tip = publish(writer, addresses(10))
    for turn in range(4):
        with store.write() as writer:
            for number in range(20):
                writer.set_setting(f"{turn}/{number}", bytes(20_000))
            for number in range(5, 20):
                writer.set_setting(f"{turn}/{number}", None)
    used = store.stat().map_used
    store.close()
    size = (path / "data.mdb").stat().st_size
    assert size < used
    store = LmdbStore.open(path)
    assert (path / "data.mdb").stat().st_size == used
    with store.write() as writer:
        publish(writer, addresses(1000), tip, 1, 2)
    assert fsck(store).problems == []
    store.close()
