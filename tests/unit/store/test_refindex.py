"""The ref index as a pure trie: one root per set of refs, whatever way it came about, and few cells per move."""

from random import Random

import pytest
from blake3 import blake3

from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head
from zonegit.store.refindex import RefIndex, index_key

ONE, TWO = ObjectId(b"\1" * 32), ObjectId(b"\2" * 32)


class Counting(dict[bytes, bytes]):
    """Cells that count how often they are written."""

    writes = 0

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self.writes += 1
        super().__setitem__(key, value)


def names(count: int) -> list[RefName]:
    return [head(f"z{n}.example.", "main") for n in range(count)]


def test_no_refs_have_the_digest_of_nothing() -> None:
    assert RefIndex({}).root == blake3(b"").digest()
    assert RefIndex({}).buckets() == []


def test_one_ref_stands_in_the_root_cell() -> None:
    cells: dict[bytes, bytes] = {}
    index = RefIndex(cells)
    index.set(names(1)[0], ONE)
    key = index_key(names(1)[0])
    assert cells == {b"\0": bytes((key[0] >> 4, 0)) + key + ONE}
    assert index.root == blake3(cells[b"\0"]).digest()


def test_removing_everything_leaves_no_cell() -> None:
    cells: dict[bytes, bytes] = {}
    index = RefIndex(cells)
    for name in names(300):
        index.set(name, ONE)
    for name in names(300):
        index.set(name, None)
        index.set(name, None)
    assert cells == {}


def test_many_moves_at_once_write_each_cell_once() -> None:
    """Among so many refs that cells below the buckets are made and vanish, too."""
    one_by_one: dict[bytes, bytes] = {}
    for name in names(2000):
        RefIndex(one_by_one).set(name, ONE)
    cells = Counting()
    RefIndex(cells).update((name, ONE) for name in names(2000))
    assert cells == one_by_one
    assert cells.writes == len(cells)
    cells.writes = 0
    RefIndex(cells).update((name, None if number % 3 else TWO) for number, name in enumerate(names(2000)))
    wanted: dict[bytes, bytes] = {}
    for name in names(2000)[::3]:
        RefIndex(wanted).set(name, TWO)
    assert cells == wanted
    RefIndex(cells).update((name, None) for name in names(2000))
    assert cells == {}


def test_a_move_rewrites_one_path() -> None:
    cells = Counting()
    index = RefIndex(cells)
    for name in names(2000):
        index.set(name, ONE)
    cells.writes = 0
    index.set(names(1)[0], TWO)
    assert cells.writes <= 5


def test_only_the_buckets_of_moved_refs_change() -> None:
    index = RefIndex({})
    for name in names(2000):
        index.set(name, ONE)
    before = {bucket.prefix: bucket.digest for bucket in index.buckets()}
    moved = names(2000)[::700]
    for name in moved:
        index.set(name, TWO)
    after = {bucket.prefix: bucket.digest for bucket in index.buckets()}
    assert {prefix for prefix in after if after[prefix] != before[prefix]} == {index_key(name)[0] for name in moved}
    assert {len(digest) for digest in after.values()} == {16}


@pytest.mark.parametrize("count", [1, 3, 40, 1000])
def test_a_bucket_depends_on_its_own_refs_alone(count: int) -> None:
    whole = RefIndex({})
    for name in names(count):
        whole.set(name, ONE)
    for bucket in whole.buckets():
        alone = RefIndex({})
        for name in names(count):
            if index_key(name)[0] == bucket.prefix:
                alone.set(name, ONE)
        assert alone.buckets() == [bucket]


def test_a_changed_cell_is_corrupt_and_never_misread() -> None:
    cells: dict[bytes, bytes] = {}
    for name in names(60):
        RefIndex(cells).set(name, ONE)
    rng = Random(1)
    for key in sorted(cells)[1:]:
        changed = bytearray(cells[key])
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
        index = RefIndex({**cells, key: bytes(changed)})
        with pytest.raises(CorruptStore):
            index.buckets()
            for name in names(60):
                index.set(name, None)


@pytest.mark.parametrize("cut", [1, 2, 3, 40, 65])
def test_a_short_cell_is_corrupt(cut: int) -> None:
    cells: dict[bytes, bytes] = {}
    RefIndex(cells).set(names(1)[0], ONE)
    index = RefIndex({b"\0": cells[b"\0"][:cut]})
    with pytest.raises(CorruptStore):
        index.set(names(1)[0], TWO)
