"""The one way in refuses whatever isn't canonical, and whatever isn't as its parent says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from storekit import SMALL_NODES, WHO, ZONE, addresses, large, tag_of, version
from zonegit.errors import InvalidObject, LimitExceeded
from zonegit.model.commit import Commit
from zonegit.model.ids import MAX_SIZE, Kind, ObjectId, object_id
from zonegit.model.names import join
from zonegit.model.node import Inner, decode_node, encode_inner, encode_leaf, encode_rrset, make_stub
from zonegit.model.rrset import RRKey, RRset
from zonegit.model.zone import Shape, Zone
from zonegit.store.insert import SEQ_STEP
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore

Store = LmdbStore | MemoryStore
NOWHERE = ObjectId(b"\7" * 32)


def refused(store: Store, *objects: bytes, match: str, error: type[Exception] = InvalidObject) -> None:
    """Insert all but the last, which must be refused for this reason, and leave nothing.

    So it is again after all were checked ahead.
    """
    for _ in range(2):
        with pytest.raises(error, match=match), store.write() as writer:
            writer.insert(objects[:-1])
            writer.insert(objects[-1:])
        with store.read() as reader:
            assert list(reader.object_ids()) == []
            for data in objects:
                reader.check_ahead(data)


def leaf(*rrsets: RRset) -> bytes:
    return encode_leaf([rrset.encode() for rrset in rrsets])


def inner(level: int, *children: bytes, change: Callable[[Inner], Inner] = lambda node: node) -> bytes:
    nodes = [decode_node(child) for child in children]
    keys = tuple(node.keys[-1] if node.keys else RRKey(b"") for node in nodes)
    counts = tuple(node.records for node in nodes)
    made = change(Inner(level, keys, tuple(object_id(child) for child in children), counts))
    return encode_inner(made.level, made.keys, made.children, made.counts)


FIRST, SECOND = leaf(*addresses(0)), leaf(*addresses(3)[1:])


def test_what_was_checked_ahead_still_needs_its_children(store: Store) -> None:
    parent = inner(1, FIRST, SECOND)
    with store.read() as reader:
        for data in (FIRST, SECOND, parent):
            reader.check_ahead(data)
    refused(store, FIRST, parent, match="is not here")
    with store.write() as writer:
        assert writer.insert((FIRST, SECOND, parent)) == 3


@pytest.mark.parametrize("junk", [b"", b"\3", b"\0\1\0", b"\x09\1\0abc", b"\3\2\0", b"junk"])
def test_junk_is_refused(store: Store, junk: bytes) -> None:
    refused(store, junk, match="object")


@pytest.mark.parametrize("kind", list(Kind))
def test_an_object_above_its_size_is_refused(store: Store, kind: Kind) -> None:
    refused(store, bytes((kind, 1, 0)) + bytes(MAX_SIZE[kind]), match="at most", error=LimitExceeded)


def test_a_changed_byte_is_refused_or_is_another_good_object(store: Store) -> None:
    _, objects = version([*addresses(60), large()], shape=SMALL_NODES)
    for data in objects:
        for at in range(0, len(data), 7):
            changed = data[:at] + bytes((data[at] ^ 0x80,)) + data[at + 1 :]
            try:
                with store.write() as writer:
                    writer.insert([*objects, changed])
                    assert object_id(changed) != object_id(data)
                    raise RuntimeError
            except (InvalidObject, LimitExceeded, RuntimeError):
                continue


def test_a_child_must_be_here_already(store: Store) -> None:
    _, objects = version([*addresses(60), large()], shape=SMALL_NODES)
    for data in objects:
        if data[0] in (Kind.COMMIT, Kind.ZONE) or (data[0] == Kind.NODE and (data[3] or data[2])):
            refused(store, data, match="which is not here")


def test_children_stand_as_their_parent_describes_them(store: Store) -> None:
    with store.write() as writer:
        assert writer.insert([FIRST, SECOND, inner(1, FIRST, SECOND), inner(2, inner(1, FIRST, SECOND))]) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda node: Inner(2, node.keys, node.children, node.counts),
        lambda node: Inner(1, node.keys, node.children, (node.counts[0], node.counts[1] + 1)),
        lambda node: Inner(1, (node.keys[0], RRKey(node.keys[1] + b"\1")), node.children, node.counts),
        lambda node: Inner(1, node.keys, (node.children[1], node.children[0]), node.counts),
    ],
    ids=["level", "count", "last key", "swapped"],
)
def test_a_wrong_description_is_refused(store: Store, change: Callable[[Inner], Inner]) -> None:
    refused(store, FIRST, SECOND, inner(1, FIRST, SECOND, change=change), match="that it describes")


def test_children_may_not_overlap(store: Store) -> None:
    one = leaf(addresses(9)[1], addresses(9)[5])
    two = leaf(addresses(9)[3], addresses(9)[7])
    refused(store, one, two, inner(1, one, two), match="begins before")


def test_overlaps_are_found_through_levels(store: Store) -> None:
    one = leaf(addresses(9)[1], addresses(9)[5])
    two = leaf(addresses(9)[3], addresses(9)[7])
    left, right = inner(1, one), inner(1, two)
    refused(store, one, two, left, right, inner(2, left, right), match="begins before")


def test_an_empty_node_is_no_child(store: Store) -> None:
    empty = encode_leaf(())
    refused(store, empty, inner(1, empty), match="canonical order")


def test_a_child_that_is_no_node_is_refused(store: Store) -> None:
    big = encode_rrset(large().encode())
    node = encode_inner(1, [large().key], [object_id(big)], [100])
    refused(store, big, node, match="that it describes")


@pytest.mark.parametrize("records", [1, 99, 101])
def test_a_stub_has_its_rrsets_count(store: Store, records: int) -> None:
    big = encode_rrset(large().encode())
    stub = make_stub(large().key, large().owner, records, object_id(big))
    refused(store, big, encode_leaf([stub]), match="stub describes")


def test_a_stub_stands_under_its_rrsets_key(store: Store) -> None:
    big = encode_rrset(large().encode())
    rrset = RRset.of(join([b"other"]), 1, 300, [b"1234"])
    stub = make_stub(rrset.key, rrset.owner, 100, object_id(big))
    refused(store, big, encode_leaf([stub]), match="stub describes")


def test_a_small_rrset_needs_no_object(store: Store) -> None:
    refused(store, encode_rrset(addresses(1)[1].encode()), match="canonical")


def test_a_zone_has_its_trees_records(store: Store) -> None:
    refused(store, FIRST, Zone(object_id(FIRST), SMALL_NODES, 2).encode(), match="of 2 records")
    big = encode_rrset(large().encode())
    refused(store, big, Zone(object_id(big), SMALL_NODES, 100).encode(), match="of 100 records")


def test_a_zone_has_possible_node_sizes(store: Store) -> None:
    refused(store, FIRST, Zone(object_id(FIRST), Shape(bytes(32), 10, 20, 30), 1).encode(), match="node sizes")


def commit(root: ObjectId, generation: int, *parents: ObjectId, zone: str = ZONE, seq: int = 1) -> bytes:
    return Commit(root, parents, zone, seq, generation, WHO, WHO, "m").encode()


def test_a_commit_points_to_a_zone(store: Store) -> None:
    refused(store, FIRST, commit(object_id(FIRST), 1), match="not a zone")
    refused(store, commit(NOWHERE, 1), match="not here")


def test_a_commits_parents_are_commits_of_its_zone(store: Store) -> None:
    parent, objects = version(addresses(1))
    root = object_id(objects[-2])
    refused(store, *objects, commit(root, 2, NOWHERE), match="not here")
    refused(store, *objects, commit(root, 2, root), match="not a commit")
    refused(store, *objects, commit(root, 2, parent, zone="example.net."), match="not a commit of example.net.")


@pytest.mark.parametrize("ahead", [SEQ_STEP + 1, 10**38])
def test_no_commit_uses_up_the_numbers_of_later_ones(store: Store, ahead: int) -> None:
    parent, objects = version(addresses(1))
    root, seq = object_id(objects[-2]), Commit.decode(objects[-1]).seq
    refused(store, *objects, commit(root, 1, seq=ahead), match=f"at most {SEQ_STEP}")
    refused(store, *objects, commit(root, 2, parent, seq=seq + ahead), match=f"at most {seq + SEQ_STEP}")
    with store.write() as writer:
        assert writer.insert([*objects, commit(root, 2, parent, seq=seq + SEQ_STEP)]) == len(objects) + 1


@pytest.mark.parametrize("generation", [0, 1, 3])
def test_a_commits_generation_follows_from_its_parents(store: Store, generation: int) -> None:
    parent, objects = version(addresses(1))
    refused(store, *objects, commit(object_id(objects[-2]), generation, parent), match="make it 2")


def test_a_tag_points_to_a_commit_of_its_zone(store: Store) -> None:
    oid, objects = version(addresses(1))
    refused(store, *objects, tag_of(object_id(objects[-2])), match="not a commit")
    refused(store, *objects, tag_of(oid, zone="example.net."), match="not a commit")
    with store.write() as writer:
        assert writer.insert([*objects, tag_of(oid)])


def test_children_of_earlier_transactions_are_described_from_their_bytes(tmp_path: Path) -> None:
    _, objects = version([*addresses(150), large()], shape=SMALL_NODES)
    assert max(decode_node(data).level for data in objects if data[0] == Kind.NODE) >= 3
    LmdbStore.create(tmp_path / "repo").close()
    for data in objects:
        store = LmdbStore.open(tmp_path / "repo")  # so that it knows nothing of the objects before
        with store.write() as writer:
            writer.insert([data])
        store.close()
