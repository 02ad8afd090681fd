"""`fsck` names whatever differs from what was written; `reindex` mends whatever can be derived."""

from pathlib import Path

import pytest

from storekit import MAIN, SMALL_NODES, WHO, ZONE, addresses, large, publish, tag_of, version
from zonegit.errors import CorruptStore
from zonegit.model.ids import Kind, object_id
from zonegit.model.names import join, owner_key
from zonegit.model.node import decode_node, encode_inner, encode_leaf
from zonegit.model.refs import head, remote, tag
from zonegit.model.rrset import RRset
from zonegit.model.zone import Shape, Zone
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.reindex import reindex
from zonegit.store.tables import Table

Store = LmdbStore | MemoryStore


@pytest.fixture
def filled(store: Store) -> Store:
    """Two versions, two branches, a tag, a remote; a tree of several levels."""
    with store.write() as writer:
        one = publish(writer, [*addresses(60), large()], shape=SMALL_NODES)
        two = publish(writer, [*addresses(61), large()], one, 1, 2, shape=SMALL_NODES)
        tagged = tag_of(two)
        writer.insert([tagged])
        moves = [(head(ZONE, "dev"), one), (tag(ZONE, "v1"), object_id(tagged)), (remote("p", ZONE, "main"), two)]
        writer.move_refs([RefUpdate(name, None, oid) for name, oid in moves], WHO, "test")
        writer.show(head(ZONE, "dev"))
    return store


def problems(store: Store) -> list[str]:
    return fsck(store).problems


def test_what_was_written_has_no_problems(filled: Store) -> None:
    seen: list[tuple[int, int]] = []
    report = fsck(filled, lambda done, total: seen.append((done, total)))
    assert report.problems == []
    with filled.read() as reader:
        assert report.objects == len(list(reader.object_ids()))
    assert seen[-1] == (report.objects, report.objects)


def test_an_empty_store_has_no_problems(store: Store) -> None:
    assert problems(store) == []


def test_an_empty_zone_has_no_problems(store: Store) -> None:
    with store.write() as writer:
        publish(writer, [])
    assert problems(store) == []


def test_names_of_the_highest_bytes_are_no_problem(store: Store) -> None:
    with store.write() as writer:
        publish(writer, [*addresses(3), RRset.of(join([b"\xff" * 63] * 3), 1, 300, [bytes(4)])])
        writer.show(MAIN)
    assert problems(store) == []


def test_a_flipped_bit_in_any_object_is_found_and_never_returned(filled: Store) -> None:
    with filled.read() as reader:
        objects = [(oid, reader.tables.get(Table.IDS, oid) or b"") for oid in reader.object_ids()]
    for turn, (oid, sequence) in enumerate(objects):
        with filled.write() as writer:
            data = writer.get(oid)
            bit = turn * 7919 % (8 * len(data))
            changed = bytearray(data)
            changed[bit // 8] ^= 1 << bit % 8
            writer.draft.put(Table.OBJECTS, sequence, bytes(changed))
        with filled.read() as reader, pytest.raises(CorruptStore, match=oid.hex()):
            reader.get(oid)
        assert f"object {oid.hex()}: its bytes were changed on disk" in problems(filled)
        with filled.write() as writer:
            writer.draft.put(Table.OBJECTS, sequence, data)
    assert problems(filled) == []


@pytest.mark.parametrize("table", list(Table))
def test_a_flipped_bit_in_any_table_is_found(store: Store, table: Table) -> None:
    with store.write() as writer:
        tip = publish(writer, addresses(3), shape=SMALL_NODES)
        publish(writer, addresses(4), tip, 1, 2, shape=SMALL_NODES)
    with store.read() as reader:
        items = dict(reader.tables.scan(table))
    for key, value in items.items():
        if table == Table.META and not key.startswith(b"view/"):
            continue  # nothing else says what these should be
        told = 64 if table == Table.REFLOG else len(value)  # of a move the ids; nothing proves its time and reason
        for bit in range(value[-1] % 8, 8 * (len(key) + told), 29):
            changed = bytearray(key + value)
            changed[bit // 8] ^= 1 << bit % 8
            elsewhere, other = bytes(changed[: len(key)]), bytes(changed[len(key) :])
            if elsewhere != key and elsewhere in items:
                continue
            with store.write() as writer:
                writer.draft.delete(table, key)
                writer.draft.put(table, elsewhere, other)
            assert problems(store), (key, bit)
            with store.write() as writer:
                writer.draft.delete(table, elsewhere)
                writer.draft.put(table, key, value)
    assert problems(store) == []


@pytest.mark.parametrize("damage", ["lost first", "lost middle", "cut short"])
def test_a_damaged_reflog_is_found(filled: Store, damage: str) -> None:
    with filled.write() as writer:
        log = list(writer.tables.scan(Table.REFLOG, MAIN.encode()))
        publish(writer, addresses(5), writer.ref(MAIN), 2, 3)
        if damage == "cut short":
            writer.draft.put(Table.REFLOG, log[1][0], log[1][1][:60])
        else:
            writer.draft.delete(Table.REFLOG, log[1 if damage == "lost first" else 0][0])
    assert problems(filled) == [f"reflog of {MAIN}: its entries were changed on disk"]


def test_a_lost_object_is_found(filled: Store) -> None:
    with filled.write() as writer:
        tree = next(oid for oid in writer.object_ids(Kind.RRSET))
        writer.draft.delete(Table.IDS, tree)
    found = problems(filled)
    assert any(f"points to {tree.hex()[:12]}, which is not here" in line for line in found)
    assert any(line.startswith("objects: ") for line in found)


def test_a_lost_commit_leaves_its_ref_dangling(filled: Store) -> None:
    with filled.write() as writer:
        tip = writer.ref(MAIN)
        assert tip
        writer.draft.delete(Table.IDS, tip)
    assert any(line.startswith(f"ref {MAIN}: ") and tip.hex()[:12] in line for line in problems(filled))


def test_nodes_that_end_in_the_wrong_place_are_found(store: Store) -> None:
    rrsets = sorted(addresses(40), key=lambda rrset: rrset.key)
    leaves = [encode_leaf([rrset.encode() for rrset in rrsets[at : at + 10]]) for at in range(0, 41, 10)]
    keys = [decode_node(data).keys[-1] for data in leaves]
    counts = [decode_node(data).records for data in leaves]
    top = encode_inner(1, keys, [object_id(data) for data in leaves], counts)
    zone = Zone(object_id(top), Shape(b"x" * 32, 64, 128, 256), 41).encode()
    with store.write() as writer:
        writer.insert([*leaves, top, zone])
    assert any(line.endswith("shape says") for line in problems(store))


def test_a_root_with_one_child_is_found(store: Store) -> None:
    _, objects = version(addresses(3))
    leaf = decode_node(objects[0])
    top = encode_inner(1, leaf.keys[-1:], [object_id(objects[0])], [leaf.records])
    with store.write() as writer:
        writer.insert([objects[0], top, Zone(object_id(top), Shape(b"s" * 32), leaf.records).encode()])
    assert [line.split(": ")[0] for line in problems(store)] == [f"object {object_id(top).hex()}"]


def test_a_moved_ref_is_found(filled: Store) -> None:
    with filled.write() as writer:
        other = writer.ref(head(ZONE, "dev"))
        assert other
        writer.draft.put(Table.REFS, MAIN.encode(), other)
    found = problems(filled)
    assert [line.split(": ")[0] for line in found] == [f"ref {MAIN}", "ref index", f"view of {MAIN}"]


def test_a_wrong_ref_index_is_found_and_mended(filled: Store) -> None:
    with filled.read() as reader:
        root = reader.index_root
    with filled.write() as writer:
        key, value = next(writer.tables.scan(Table.REFINDEX))
        writer.draft.put(Table.REFINDEX, key, value[:-1] + bytes((value[-1] ^ 1,)))
    assert problems(filled) == ["ref index: it doesn't show the refs as they are; run `zonegit reindex`"]
    reindex(filled)
    assert problems(filled) == []
    with filled.read() as reader:
        assert reader.index_root == root


@pytest.mark.parametrize("damage", ["changed", "missing", "extra", "orphan", "serial"])
def test_a_wrong_view_is_found_and_mended(filled: Store, damage: str) -> None:
    with filled.write() as writer:
        key, value = next(item for item in writer.tables.scan(Table.VIEWS) if item[0].endswith(b"h12\0"))
        meta, shown = next(writer.tables.scan(Table.META, b"view/"))
        if damage == "changed":
            writer.draft.put(Table.VIEWS, key, value[:-1] + bytes((value[-1] ^ 1,)))
        elif damage == "missing":
            writer.draft.delete(Table.VIEWS, key)
        elif damage == "extra":
            writer.draft.put(Table.VIEWS, key[:4] + owner_key(b"\3new"), value)  # type: ignore[arg-type]
        elif damage == "orphan":
            writer.draft.put(Table.VIEWS, b"\0\0\1\1" + key[4:], value)
        else:
            writer.draft.put(Table.META, meta, shown[:-1] + bytes((shown[-1] ^ 1,)))
    found = problems(filled)
    assert len(found) == 1
    assert found[0].startswith("view")
    assert "reindex" in found[0]
    reindex(filled)
    assert problems(filled) == []


def test_wrong_counters_are_found_and_mended(filled: Store) -> None:
    with filled.write() as writer:
        writer.draft.put(Table.META, b"objects/" + bytes((Kind.NODE,)), bytes(8))
    assert problems(filled)[0].startswith("objects: their counters")
    reindex(filled)
    assert problems(filled) == []


def test_reindex_keeps_what_is_shown_and_tells_its_progress(filled: Store) -> None:
    with filled.write() as writer:
        writer.hide(MAIN)
    seen: list[tuple[int, int]] = []
    reindex(filled, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (62 + 100 + 61 + 100, 323)
    with filled.read() as reader:
        assert reader.view(MAIN)
        assert reader.view(head(ZONE, "dev"))
    assert problems(filled) == []


def test_reindex_of_a_damaged_store_changes_nothing(filled: Store) -> None:
    with filled.write() as writer:
        tip = writer.ref(MAIN)
        assert tip
        sequence = writer.tables.get(Table.IDS, tip) or b""
        writer.draft.put(Table.OBJECTS, sequence, b"\1\1\0x")
    before = filled.txn_id()
    with pytest.raises(CorruptStore, match=tip.hex()):
        reindex(filled)
    assert filled.txn_id() == before
    with filled.read() as reader:
        assert reader.view(MAIN)


def test_fsck_runs_beside_a_writer(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")
    with store.write() as writer:
        tip = publish(writer, addresses(30))

    def write(done: int, total: int) -> None:
        with store.write() as writer:
            publish(writer, addresses(31), tip, 1, 2)

    assert fsck(store, write).problems == []
    store.close()
