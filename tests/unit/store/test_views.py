"""Served views: equal to the tree at every step, moved with their refs, and never wrong silently."""

from random import Random

import pytest

from storekit import MAIN, SMALL_NODES, SOA, WHO, ZONE, addresses, large, publish, tag_of, version
from treekit import key_of, payload_of
from zonegit.errors import CorruptStore, NotFound, OverBudget
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import OwnerKey, join, owner_key
from zonegit.model.refs import RefName, head, remote, tag
from zonegit.model.rrset import RRKey, RRset
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Reader, RefUpdate
from zonegit.store.reindex import reindex
from zonegit.store.tables import Table
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersion
from zonegit.tree.version import MAX_RECORDS, ZoneVersion

Store = LmdbStore | MemoryStore
OTHER = head(ZONE, "other")


def view_of(reader: Reader, name: RefName = MAIN) -> ZoneVersion:
    view = reader.view(name)
    assert view is not None
    return view


def owners_of(view: ZoneVersion) -> list[OwnerKey]:
    found = [OwnerKey(b"")]
    while (owner := view.after(found[-1])) is not None:
        found.append(owner)
    return found


def assert_equal(reader: Reader, name: RefName = MAIN) -> None:
    """The view answers exactly as the tree of the head's commit."""
    view = view_of(reader, name)
    tip = reader.ref(name)
    assert tip is not None
    tree = TreeVersion(Nodes(reader), tip)
    assert (view.apex, view.commit, view.serial) == (tree.apex, tree.commit, tree.serial)
    owners = owners_of(tree)
    assert owners_of(view) == owners
    probes = [*owners, *(OwnerKey(owner + b"q\0") for owner in owners), OwnerKey(b"\xff" * 9)]
    for owner in probes:
        assert view.at(owner) == tree.at(owner)
        assert view.before(owner) == tree.before(owner)
        assert view.after(owner) == tree.after(owner)


def test_a_new_default_branch_is_shown(store: Store) -> None:
    with store.write() as writer:
        publish(writer, [*addresses(50), large()], seq=(1 << 32) + 7)
        assert_equal(writer)
    with store.read() as reader:
        assert_equal(reader)
        assert view_of(reader).serial == 7


def test_other_branches_are_shown_on_demand_and_follow_their_heads(store: Store) -> None:
    with store.write() as writer:
        one = publish(writer, addresses(9), name=OTHER)
        assert writer.view(OTHER) is None
        writer.show(OTHER)
        writer.show(OTHER)
        assert_equal(writer, OTHER)
        publish(writer, addresses(12, value=3), one, 1, 2, name=OTHER)
        assert_equal(writer, OTHER)
        writer.hide(OTHER)
        assert writer.view(OTHER) is None
        assert writer.tables.count(Table.VIEWS) == 0
        writer.hide(OTHER)


def test_only_heads_can_be_shown(store: Store) -> None:
    commit, objects = version(addresses(2))
    with store.write() as writer:
        writer.insert([*objects, tag_of(commit)])
        names = [remote("p", ZONE, "main"), tag(ZONE, "main")]
        writer.move_refs([RefUpdate(name, None, commit) for name in names], WHO, "test")
        for name in [*names, MAIN]:
            with pytest.raises(NotFound):
                writer.show(name)
        assert writer.tables.count(Table.VIEWS) == 0


def test_a_deleted_head_loses_its_view(store: Store) -> None:
    with store.write() as writer:
        tip = publish(writer, addresses(9))
        writer.move_refs([RefUpdate(MAIN, tip, None)], WHO, "test")
    with store.read() as reader:
        assert reader.view(MAIN) is None
        assert reader.tables.count(Table.VIEWS) == 0


@pytest.mark.parametrize("seed", range(4))
def test_a_view_stays_equal_to_the_tree_through_random_histories(store: Store, seed: int) -> None:
    rng = Random(seed)
    content: dict[RRKey, bytes] = {SOA.key: SOA.encode()}
    tip: ObjectId | None = None
    for step in range(12):
        for key in rng.sample(sorted(content), rng.randint(0, len(content))):
            if key != SOA.key:
                del content[key]
        for _ in range(rng.choice([0, 1, 5, 60])):
            key = key_of(rng)
            content[key] = payload_of(key, rng)
        if step == 7:
            del content[SOA.key]  # a view shows whatever stands in the tree
        with store.write() as writer:
            rrsets = [RRset.decode(payload) for payload in content.values()]
            tip = publish(writer, rrsets, tip, step, step + 5, shape=SMALL_NODES)
            assert_equal(writer)
        with store.read() as reader:
            assert_equal(reader)


def test_a_commit_of_equal_content_moves_the_serial_only(store: Store) -> None:
    with store.write() as writer:
        tip = publish(writer, addresses(9))
        before = view_of(writer).at(owner_key(join([b"h1"])))
    with store.write() as writer:
        publish(writer, addresses(9), tip, 1, 2)
        assert_equal(writer)
        assert view_of(writer).at(owner_key(join([b"h1"]))) == before


def test_two_zones_do_not_see_each_other(store: Store) -> None:
    net = head("example.net.", "main")
    with store.write() as writer:
        publish(writer, addresses(3))
        commit, objects = version(addresses(5, value=9), zone="example.net.")
        writer.insert(objects)
        writer.move_refs([RefUpdate(net, None, commit)], WHO, "test")
        assert_equal(writer)
        assert_equal(writer, net)


def test_every_flipped_bit_of_a_block_is_corrupt(store: Store) -> None:
    with store.write() as writer:
        publish(writer, addresses(3))
    owner = owner_key(join([b"h1"]))
    with store.read() as reader:
        key, value = next(item for item in reader.tables.scan(Table.VIEWS) if item[0].endswith(owner))
    for bit in range(8 * len(value)):
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        with store.write() as writer:
            writer.draft.put(Table.VIEWS, key, bytes(changed))
            view = view_of(writer)
            with pytest.raises(CorruptStore, match="reindex"):
                view.at(owner)
            with pytest.raises(CorruptStore, match="reindex"):
                view.before(owner_key(join([b"h2"])))
            with pytest.raises(CorruptStore, match="reindex"):
                view.after(owner_key(join([b"h0"])))


def test_a_block_is_no_answer_at_another_key(store: Store) -> None:
    with store.write() as writer:
        publish(writer, addresses(3))
    owner = owner_key(join([b"h1"]))
    with store.read() as reader:
        key, value = next(item for item in reader.tables.scan(Table.VIEWS) if item[0].endswith(owner))
    for bit in range(32, 8 * len(key)):
        changed = bytearray(key)
        changed[bit // 8] ^= 1 << bit % 8
        with store.write() as writer:
            writer.draft.delete(Table.VIEWS, key)
            writer.draft.put(Table.VIEWS, bytes(changed), value)
            view = view_of(writer)
            with pytest.raises(CorruptStore):
                view.at(OwnerKey(bytes(changed[4:])))
            writer.draft.delete(Table.VIEWS, bytes(changed))
            writer.draft.put(Table.VIEWS, key, value)


def test_a_view_that_shows_another_commit_is_corrupt(store: Store) -> None:
    commit, objects = version(addresses(2), seq=9)
    with store.write() as writer:
        publish(writer, addresses(3))
        writer.insert(objects)
        writer.draft.put(Table.REFS, MAIN.encode(), commit)
        with pytest.raises(CorruptStore, match="another commit"):
            writer.view(MAIN)


def test_a_changed_description_of_a_view_is_corrupt(store: Store) -> None:
    with store.write() as writer:
        publish(writer, addresses(3))
        key, value = next(writer.tables.scan(Table.META, b"view/"))
        writer.draft.put(Table.META, key, value[:-1] + bytes((value[-1] ^ 1,)))
        with pytest.raises(CorruptStore):
            writer.view(MAIN)


def test_the_view_of_a_renewed_reader_follows_its_head(tmp_path_factory: pytest.TempPathFactory) -> None:
    store = LmdbStore.create(tmp_path_factory.mktemp("repo"))
    with store.write() as writer:
        tip = publish(writer, addresses(3))
    reader = store.renewable_reader()
    view = view_of(reader)
    owner = owner_key(join([b"h9"]))
    with store.write() as writer:
        newer = publish(writer, addresses(12), tip, 1, 2)
    assert (view.commit, view.serial, view.at(owner)) == (tip, 1, None)
    reader.renew()
    assert (view.commit, view.serial) == (newer, 2)
    assert view.at(owner) is not None
    with store.write() as writer:
        writer.hide(MAIN)
        writer.show(MAIN)
    reader.reset()
    reader.renew()
    assert view.at(owner) is not None
    with store.write() as writer:
        writer.hide(MAIN)
    reader.renew()
    with pytest.raises(NotFound):
        view.at(owner)
    assert object_id(b"") and reader.view(MAIN) is None
    reader.reset()
    store.close()


def test_a_large_head_gets_its_view_when_asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.store.writer.VIEW_AT_ONCE", 40)
    with store.write() as writer:
        tip = publish(writer, addresses(50))
    with store.read() as reader:
        assert reader.view(MAIN) is None
    with store.write() as writer:
        writer.show(MAIN)
    with store.read() as reader:
        assert_equal(reader)
    with store.write() as writer:
        publish(writer, addresses(60), tip, 1, 2)
    with store.read() as reader:
        assert_equal(reader)


def in_parts(store: Store, name: RefName = OTHER, most: int = 7) -> int:
    """Make a view in parts, one transaction each; how many it took."""
    for count in range(1, 1000):
        with store.write() as writer:
            if writer.show_part(name, most):
                return count
    raise AssertionError("it never ends")


@pytest.mark.parametrize("most", [1, 7, 49, 1000])
def test_a_view_made_in_parts_is_the_view(store: Store, most: int) -> None:
    with store.write() as writer:
        publish(writer, [*addresses(50), large()], name=OTHER)
    parts = in_parts(store, most=most)
    assert parts == 1 if most == 1000 else parts > 50 // most
    with store.read() as reader:
        assert_equal(reader, OTHER)
        assert not list(reader.tables.scan(Table.META, b"making/"))
    assert fsck(store).problems == []
    assert in_parts(store) == 1, "it is there"


@pytest.mark.parametrize("seed", range(6))
def test_a_head_may_move_while_its_view_is_made(store: Store, seed: int) -> None:
    random = Random(seed)
    with store.write() as writer:
        tip = publish(writer, addresses(60), name=OTHER)
    serial, done = 1, False
    while not done:
        with store.write() as writer:
            done = writer.show_part(OTHER, 9)
            assert (writer.view(OTHER) is not None) == done
        assert fsck(store).problems == []
        if not done and random.random() < 0.4:
            with store.write() as writer:
                tip = publish(writer, addresses(random.randrange(1, 90)), tip, serial, serial + 1, name=OTHER)
            serial += 1
    with store.read() as reader:
        assert_equal(reader, OTHER)


def test_others_views_are_made_and_moved_meanwhile(store: Store) -> None:
    with store.write() as writer:
        publish(writer, addresses(40), name=OTHER)
    with store.write() as writer:
        assert not writer.show_part(OTHER, 9)
    with store.write() as writer:
        tip = publish(writer, addresses(30))
    with store.write() as writer:
        assert not writer.show_part(OTHER, 9)
        publish(writer, addresses(35), tip, 1, 2)
    in_parts(store)
    with store.read() as reader:
        assert_equal(reader)
        assert_equal(reader, OTHER)
    assert fsck(store).problems == []


@pytest.mark.parametrize("how", ["deleted", "shown at once", "reindexed"])
def test_a_view_that_is_begun_leaves_nothing_behind(store: Store, how: str) -> None:
    with store.write() as writer:
        tip = publish(writer, addresses(40), name=OTHER)
    with store.write() as writer:
        assert not writer.show_part(OTHER, 9)
    if how == "reindexed":
        reindex(store)
    else:
        with store.write() as writer:
            if how == "deleted":
                writer.move_refs([RefUpdate(OTHER, tip, None)], WHO, "test")
            else:
                writer.show(OTHER)
    with store.read() as reader:
        assert not list(reader.tables.scan(Table.META, b"making/"))
        assert (reader.view(OTHER) is not None) == (how == "shown at once")
        if how != "shown at once":
            assert not list(reader.tables.scan(Table.VIEWS))
    assert fsck(store).problems == []


def wide(records: int) -> RRset:
    return RRset.of(join([b"big"]), 1, 300, [n.to_bytes(4, "big") for n in range(records)])


def test_a_large_block_stays_in_the_tree(store: Store) -> None:
    """What lies beside a name is small; the view answers all the same, and follows the records up and down."""
    big = wide(300)
    with store.write() as writer:
        first = publish(writer, [*addresses(20), big])
        assert_equal(writer)
        found = [block for _, block in writer.draft.scan(Table.VIEWS)]
        assert max(map(len, found)) < 100
    with store.write() as writer:
        second = publish(writer, [*addresses(20, 2), wide(400)], first, 1)
        assert_equal(writer)
    with store.write() as writer:
        third = publish(writer, [*addresses(20, 2), wide(10)], second, 2)
        assert_equal(writer)
    with store.write() as writer:
        fourth = publish(writer, [*addresses(20, 2), big], third, 3)
        assert_equal(writer)
    with store.write() as writer:
        publish(writer, addresses(20, 2), fourth, 4)
        assert_equal(writer)
    assert fsck(store).problems == []


def test_an_owner_beyond_all_messages_is_not_read(store: Store) -> None:
    huge = wide(MAX_RECORDS + 1)
    with store.write() as writer:
        publish(writer, [*addresses(20), huge])
        view = view_of(writer)
        with pytest.raises(OverBudget, match=r"1,025 records at big\.example\.org\.; 1,024 are"):
            view.at(owner_key(join([b"big"])))
        with pytest.raises(OverBudget):
            view.before(owner_key(join([b"c"])))
        assert view.after(owner_key(join([b"a"]))) == owner_key(join([b"big"]))
