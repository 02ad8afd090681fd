"""Published versions: what their ref may point to, and the view that passes between a branch and its version."""

import pytest

from storekit import MAIN, WHO, ZONE, addresses, publish, version
from zonegit.errors import InvalidObject
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import RefName, head, published
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate, Writer
from zonegit.store.reindex import reindex
from zonegit.store.served import served_ref

Store = LmdbStore | MemoryStore
SHOWN = published(ZONE, "main")


def shown(writer: Writer, commit: ObjectId, seq: int) -> bytes:
    """A published version of a commit."""
    found = Commit.decode(writer.get(commit))
    header = ("publishes", commit.hex())
    return found._replace(parents=(), generation=1, seq=seq, extra=(header,)).encode()


def show(writer: Writer, commit: ObjectId, seq: int) -> ObjectId:
    """Publish a commit."""
    data = shown(writer, commit, seq)
    writer.insert([data])
    writer.move_refs([RefUpdate(SHOWN, writer.ref(SHOWN), object_id(data))], WHO, "publish: test")
    return object_id(data)


def views(store: Store) -> dict[RefName, tuple[ObjectId, int]]:
    """The commit and serial of each view."""
    with store.read() as reader:
        names = [RefName(key.decode()) for key in reader.view_keys()]
        found = {name: reader.view(name) for name in names}
        return {name: (view.commit, view.serial) for name, view in found.items() if view}


def test_a_branch_without_a_version_is_answered_from_its_head(store: Store) -> None:
    with store.write() as writer:
        publish(writer, addresses(3))
        assert served_ref(writer, ZONE, "main") == MAIN


def test_the_view_passes_to_the_version_and_back(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(3))
    with store.write() as writer:
        version_of_first = show(writer, first, 7)
        assert served_ref(writer, ZONE, "main") == SHOWN
    assert views(store) == {SHOWN: (version_of_first, 7)}
    with store.write() as writer:
        second = publish(writer, addresses(4), first, 1, seq=8)
    assert views(store) == {SHOWN: (version_of_first, 7)}, "a commit alone changes nothing that is served"
    with store.write() as writer:
        version_of_second = show(writer, second, 8)
    assert views(store) == {SHOWN: (version_of_second, 8)}
    with store.write() as writer:
        writer.move_refs([RefUpdate(SHOWN, version_of_second, None)], WHO, "publish: off")
    assert views(store) == {MAIN: (second, 8)}
    assert fsck(store).problems == []


def test_a_version_in_the_transaction_of_its_commit_gets_the_view(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(3))
        of_first = show(writer, first, 1)
    assert views(store) == {SHOWN: (of_first, 1)}
    assert fsck(store).problems == []


def test_a_branch_that_begins_again_leaves_its_version_the_view(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(3))
        of_first = show(writer, first, 1)
        writer.move_refs([RefUpdate(MAIN, first, None)], WHO, "test")
    assert views(store) == {SHOWN: (of_first, 1)}
    with store.write() as writer:
        publish(writer, addresses(5))
    assert views(store) == {SHOWN: (of_first, 1)}
    with store.write() as writer:
        writer.move_refs([RefUpdate(MAIN, writer.ref(MAIN), None)], WHO, "test")
        writer.move_refs([RefUpdate(SHOWN, of_first, None)], WHO, "test")
    assert views(store) == {}
    assert fsck(store).problems == []


def test_views_that_are_made_again_are_those_of_versions(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(3))
        of_first = show(writer, first, 1)
    reindex(store)
    assert views(store) == {SHOWN: (of_first, 1)}
    assert fsck(store).problems == []


def test_a_version_is_shown_in_parts(store: Store) -> None:
    dev = head(ZONE, "dev")
    with store.write() as writer:
        first = publish(writer, addresses(50), name=dev)
        data = shown(writer, first, 5)
        writer.insert([data])
        name = published(ZONE, "dev")
        writer.move_refs([RefUpdate(name, None, object_id(data))], WHO, "test")
        writer.hide(name)
        assert not writer.show_part(name, 10)
        while not writer.show_part(name, 10):
            pass
    assert views(store) == {name: (object_id(data), 5)}
    assert fsck(store).problems == []


def test_a_version_and_a_commit_are_no_substitutes_for_each_other(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(3))
    with pytest.raises(InvalidObject, match="commit of a branch"), store.write() as writer:
        writer.move_refs([RefUpdate(SHOWN, None, first)], WHO, "test")
    with store.write() as writer:
        of_first = show(writer, first, 1)
    for name in (MAIN, RefName(f"refs/tags/{ZONE}/v1"), RefName(f"refs/remotes/p/{ZONE}/main")):
        with pytest.raises(InvalidObject, match="published version"), store.write() as writer:
            writer.move_refs([RefUpdate(name, writer.ref(name), of_first)], WHO, "test")
    _, child = version(addresses(4), {of_first: 1}, 9)
    with pytest.raises(InvalidObject, match="published version"), store.write() as writer:
        writer.insert(child)
    commit = Commit.decode(child[-1])
    for extra in (("publishes", first.hex()), ("publishes", "x" * 64)):
        odd = commit._replace(parents=(first,), generation=2, extra=(extra,)).encode()
        with pytest.raises(InvalidObject, match=r"published version|header"), store.write() as writer:
            writer.insert([*child[:-1], odd])


def test_a_head_gets_no_view_while_its_version_is_answered_from(store: Store) -> None:
    with store.write() as writer:
        first = publish(writer, addresses(3))
        of_first = show(writer, first, 1)
        writer.show(MAIN)
        assert writer.show_part(MAIN, 1)
    assert views(store) == {SHOWN: (of_first, 1)}


@pytest.mark.parametrize("name", ["publishes", "not-before"])
def test_a_header_that_counts_once_is_refused_twice(store: Store, name: str) -> None:
    with store.write() as writer:
        publish(writer, addresses(3))
    _, child = version(addresses(4), {}, 9)
    for first, second in (("0", "9" * 39), ("1" * 64, "2" * 64)):
        odd = Commit.decode(child[-1])._replace(extra=((name, first), (name, second))).encode()
        with pytest.raises(InvalidObject, match="header"), store.write() as writer:
            writer.insert([*child[:-1], odd])
    with store.write() as writer:
        far = Commit.decode(child[-1])._replace(extra=(("not-before", "9" * 39),)).encode()
        assert writer.insert([*child[:-1], far])
