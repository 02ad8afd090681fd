"""Changes in records that a moved view leaves for incremental transfers: as the trees give them, never too many."""

from random import Random

import pytest

from storekit import MAIN, SMALL_NODES, SOA, addresses, large, publish
from synckit import NET, ORG, commit, move, names
from treekit import key_of, payload_of
from zonegit.errors import CorruptStore
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.rrset import RRKey, RRset
from zonegit.model.zone import Zone
from zonegit.repo.gc import HOOKS
from zonegit.store import changes, layout
from zonegit.store.fsck import fsck
from zonegit.store.gc import gc
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Reader
from zonegit.store.reader import StoreReader
from zonegit.store.reindex import reindex
from zonegit.store.tables import Table
from zonegit.tree.change import Change, change_of, decode_change, encode_change
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes

Store = LmdbStore | MemoryStore
_LATE = 1 << 40


def root_of(reader: Reader, oid: ObjectId) -> ObjectId:
    return Zone.decode(reader.get(Commit.decode(reader.get(oid)).zone_root)).tree


def compared(reader: Reader, old: ObjectId, new: ObjectId) -> Change:
    return change_of(diff(Nodes(reader), root_of(reader, old), root_of(reader, new)))


def kept(reader: Reader, old: ObjectId, new: ObjectId) -> Change | None:
    return reader.change(root_of(reader, old), root_of(reader, new))


def pairs(reader: StoreReader) -> list[tuple[ObjectId, ObjectId]]:
    return list(changes.kept_changes(reader.tables))


def history(store: Store, *values: int) -> list[ObjectId]:
    """Versions of a zone in which 50 addresses have this value."""
    found: list[ObjectId] = []
    with store.write() as writer:
        for step, value in enumerate(values):
            found.append(publish(writer, addresses(50, value), found[-1] if found else None, step, step + 1))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_what_is_kept_is_what_the_trees_give(store: Store, seed: int) -> None:
    rng = Random(seed)
    content: dict[RRKey, bytes] = {SOA.key: SOA.encode()}
    tips: list[ObjectId] = []
    for step in range(8):
        for key in rng.sample(sorted(content), rng.randint(0, len(content))):
            if key != SOA.key:
                del content[key]
        for _ in range(rng.choice([1, 30, 200])):
            key = key_of(rng)
            content[key] = payload_of(key, rng)
        with store.write() as writer:
            rrsets = [*(RRset.decode(payload) for payload in content.values())]
            tips.append(publish(writer, rrsets, tips[-1] if tips else None, step, step + 1, shape=SMALL_NODES))
        with store.read() as reader:
            for old in tips[:-1]:
                found = kept(reader, old, tips[-1])
                assert found in (None, compared(reader, old, tips[-1]))
                assert found is None or decode_change(encode_change(found)) == found
    with store.read() as reader:
        assert pairs(reader)
    assert fsck(store).problems == []


def test_a_change_back_is_another_change(store: Store) -> None:
    one, two, three = history(store, 1, 2, 1)
    with store.read() as reader:
        there, back = kept(reader, one, two), kept(reader, two, three)
        assert there is not None
        assert back is not None
        assert there.records == 100
        assert (there.deleted, there.added) == (back.added, back.deleted)
        assert kept(reader, one, three) is None


def test_a_small_change_is_not_kept(store: Store) -> None:
    with store.write() as writer:
        one = publish(writer, addresses(50))
        two = publish(writer, addresses(55), one, 1, 2)
        publish(writer, [*addresses(50), large()], two, 2, 3)
        assert pairs(writer) == []


def test_a_huge_change_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_LARGEST", 1000)
    history(store, 1, 2)
    with store.read() as reader:
        assert pairs(reader) == []


@pytest.mark.parametrize(("bound", "most"), [("_MOST", 3), ("_TOGETHER", 6500)])
def test_the_newest_are_kept_within_bounds(
    store: Store, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(changes, bound, most)
    tips = history(store, *range(1, 9))
    with store.read() as reader:
        roots = [root_of(reader, tip) for tip in tips]
        assert pairs(reader) == list(zip(roots[-4:-1], roots[-3:], strict=True))
        stored = [key for key, _ in reader.tables.scan(Table.META, layout.CHANGE)]
        assert len(stored) == 3
    assert fsck(store).problems == []


def test_they_go_with_their_trees(store: Store) -> None:
    for zone in (ORG, NET):
        commit(store, zone, names(zone, 100))
        commit(store, zone, names(zone, 150))
    with store.read() as reader:
        assert len(pairs(reader)) == 2
    move(store, NET, "main", None)
    gc(store, _LATE, HOOKS)
    with store.read() as reader:
        assert len(pairs(reader)) == 1
        assert all(reader.has(root) for pair in pairs(reader) for root in pair)
    assert fsck(store).problems == []


def test_a_flipped_bit_is_found_and_mended(store: Store) -> None:
    one, two = history(store, 1, 2)
    with store.write() as writer:
        ((key, sealed),) = writer.tables.scan(Table.META, layout.CHANGE)
        writer.draft.put(Table.META, key, sealed[:-1] + bytes([sealed[-1] ^ 1]))
    with store.read() as reader, pytest.raises(CorruptStore):
        kept(reader, one, two)
    assert [problem.split(":")[0] for problem in fsck(store).problems] == ["changes"]
    reindex(store)
    assert fsck(store).problems == []
    with store.read() as reader:
        assert kept(reader, one, two) is None


def test_a_change_of_other_trees_or_in_no_list_is_found(store: Store) -> None:
    history(store, 1, 2, 3)
    with store.write() as writer:
        (one, _), (two, value) = writer.tables.scan(Table.META, layout.CHANGE)
        writer.draft.put(Table.META, one, layout.seal(one, layout.unseal(two, value)))
        writer.draft.put(Table.META, layout.CHANGE + bytes(64), b"")
    found = fsck(store).problems
    assert len(found) == 2
    assert all(problem.startswith("changes: ") for problem in found)
    reindex(store)
    assert fsck(store).problems == []


def test_a_removed_branch_needs_none(store: Store) -> None:
    tips = history(store, 1, 2)
    with store.write() as writer:
        writer.hide(MAIN)
        publish(writer, addresses(50, 3), tips[-1], 2, 3)
        assert len(pairs(writer)) == 1
