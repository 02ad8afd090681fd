"""What every store does: objects, refs, reflog, settings and transactions."""

import pytest

from storekit import MAIN, SMALL_NODES, WHO, ZONE, addresses, large, publish, tag_of, version
from zonegit.errors import Conflict, InvalidName, InvalidObject, LimitExceeded, NotFound, StoreError
from zonegit.model.commit import Stamp
from zonegit.model.ids import Kind, ObjectId, object_id
from zonegit.model.refs import RefName, head, remote, tag
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate

Store = LmdbStore | MemoryStore
NOWHERE = ObjectId(b"\7" * 32)


def test_a_new_store_is_empty_and_has_an_epoch(store: Store) -> None:
    with store.read() as reader:
        assert len(bytes.fromhex(reader.epoch)) == 16
        assert reader.seq == 0
        assert list(reader.refs()) == []
        assert list(reader.object_ids()) == []


def test_inserted_objects_are_there_in_order_and_only_once(store: Store) -> None:
    commit, objects = version([*addresses(50), large()], shape=SMALL_NODES)
    with store.write() as writer:
        assert writer.insert(objects) == len(set(objects))
        assert writer.insert(objects) == 0
        assert writer.get(commit) == objects[-1]
    with store.read() as reader:
        assert list(reader.object_ids()) == [object_id(data) for data in objects]
        assert list(reader.object_ids(Kind.COMMIT)) == [commit]
        assert [reader.get(object_id(data)) for data in objects] == objects
        assert reader.has(commit)
        assert reader.object_counts()[Kind.NODE] == sum(data[0] == Kind.NODE for data in objects)


def test_an_absent_object_is_not_found(store: Store) -> None:
    with store.read() as reader:
        assert not reader.has(NOWHERE)
        with pytest.raises(NotFound, match="070707070707"):
            reader.get(NOWHERE)


def test_ids_are_found_by_their_first_digits(store: Store) -> None:
    _, objects = version(addresses(200), shape=SMALL_NODES)
    ids = sorted({object_id(data) for data in objects})
    with store.write() as writer:
        writer.insert(objects)
    with store.read() as reader:
        assert list(reader.find("")) == ids
        for prefix in ("a", "0f", ids[0].hex()[:7], ids[-1].hex()):
            assert list(reader.find(prefix)) == [oid for oid in ids if oid.hex().startswith(prefix)]


def test_a_raising_transaction_leaves_nothing(store: Store) -> None:
    before = store.txn_id()
    with pytest.raises(RuntimeError), store.write() as writer:
        publish(writer, addresses(3))
        writer.set_setting("HEAD", b"x")
        raise RuntimeError
    with store.read() as reader:
        assert list(reader.object_ids()) == []
        assert reader.ref(MAIN) is None
        assert reader.setting("HEAD") is None
    assert store.txn_id() == before


def test_a_refused_object_spoils_its_transaction(store: Store) -> None:
    with pytest.raises(StoreError, match="aborted"), store.write() as writer, pytest.raises(InvalidObject):
        writer.insert([*version(addresses(3))[1], b"junk"])
    with store.read() as reader:
        assert list(reader.object_ids()) == []


def test_a_reader_keeps_its_version_while_another_writes(store: Store) -> None:
    with store.read() as reader:
        with store.write() as writer:
            publish(writer, addresses(3))
        assert reader.ref(MAIN) is None
        assert reader.seq == 0
    with store.read() as reader:
        assert reader.ref(MAIN) is not None


def test_txn_id_rises_with_each_commit(store: Store) -> None:
    before = store.txn_id()
    with store.write() as writer:
        writer.set_setting("a", b"1")
    assert store.txn_id() > before


def test_settings_are_kept_changed_and_removed(store: Store) -> None:
    with store.write() as writer:
        writer.set_setting("HEAD", b"example.org./main")
        writer.set_setting("format", b"mine, not the store's")
    with store.write() as writer:
        assert writer.setting("HEAD") == b"example.org./main"
        writer.set_setting("HEAD", None)
        writer.set_setting("HEAD", None)
    with store.read() as reader:
        assert reader.setting("HEAD") is None
        assert reader.setting("format") == b"mine, not the store's"


def test_settings_are_listed_by_how_their_names_begin(store: Store) -> None:
    with store.write() as writer:
        for name in ("HEAD/2", "HEAD", "HEADS", "HEAD/1", "OTHER"):
            writer.set_setting(name, name.encode())
        assert [name for name, _ in writer.settings("HEAD/")] == ["HEAD/1", "HEAD/2"]
    with store.read() as reader:
        assert list(reader.settings("HEAD/")) == [("HEAD/1", b"HEAD/1"), ("HEAD/2", b"HEAD/2")]
        assert [name for name, _ in reader.settings("HEAD")] == ["HEAD", "HEAD/1", "HEAD/2", "HEADS"]


@pytest.mark.parametrize("name", ["", "x" * 481])
def test_a_setting_needs_a_name_that_fits(store: Store, name: str) -> None:
    with pytest.raises(LimitExceeded), store.write() as writer:
        writer.set_setting(name, b"")


def test_refs_are_listed_in_byte_order_by_prefix(store: Store) -> None:
    commit, objects = version(addresses(2))
    names = [MAIN, head(ZONE, "a-b"), remote("peer", ZONE, "main"), tag(ZONE, "v1"), head(ZONE, "a")]
    with store.write() as writer:
        writer.insert(objects)
        writer.move_refs([RefUpdate(name, None, commit) for name in names], WHO, "test")
    with store.read() as reader:
        assert list(reader.refs()) == [(name, commit) for name in sorted(names)]
        assert [name for name, _ in reader.refs("refs/heads/")] == sorted(names)[:3]
        assert list(reader.refs("refs/heads/example.or.")) == []


def test_moving_a_ref_compares_first(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(2))
    stands = rf"{MAIN} is at {first.hex()[:12]}, not at"
    with pytest.raises(Conflict, match=f"{stands} nothing"), store.write() as writer:
        publish(writer, addresses(3))
    with pytest.raises(Conflict, match=f"{stands} 070707070707"), store.write() as writer:
        writer.move_refs([RefUpdate(MAIN, NOWHERE, None)], WHO, "test")


def test_moves_are_all_or_none_even_within_a_transaction(store: Store) -> None:
    commit, objects = version(addresses(2))
    with store.write() as writer:
        writer.insert(objects)
        other = head(ZONE, "other")
        with pytest.raises(Conflict):
            writer.move_refs([RefUpdate(other, None, commit), RefUpdate(MAIN, NOWHERE, commit)], WHO, "test")
        assert writer.ref(other) is None
        assert writer.seq == 0
        assert list(writer.reflog(other)) == []


def test_updates_of_one_ref_in_one_call_follow_each_other(store: Store) -> None:
    one, objects = version(addresses(2))
    two, more = version(addresses(3), {one: 1})
    with store.write() as writer:
        writer.insert([*objects, *more])
        writer.move_refs([RefUpdate(MAIN, None, one), RefUpdate(MAIN, one, two)], WHO, "test")
        assert writer.ref(MAIN) == two


def test_a_ref_points_only_to_what_fits(store: Store) -> None:
    commit, objects = version(addresses(2))
    foreign, others = version(addresses(2), zone="example.net.")
    tagged = tag_of(commit)
    with store.write() as writer:
        writer.insert([*objects, *others, tagged])
        with pytest.raises(NotFound):
            writer.move_refs([RefUpdate(MAIN, None, NOWHERE)], WHO, "test")
        for name, oid in [
            (MAIN, foreign),
            (MAIN, object_id(tagged)),
            (MAIN, object_id(objects[0])),
            (tag(ZONE, "v1"), foreign),
            (tag("example.net.", "v1"), object_id(tagged)),
            (remote("p", ZONE, "main"), object_id(objects[-2])),
        ]:
            with pytest.raises(InvalidObject):
                writer.move_refs([RefUpdate(name, None, oid)], WHO, "test")
        writer.move_refs(
            [RefUpdate(tag(ZONE, "a"), None, commit), RefUpdate(tag(ZONE, "b"), None, object_id(tagged))], WHO, "t"
        )


@pytest.mark.parametrize("name", ["refs/heads/example.org", "refs/heads/EXAMPLE.org./main", "HEAD", "refs/x/a/b"])
def test_a_ref_has_a_canonical_name(store: Store, name: str) -> None:
    with pytest.raises(InvalidName), store.write() as writer:
        writer.move_refs([RefUpdate(RefName(name), None, NOWHERE)], WHO, "test")


def test_a_ref_name_that_no_key_holds_is_refused(store: Store) -> None:
    zone = ("\\001" * 60 + ".") * 3
    with pytest.raises(LimitExceeded), store.write() as writer:
        writer.move_refs([RefUpdate(head(zone, "main"), None, NOWHERE)], WHO, "test")


def test_the_reflog_is_newest_first_and_outlives_its_ref(store: Store) -> None:
    who = Stamp("Zoë <z@example.org>", -5, -90)
    with store.write() as writer:
        one = publish(writer, addresses(1))
    with store.write() as writer:
        two = publish(writer, addresses(2), one, 1, 2)
    with store.write() as writer:
        writer.move_refs([RefUpdate(MAIN, two, None)], who, "branch: gone ü")
    with store.read() as reader:
        entries = list(reader.reflog(MAIN))
        assert [(entry.old, entry.new) for entry in entries] == [(two, None), (one, two), (None, one)]
        assert entries[0].who == who
        assert entries[0].reason == "branch: gone ü"
        assert reader.ref(MAIN) is None
        assert list(reader.reflog(head(ZONE, "mai"))) == []


def test_names_with_a_reflog_are_listed_deleted_ones_too(store: Store) -> None:
    longer, tagged = head(ZONE, "main-2"), tag(ZONE, "v1")
    with store.write() as writer:
        tip = publish(writer, addresses(1))
        tip = publish(writer, addresses(2), tip, 1, 2)
        writer.move_refs([RefUpdate(name, None, tip) for name in (longer, tagged)], WHO, "test")
        writer.move_refs([RefUpdate(MAIN, tip, None)], WHO, "test")
    with store.read() as reader:
        assert list(reader.logged("refs/")) == [MAIN, longer, tagged]
        assert list(reader.logged("refs/heads/")) == [MAIN, longer]
        assert list(reader.logged("refs/heads/nowhere/")) == []


def test_seq_counts_transactions_that_moved_refs(store: Store) -> None:
    with store.write() as writer:
        one = publish(writer, addresses(1))
        publish(writer, addresses(2), one, 1, 2)
    with store.write() as writer:
        writer.set_setting("a", b"")
        writer.move_refs([], WHO, "test")
        tip = writer.ref(MAIN)
        writer.move_refs([RefUpdate(MAIN, tip, tip)], WHO, "nothing")
    with store.read() as reader:
        assert reader.seq == 1
        assert len(list(reader.reflog(MAIN))) == 2


def test_the_index_root_is_equal_exactly_when_heads_and_tags_are(store: Store) -> None:
    commit, objects = version(addresses(1))
    with store.write() as writer:
        empty = writer.index_root
        writer.insert(objects)
        writer.move_refs([RefUpdate(remote("p", ZONE, "main"), None, commit)], WHO, "test")
        assert writer.index_root == empty
        writer.move_refs([RefUpdate(MAIN, None, commit)], WHO, "test")
        with_main = writer.index_root
        assert with_main != empty
        writer.move_refs([RefUpdate(tag(ZONE, "t"), None, commit)], WHO, "test")
        assert writer.index_root not in (with_main, empty)
        writer.move_refs([RefUpdate(tag(ZONE, "t"), commit, None)], WHO, "test")
        assert writer.index_root == with_main
        writer.move_refs([RefUpdate(MAIN, commit, None)], WHO, "test")
        assert writer.index_root == empty


def test_a_large_batch_is_written_in_groups(store: Store) -> None:
    count = 25_000
    commit, base = version(addresses(1))
    objects = base + [tag_of(commit, name=f"t{n}") for n in range(count)]
    with store.write() as writer:
        assert writer.insert(iter(objects)) == len(objects)
    with store.read() as reader:
        assert reader.object_counts()[Kind.TAG] == count
        assert reader.get(object_id(objects[-1])) == objects[-1]
