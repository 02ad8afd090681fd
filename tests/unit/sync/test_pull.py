"""A pull from one store into another, over bytes: what it takes, what it moves, and what it leaves alone."""

import pytest

from synckit import KEY, PEER, SMALL_NODES, WHO, Wire, commit, local_refs, move, names, put_tag, refs_of
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import InvalidData, Refused
from zonegit.model.commit import Tag
from zonegit.model.ids import object_id
from zonegit.model.names import join
from zonegit.model.refs import head, remote
from zonegit.model.rrset import RRset
from zonegit.repo import Position
from zonegit.repo.context import Context
from zonegit.repo.position import HeadStatus, head_status
from zonegit.repo.writing import check_not_mirrored
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.fetch_session import FetchSession
from zonegit.sync.limits import ServerLimits
from zonegit.sync.peers import MOST_MOVED, accept_epoch, highest
from zonegit.sync.server import Endpoint
from zonegit.sync.session import Session
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish


def record(name: bytes, address: bytes = b"\x7f\0\0\1") -> dict:  # type: ignore[type-arg]
    found = RRset.of(join([name]), 1, 60, [address])
    return {found.key: found.encode()}


def test_a_cold_pull_ends_with_the_same_refs_and_closure() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    content = names("example.org.", 300, large=3)
    commit(primary, "example.org.", content, shape=SMALL_NODES)
    tip = commit(primary, "example.org.", content | record(b"new"), shape=SMALL_NODES)
    commit(primary, "example.net.", names("example.net.", 5))
    put_tag(primary, "example.org.", "v1", tip)
    moved = Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    assert len(moved.branches) == 2
    with primary.read() as mine, secondary.read() as theirs:
        assert set(mine.object_ids()) == set(theirs.object_ids())
        assert mine.index_root == theirs.index_root
        assert theirs.ref(f"refs/remotes/{PEER}/example.org./main") == tip
        assert theirs.setting(f"peer/{PEER}/resume") is None


def test_an_empty_primary_is_fine() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    wire = Wire(primary)
    assert wire.pull(secondary).branches == ()
    assert wire.asks == []


@pytest.mark.parametrize("split", [1, 100_000])
def test_one_change_costs_one_path_and_one_question(split: int) -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    content = names("example.org.", 5_000)
    commit(primary, "example.org.", content)
    Wire(primary).pull(secondary, split=split)
    commit(primary, "example.org.", content | record(b"new"))
    wire = Wire(primary)
    wire.pull(secondary, split=split)
    assert len(wire.asks) == 1
    assert wire.objects <= 6
    assert wire.bytes < 10_000
    assert local_refs(secondary) == local_refs(primary)


def test_nothing_new_asks_nothing() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    Wire(primary).pull(secondary)
    before = secondary.txn_id()
    wire = Wire(primary)
    wire.pull(secondary)
    assert not wire.asks
    assert secondary.txn_id() == before, "nothing is written when nothing moved"


def test_a_large_cold_zone_comes_by_subtrees() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    content = names("example.org.", 4_000, large=2)
    commit(primary, "example.org.", names("example.org.", 4_000, seed=9))
    commit(primary, "example.org.", content)
    other = commit(primary, "example.org.", content | record(b"side"), branch="side")
    wire = Wire(primary)
    wire.pull(secondary, split=1_000)
    paths = [ask.path for ask in wire.asks]
    assert paths[:3] == ["/v0/objects/fetch"] * 3
    assert 3 <= paths.count("/v0/fetch") <= 6
    assert local_refs(secondary) == local_refs(primary)
    assert local_refs(secondary)["refs/heads/example.org./side"] == other
    with secondary.read() as reader:
        assert wire.objects == len(list(reader.object_ids())) + 3, "no object came twice but those looked at"


def test_history_is_sent_once_each() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    content = names("example.org.", 500)
    for at in range(20):
        commit(primary, "example.org.", content | record(b"r%d" % (at % 3)), shape=SMALL_NODES)
    wire = Wire(primary)
    wire.pull(secondary)
    with secondary.read() as reader:
        assert wire.objects == len(list(reader.object_ids())) + 2, "a commit and a zone were looked at first"


def test_deletions_travel() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    kept = commit(primary, "example.org.", names("example.org.", 5))
    commit(primary, "example.net.", names("example.net.", 5))
    move(primary, "example.org.", "side", kept)
    put_tag(primary, "example.net.", "v1", commit(primary, "example.net.", names("example.net.", 6)))
    Wire(primary).pull(secondary)
    move(primary, "example.net.", "main", None)
    move(primary, "example.org.", "side", None)
    with primary.write() as writer:
        name = next(name for name, _ in writer.refs("refs/tags/"))
        writer.move_refs([RefUpdate(name, writer.ref(name), None)], WHO, "tag -d")
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary) == {"refs/heads/example.org./main": kept}
    with secondary.read() as reader:
        assert [name for name, _ in reader.refs("refs/remotes/")] == [f"refs/remotes/{PEER}/example.org./main"]


def test_a_branch_that_the_peer_never_had_is_left_alone() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    mine = commit(secondary, "mine.example.", names("mine.example.", 3))
    commit(primary, "example.org.", names("example.org.", 5))
    Wire(primary).pull(secondary)
    assert local_refs(secondary)["refs/heads/mine.example./main"] == mine


def test_a_reset_at_the_primary_is_followed_and_told() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    content = names("example.org.", 50)
    first = commit(primary, "example.org.", content)
    commit(primary, "example.org.", content | record(b"new"))
    assert Wire(primary).pull(secondary).rewound == ()
    move(primary, "example.org.", "main", first)
    moved = Wire(primary).pull(secondary)
    assert moved.rewound == moved.branches == (head("example.org.", "main"),)
    assert local_refs(secondary) == local_refs(primary)


def test_annotated_tags_come_with_their_commits() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    oid = commit(primary, "example.org.", names("example.org.", 5))
    data = Tag(oid, "example.org.", "v1", WHO, "first").encode()
    with primary.write() as writer:
        writer.insert([data])
    put_tag(primary, "example.org.", "v1", object_id(data))
    move(primary, "example.org.", "main", None)
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == {"refs/tags/example.org./v1": object_id(data)}


def test_head_names_the_first_branch_that_came_and_stays_there() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.net.", names("example.net.", 5), branch="side")
    commit(primary, "example.org.", names("example.org.", 5))
    Wire(primary).pull(secondary)
    with secondary.read() as reader:
        assert reader.setting("HEAD") == b"refs/heads/example.org./main"
    move(primary, "example.org.", "main", None)
    Wire(primary).pull(secondary)
    with secondary.read() as reader:
        assert reader.setting("HEAD") == b"refs/heads/example.org./main"
        assert head_status(reader, "HEAD") == HeadStatus(
            Position("example.net.", "side"), lost=Position("example.org.", "main")
        )


def test_an_older_state_of_the_peer_is_refused() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    old = refs_of(primary)
    commit(primary, "example.org.", names("example.org.", 6))
    Wire(primary).pull(secondary)
    before = local_refs(secondary)
    with pytest.raises(Refused, match="older state"):
        Wire(primary).pull(secondary, refs=old)
    assert local_refs(secondary) == before


@pytest.mark.parametrize("kind", [Session, FetchSession])
def test_a_pull_that_a_later_one_overtook_does_nothing(kind: type[Session]) -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    slow = kind(secondary, PEER, refs_of(primary))
    Wire(primary).pull(secondary)
    tip = commit(primary, "example.org.", names("example.org.", 6))
    Wire(primary).pull(secondary)
    assert slow.finish(WHO).refs == 0
    assert local_refs(secondary) == {head("example.org.", "main"): tip}
    with secondary.read() as reader:
        assert reader.ref(remote(PEER, "example.org.", "main")) == tip
        known = highest(reader, PEER)
    assert known is not None
    assert known.seq == refs_of(primary).seq


@pytest.mark.parametrize(("ahead", "taken"), [(MOST_MOVED, True), (MOST_MOVED + 1, False), ((1 << 62), False)])
def test_a_state_too_far_ahead_is_refused_and_blocks_nobody(ahead: int, taken: bool) -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    Wire(primary).pull(secondary)
    refs = refs_of(primary)
    later = refs._replace(seq=refs.seq + ahead)
    if taken:
        Wire(primary).pull(secondary, refs=later)
        return
    with pytest.raises(Refused, match=r"far ahead .* accept-epoch primary-1"):
        Wire(primary).pull(secondary, refs=later)
    commit(primary, "example.org.", names("example.org.", 6))
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)


def test_who_was_led_ahead_accepts_the_honest_state() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    Wire(primary).pull(secondary)
    Wire(primary).pull(secondary, refs=refs_of(primary)._replace(seq=1 << 32))
    commit(primary, "example.org.", names("example.org.", 6))
    with pytest.raises(Refused, match=r"older state .* accept-epoch primary-1"):
        Wire(primary).pull(secondary)
    with secondary.write() as writer:
        accept_epoch(writer, PEER)
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)


def test_a_number_beyond_63_bits_is_no_sequence_number() -> None:
    refs = refs_of(MemoryStore())
    assert PeerRefs.decode(refs._replace(seq=(1 << 63) - 1).encode()).seq == (1 << 63) - 1
    with pytest.raises(InvalidData, match="no valid sequence number"):
        PeerRefs.decode(refs._replace(seq=1 << 63).encode())


def test_another_epoch_is_refused_until_it_is_accepted() -> None:
    primary, secondary, restored = MemoryStore(), MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    commit(restored, "example.org.", names("example.org.", 7))
    Wire(primary).pull(secondary)
    before = local_refs(secondary)
    with pytest.raises(Refused, match="accept-epoch primary-1"):
        Wire(restored).pull(secondary)
    assert local_refs(secondary) == before
    with secondary.write() as writer:
        accept_epoch(writer, PEER)
    Wire(restored).pull(secondary)
    assert local_refs(secondary) == local_refs(restored)


def test_a_key_sees_the_refs_of_its_scope() -> None:
    primary = MemoryStore()
    for zone in ("example.org.", "sub.example.org.", "badexample.org.", "example.net."):
        commit(primary, zone, names(zone, 1))
    key = Key.derive("k2", b"2" * 32, scopes=(parse_scope("read:example.org."),))
    assert refs_of(primary, key).zones == ["example.org.", "sub.example.org."]
    assert len(refs_of(primary, KEY).zones) == 4


def test_the_refs_of_a_scope_are_made_once_for_a_state() -> None:
    primary = MemoryStore()
    commit(primary, "example.org.", names("example.org.", 1))
    endpoint = Endpoint(primary)
    first = finish(endpoint.refs(KEY))
    assert finish(endpoint.refs(KEY)).body is first.body
    narrow = Key.derive("k2", b"2" * 32, scopes=(parse_scope("read:example.net."),))
    assert PeerRefs.decode(finish(endpoint.refs(narrow)).body).zones == []
    commit(primary, "example.net.", names("example.net.", 1))
    assert PeerRefs.decode(finish(endpoint.refs(narrow)).body).zones == ["example.net."]
    assert PeerRefs.decode(finish(endpoint.refs(KEY)).body).zones == ["example.net.", "example.org."]


def test_a_stream_ends_with_more_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.sync.limits.GROUP_BYTES", 1_000)
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 800, large=4), shape=SMALL_NODES)
    commit(primary, "example.net.", names("example.net.", 80))
    wire = Wire(primary, bounds=ServerLimits(response_bytes=4_000))
    wire.pull(secondary)
    assert len(wire.asks) > 10
    with secondary.read() as reader:
        assert wire.objects - 4 <= len(list(reader.object_ids())), "no object came twice"
    assert local_refs(secondary) == local_refs(primary)


def test_large_objects_do_not_hide_in_a_group() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    big = RRset.of(join([b"big"]), 16, 60, [b"\xff" + bytes([at]) * 255 for at in range(240)])
    content = names("example.org.", 3) | {big.key: big.encode()}
    commit(primary, "example.org.", dict(sorted(content.items())))
    Wire(primary).pull(secondary)
    assert local_refs(secondary) == local_refs(primary)


def test_a_mirrored_zone_takes_no_commit_here_and_is_free_again_when_it_is_gone() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 5))
    Wire(primary).pull(secondary)
    context = Context.over(secondary)
    with pytest.raises(Refused, match=f"mirrored from {PEER}: make the change there"):
        check_not_mirrored(context, "example.org.")
    check_not_mirrored(context, "example.net.")
    move(primary, "example.org.", "main", None)
    Wire(primary).pull(secondary)
    check_not_mirrored(context, "example.org.")
