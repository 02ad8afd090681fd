"""Bits flipped in the file of a repository: found by `fsck`, never returned, and no ground for a denial."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storekit import MAIN, SMALL_NODES, addresses, large, publish
from zonegit.errors import CorruptStore
from zonegit.model.names import OwnerKey
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table


def test_a_bit_flipped_in_the_file_is_found_and_never_returned(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, [*addresses(40), large()], shape=SMALL_NODES)
    with store.read() as reader:
        objects = {oid: reader.get(oid) for oid in reader.object_ids()}
        shown = [item for item in reader.tables.scan(Table.VIEWS) if len(item[1]) < 100]
    store.close()
    whole = (path / "data.mdb").read_bytes()
    for turn, (oid, data) in enumerate(objects.items()):
        with flipped(path, whole, data, turn * 7919), store_at(path) as store, store.read() as reader:
            assert f"object {oid.hex()}: its bytes were changed on disk" in fsck(store).problems
            with pytest.raises(CorruptStore, match=oid.hex()):
                reader.get(oid)
    for turn, (key, value) in enumerate(shown):
        with flipped(path, whole, key + value, turn * 7919), store_at(path) as store, store.read() as reader:
            assert any(line.startswith("view") for line in fsck(store).problems)
            view = reader.view(MAIN)
            assert view
            with pytest.raises(CorruptStore):
                view.at(OwnerKey(key[4:]))


def published(path: Path, count: int) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """A zone of so many addresses: the rows of its view, and all bytes of the closed repository's file."""
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(count))
    with store.read() as reader:
        items = list(reader.tables.scan(Table.VIEWS))
    store.close()
    return items, (path / "data.mdb").read_bytes()


@pytest.mark.parametrize("at", [0, 1, 20, -1], ids=["apex", "first", "middle", "last"])
def test_a_bit_flipped_in_a_views_key_in_the_file_denies_no_name(path: Path, at: int) -> None:
    items, whole = published(path, 40)
    key, value = items[at]
    owner = OwnerKey(key[4:])
    for bit in range(8 * len(key)):
        with flipped(path, whole, key + value, bit), store_at(path) as store, store.read() as reader:
            view = reader.view(MAIN)
            assert view
            for look in (view.at, view.before, view.after) if owner else (view.at,):
                with pytest.raises(CorruptStore, match="reindex"):
                    look(OwnerKey(owner + b"\0") if look == view.before else owner)


@contextmanager
def flipped(path: Path, whole: bytes, part: bytes, bit: int) -> Iterator[None]:
    """The file with one bit of `part` changed wherever it stands, as long as this lasts."""
    bit %= 8 * len(part)
    changed = bytearray(part)
    changed[bit // 8] ^= 1 << bit % 8
    assert part in whole
    (path / "data.mdb").write_bytes(whole.replace(part, changed))
    yield
    (path / "data.mdb").write_bytes(whole)


@contextmanager
def store_at(path: Path) -> Iterator[LmdbStore]:
    store = LmdbStore.open(path, readonly=True)
    try:
        yield store
    finally:
        store.close()


BRANCH = 1
"""The flag of a database page above the leaves, in the eleventh byte of a page."""


def test_a_bit_flipped_in_a_page_above_the_views_denies_no_name(path: Path) -> None:
    """A changed key there leads to another page, where nothing is found between items that are as they were."""
    items, whole = published(path, 300)
    pages = [whole[at : at + 4096] for at in range(0, len(whole), 4096)]
    above = [page for page in pages if page[10] == BRANCH]
    misled = 0
    for key, _ in items:
        for page in above if len(key) > 4 and any(key in page for page in above) else ():
            for bit in range(0, 8 * len(key), 3):
                changed = bytearray(key)
                changed[bit // 8] ^= 1 << bit % 8
                (path / "data.mdb").write_bytes(whole.replace(page, page.replace(key, changed)))
                misled += _misled(path, items)
    assert misled > 10


def _misled(path: Path, items: list[tuple[bytes, bytes]]) -> bool:
    """Whether some name isn't found; all others have to be as they were."""
    with store_at(path) as store, store.read() as reader:
        view = reader.view(MAIN)
        assert view
        told = 0
        for key, value in items:
            try:
                assert view.at(OwnerKey(key[4:])) == value[4:]
            except CorruptStore:
                told += 1
        if told:
            assert any(line.startswith("view of") for line in fsck(store).problems)
        return told > 0
