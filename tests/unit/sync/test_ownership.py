"""What a mirror takes over and what it refuses: zones of this repository's own, other peers', failover, removal."""

from collections.abc import Callable

import pytest

from synckit import KEY, NET, ORG, PEER, WHO, Wire, commit, local_refs, move, names, put_tag, refused, writable
from zonegit.errors import NotFound, Refused, UsageError
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import head, tag
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.remotes import remove_remote
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.adoption import adoption, carry_out, peer_with, restoration
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.peers import accept_epoch, forget
from zonegit.sync.ref_diff import Change
from zonegit.sync.server import Endpoint
from zonegit.sync.work import finish

MAIN = head(ORG, "main")


def ref(store: MemoryStore, name: str) -> ObjectId | None:
    return local_refs(store).get(name)


def tracked(store: MemoryStore, zone: str = ORG, branch: str = "main") -> ObjectId | None:
    with store.read() as reader:
        return reader.ref(f"refs/remotes/{PEER}/{zone}/{branch}")


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, ORG, names(ORG, 3))
    commit(store, NET, names(NET, 3))
    return store


@pytest.fixture
def secondary() -> MemoryStore:
    """With a zone of its own by the name of one of the primary's."""
    store = MemoryStore()
    for count in range(4, 10):
        commit(store, ORG, names(ORG, count))
    return store


def test_a_zone_of_its_own_is_refused_and_the_others_go_on(primary: MemoryStore, secondary: MemoryStore) -> None:
    mine = ref(secondary, MAIN)
    moved = Wire(primary).pull(secondary)
    assert moved.branches == (head(NET, "main"),)
    assert ref(secondary, MAIN) == mine
    assert ref(secondary, head(NET, "main")) == ref(primary, head(NET, "main"))
    assert refused(secondary) == {ORG}
    assert writable(secondary)
    assert not writable(secondary, NET)
    assert tracked(secondary) == ref(primary, MAIN), "what the primary has can be looked at"
    commit(primary, NET, names(NET, 9))
    assert Wire(primary).pull(secondary).branches == (head(NET, "main"),)
    commit(primary, ORG, names(ORG, 20))
    assert Wire(primary).pull(secondary).branches == ()
    assert (ref(secondary, MAIN), refused(secondary)) == (mine, {ORG})
    before = secondary.txn_id()
    Wire(primary).pull(secondary)
    assert secondary.txn_id() == before, "nothing is written when nothing moved"


def shared(store: MemoryStore, other: MemoryStore) -> None:
    """Give a store what another has, as its own."""
    Wire(other).pull(store)
    own(store)


def own(store: MemoryStore) -> None:
    """As `remote remove` does."""
    with store.write() as writer:
        remove_remote(writer, PEER, WHO)
        forget(writer, PEER)


def test_an_ancestor_of_the_primary_s_is_taken_over(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    shared(secondary, primary)
    assert writable(secondary)
    commit(primary, ORG, names(ORG, 9))
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    assert refused(secondary) == set()
    assert not writable(secondary)


def test_a_zone_that_is_equal_at_the_primary_stays_one_s_own(primary: MemoryStore) -> None:
    """It is followed from the primary's first commit on."""
    secondary = MemoryStore()
    shared(secondary, primary)
    before = local_refs(secondary)
    assert Wire(primary).pull(secondary).branches == ()
    assert (local_refs(secondary), refused(secondary)) == (before, set())
    assert tracked(secondary) == ref(primary, MAIN)
    assert writable(secondary)
    assert writable(secondary, NET)
    commit(primary, ORG, names(ORG, 9))
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    assert (writable(secondary), writable(secondary, NET)) == (False, True)


def test_a_mirror_stays_one_where_nothing_moves(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    Wire(primary).pull(secondary)
    Wire(primary).pull(secondary)
    assert (writable(secondary), writable(secondary, NET)) == (False, False)


def test_a_zone_that_the_primary_removes_and_restores_is_followed_again(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    tip = ref(primary, MAIN)
    Wire(primary).pull(secondary)
    for to in (None, tip):
        move(primary, ORG, "main", to)
        Wire(primary).pull(secondary)
        assert (ref(secondary, MAIN), refused(secondary)) == (to, set())
    assert not writable(secondary)


def test_a_commit_on_top_of_the_primary_s_is_refused(primary: MemoryStore) -> None:
    """A promoted secondary that returns as a secondary, or a primary with commits that nobody fetched."""
    secondary = MemoryStore()
    shared(secondary, primary)
    mine = commit(secondary, ORG, names(ORG, 9))
    Wire(primary).pull(secondary)
    assert (ref(secondary, MAIN), refused(secondary)) == (mine, {ORG})
    commit(primary, NET, names(NET, 9))
    Wire(primary).pull(secondary)
    assert (ref(secondary, MAIN), refused(secondary)) == (mine, {ORG})
    assert not writable(secondary, NET)


def test_what_came_from_the_peer_is_followed_backwards_too(primary: MemoryStore) -> None:
    secondary, restored = MemoryStore(), MemoryStore()
    first = ref(primary, MAIN)
    commit(primary, ORG, names(ORG, 9))
    Wire(primary).pull(secondary)
    assert first is not None
    move(primary, ORG, "main", first)
    assert Wire(primary).pull(secondary).rewound == (MAIN,)
    assert ref(secondary, MAIN) == first
    commit(restored, ORG, names(ORG, 5, seed=7))
    with secondary.write() as writer:
        accept_epoch(writer, PEER)
    Wire(restored).pull(secondary)
    assert local_refs(secondary) == local_refs(restored)
    assert refused(secondary) == set()


def test_a_zone_of_another_peer_s_is_refused_unless_nothing_is_lost(primary: MemoryStore) -> None:
    secondary, other = MemoryStore(), MemoryStore()
    Wire(primary).pull(secondary)
    Wire(primary).pull(other)
    commit(other, NET, names(NET, 30))
    for store in (secondary, other):
        with store.write() as writer:
            remove_remote(writer, PEER, WHO)
            forget(writer, PEER)
            for zone in (ORG, NET):
                writer.set_setting(mirror_setting(zone), b"other-1")
    commit(primary, ORG, names(ORG, 9))
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    mine = ref(other, head(NET, "main"))
    Wire(primary).pull(other)
    assert (ref(other, head(NET, "main")), refused(other)) == (mine, {NET})
    with other.read() as reader:
        assert reader.setting(mirror_setting(NET)) == b"other-1"


def test_removal_at_the_primary_takes_nothing_of_our_own(primary: MemoryStore, secondary: MemoryStore) -> None:
    put_tag(secondary, ORG, "v1", ref(secondary, MAIN))  # type: ignore[arg-type]
    before = {name: oid for name, oid in local_refs(secondary).items() if ORG in name}
    Wire(primary).pull(secondary)
    move(primary, ORG, "main", None)
    move(primary, NET, "main", None)
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == before
    assert refused(secondary) == set()
    assert tracked(secondary) is None
    assert writable(secondary)


@pytest.mark.parametrize("theirs", ["none", "another"])
def test_a_tag_of_our_own_is_not_lost_either(primary: MemoryStore, theirs: str) -> None:
    secondary = MemoryStore()
    shared(secondary, primary)
    mine = ref(secondary, MAIN)
    assert mine is not None
    put_tag(secondary, ORG, "v1", mine)
    tip = commit(primary, ORG, names(ORG, 9))
    if theirs == "another":
        put_tag(primary, ORG, "v1", tip)
    for _ in range(2):
        Wire(primary).pull(secondary)
        assert refused(secondary) == {ORG}
        assert (ref(secondary, MAIN), ref(secondary, tag(ORG, "v1"))) == (mine, mine)
    with secondary.write() as writer:
        writer.move_refs([RefUpdate(tag(ORG, "v1"), mine, None)], WHO, "tag -d")
    Wire(primary).pull(secondary)
    assert refused(secondary) == set()
    assert local_refs(secondary) == local_refs(primary)


def test_a_branch_that_the_peer_never_had_is_not_taken_over_in_a_mirrored_zone(primary: MemoryStore) -> None:
    secondary = MemoryStore()
    mine = commit(secondary, ORG, names(ORG, 30), branch="side")
    Wire(primary).pull(secondary)
    assert refused(secondary) == set()
    commit(primary, ORG, names(ORG, 31), branch="side")
    Wire(primary).pull(secondary)
    assert (ref(secondary, head(ORG, "side")), refused(secondary)) == (mine, {ORG})


def test_a_zone_that_is_deleted_here_is_followed_again(primary: MemoryStore, secondary: MemoryStore) -> None:
    Wire(primary).pull(secondary)
    move(secondary, ORG, "main", None)
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    assert refused(secondary) == set()


# -- adopting --


def adopt(store: MemoryStore, plan: Callable = adoption, peer: str = PEER):  # type: ignore[no-untyped-def,type-arg]
    with store.write() as writer:
        made = plan(writer, peer, ORG)
        carry_out(writer, made, WHO)
    return made


def test_adopting_keeps_what_was_here_under_a_name(primary: MemoryStore, secondary: MemoryStore) -> None:
    mine = ref(secondary, MAIN)
    assert mine is not None
    note = Tag(mine, ORG, "v1", WHO, "first").encode()
    with secondary.write() as writer:
        writer.insert([note])
    put_tag(secondary, ORG, "v1", object_id(note))
    Wire(primary).pull(secondary)
    plan = adopt(secondary)
    assert dict(plan.kept) == {MAIN: "before-adopt-main", tag(ORG, "v1"): "before-adopt-v1"}
    assert ref(secondary, MAIN) == ref(primary, MAIN)
    assert ref(secondary, head(ORG, "before-adopt-main")) == mine
    assert ref(secondary, head(ORG, "before-adopt-v1")) == mine, "the commit of a tag that is an object"
    assert refused(secondary) == set()
    assert not writable(secondary)
    with secondary.read() as reader:
        newest = next(reader.reflog(MAIN))
    assert (newest.old, newest.reason) == (mine, f"adopt: {PEER}")
    commit(primary, ORG, names(ORG, 9))
    Wire(primary).pull(secondary)
    assert ref(secondary, MAIN) == ref(primary, MAIN)
    assert ref(secondary, tag(ORG, "v1")) is None, "tags are the primary's now"
    assert ref(secondary, head(ORG, "before-adopt-main")) == mine


def test_undoing_it_is_the_way_back(primary: MemoryStore, secondary: MemoryStore) -> None:
    Wire(primary).pull(secondary)
    before = local_refs(secondary)
    adopt(secondary)
    adopt(secondary, restoration)
    assert local_refs(secondary) == before
    assert refused(secondary) == {ORG}
    assert writable(secondary)
    Wire(primary).pull(secondary)
    assert (local_refs(secondary), refused(secondary)) == (before, {ORG})
    with pytest.raises(NotFound, match="no adoption to undo"):
        adopt(secondary, restoration)


def test_names_that_are_taken_get_a_number(primary: MemoryStore, secondary: MemoryStore) -> None:
    Wire(primary).pull(secondary)
    first = ref(secondary, MAIN)
    adopt(secondary)
    own(secondary)
    second = commit(secondary, ORG, names(ORG, 40))
    Wire(primary).pull(secondary)
    assert dict(adopt(secondary).kept) == {MAIN: "before-adopt-main-2"}
    assert ref(secondary, head(ORG, "before-adopt-main")) == first
    assert ref(secondary, head(ORG, "before-adopt-main-2")) == second


def test_a_long_name_is_cut(primary: MemoryStore, secondary: MemoryStore) -> None:
    long = "a" * 62 + ".b"
    mine = commit(secondary, ORG, names(ORG, 30), branch=long)
    commit(primary, ORG, names(ORG, 31), branch=long)
    Wire(primary).pull(secondary)
    kept = dict(adopt(secondary).kept)[head(ORG, long)]
    assert len(kept) <= 64
    assert ref(secondary, head(ORG, kept)) == mine


def test_nothing_to_adopt(primary: MemoryStore, secondary: MemoryStore) -> None:
    with secondary.read() as reader, pytest.raises(NotFound, match="no peer is known to have"):
        peer_with(reader, ORG)
    Wire(primary).pull(secondary)
    with secondary.read() as reader:
        assert peer_with(reader, ORG) == peer_with(reader, ORG, PEER) == PEER
        with pytest.raises(NotFound, match="other isn't known to have"):
            peer_with(reader, ORG, "other")
        with pytest.raises(Refused, match="mirrored from primary-1 already"):
            adoption(reader, PEER, NET)
    with secondary.write() as writer:
        oid = writer.ref(MAIN)
        writer.move_refs([RefUpdate(f"refs/remotes/other/{ORG}/main", None, oid)], WHO, "fetch")  # type: ignore[arg-type]
    with secondary.read() as reader, pytest.raises(UsageError, match="other, primary-1"):
        peer_with(reader, ORG)


def test_differences_alone_tell_as_much_as_a_list(primary: MemoryStore, secondary: MemoryStore) -> None:
    """As a mirror of many zones is told."""
    endpoint, tracking = Endpoint(primary), KnownRefs(PEER, mirrored=True)
    put_tag(secondary, ORG, "v1", ref(secondary, MAIN))  # type: ignore[arg-type]

    def exchange() -> None:
        with secondary.read() as reader:
            tracking.catch_up(reader)
            question = tracking.question()
        change = Change.decode(finish(endpoint.refs_diff(KEY, question)).body)
        Wire(primary).pull(secondary, refs=tracking.differences(change))

    before = {name: oid for name, oid in local_refs(secondary).items() if ORG in name}
    for count in range(4, 7):
        exchange()
        assert {name: oid for name, oid in local_refs(secondary).items() if ORG in name} == before
        assert ref(secondary, head(NET, "main")) == ref(primary, head(NET, "main"))
        assert refused(secondary) == {ORG}
        commit(primary, NET, names(NET, count))
    adopt(secondary)
    exchange()
    kept = {
        f"refs/heads/{ORG}/before-adopt-{name}": oid for name, oid in (("main", before[MAIN]), ("v1", before[MAIN]))
    }
    assert local_refs(secondary) == {**local_refs(primary), **kept}
    assert refused(secondary) == set()
    move(primary, ORG, "main", None)
    exchange()
    assert ref(secondary, MAIN) is None
