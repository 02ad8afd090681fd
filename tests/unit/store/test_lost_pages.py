"""Files that lack pages: told as damage, but where those pages were free."""

from pathlib import Path

import store_child
from spawnkit import answer
from storekit import addresses, publish
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore


def test_a_file_that_was_cut_off_is_damaged_and_kills_nobody(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(2000))
    store.close()
    found = answer(store_child.open_cut_off, path)
    assert isinstance(found, dict)
    assert len(found) >= 12
    assert "was never finished" in found.pop(0)
    for size, said in found.items():
        assert "is damaged" in said or "another format" in said or "changed on disk" in said, (size, said)


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
