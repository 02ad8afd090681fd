"""What a push sends, and how it goes on after a break."""

from collections.abc import Iterator

import pytest

from pushkit import Broken, Peer, branch, drive, offers, pushed
from synckit import NET, ORG, PEER, SMALL_NODES, WHO, Wire, commit, local_refs, names, put_tag, refs_of
from zonegit.errors import Incomplete, InvalidData, LimitExceeded, Unreachable
from zonegit.model.refs import Ref, RefKind
from zonegit.store.memory import MemoryStore
from zonegit.sync import pushing
from zonegit.sync.fetch_session import FetchSession
from zonegit.sync.policy import Policy
from zonegit.sync.push_body import PushBody
from zonegit.sync.push_wire import Answer
from zonegit.sync.pushing import Push
from zonegit.sync.ref_lists import RefLists


def cloned() -> tuple[MemoryStore, Peer]:
    """Two stores with the same zone."""
    there = MemoryStore()
    commit(there, ORG, names(ORG, 200), shape=SMALL_NODES)
    here = MemoryStore()
    Wire(there).pull(here)
    return here, Peer(there)


def test_a_new_zone_arrives_whole() -> None:
    here, peer = MemoryStore(), Peer(MemoryStore())
    oid = commit(here, ORG, names(ORG, 200, large=2), shape=SMALL_NODES)
    (result,) = pushed(here, peer, offers(here, [branch(ORG)]))
    assert (result.outcome, result.tip) == ("updated", oid)
    assert local_refs(peer.store) == local_refs(here)
    assert len(peer.bodies) == 1


def test_a_change_costs_its_path_alone() -> None:
    here, peer = cloned()
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    push = Push(here, PEER, refs_of(peer.store), offers(here, [branch(ORG)], peer))
    push.prepare()
    counted = push.objects, push.size
    assert drive(push, peer)[0].outcome == "updated"
    assert peer.sent() < 10
    assert (push.sent, push.sent_size) == counted == (push.objects, push.size)
    assert push.stored == push.sent


def test_what_the_peer_has_from_elsewhere_is_not_sent() -> None:
    """It has a commit that isn't here, so what both have is asked for, and costs one small request."""
    here, peer = cloned()
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    commit(peer.store, ORG, names(ORG, 202, seed=1), shape=SMALL_NODES)
    (result,) = pushed(here, peer, offers(here, [branch(ORG)], peer))
    assert (result.outcome, result.reason) == ("refused", "not-fast-forward")
    assert peer.sent() < 10
    assert len(peer.bodies) == 2
    assert peer.bodies[0].ask.updates == ()


def test_a_peer_that_merges_says_so() -> None:
    here, peer = cloned()
    peer.policy = Policy.MERGE
    mine = names(ORG, 200)
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    del mine[list(mine)[-1]]
    commit(peer.store, ORG, mine, shape=SMALL_NODES)
    (result,) = pushed(here, peer, offers(here, [branch(ORG)], peer))
    assert result.outcome == "merged"
    assert result.tip == local_refs(peer.store)[branch(ORG).full]


def test_tags_travel_with_what_they_name() -> None:
    here, peer = MemoryStore(), Peer(MemoryStore())
    oid = commit(here, ORG, names(ORG, 20), shape=SMALL_NODES)
    put_tag(here, ORG, "v1", oid)
    pushed(here, peer, offers(here, [Ref(RefKind.TAG, ORG, "v1")]))
    assert local_refs(peer.store) == {f"refs/tags/{ORG}/v1": oid}


def large(count: int = 6) -> tuple[MemoryStore, Peer]:
    """A zone whose push takes several requests."""
    here = MemoryStore()
    commit(here, ORG, names(ORG, count * 8_000))
    return here, Peer(MemoryStore())


@pytest.fixture
def small_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests of few KiB, and probes from the size of a small zone on."""
    monkeypatch.setattr(pushing, "FIRST_BYTES", 8 << 10)
    monkeypatch.setattr(pushing, "LEAST_BYTES", 4 << 10)
    monkeypatch.setattr(pushing, "PUSH_BYTES", 16 << 10)


@pytest.mark.usefixtures("small_requests")
def test_objects_come_in_several_requests_and_refs_at_the_end() -> None:
    here, peer = large(1)
    (result,) = pushed(here, peer, offers(here, [branch(ORG)]))
    assert result.outcome == "updated"
    assert len(peer.bodies) > 5
    assert [bool(body.ask.updates) for body in peer.bodies].index(True) == len(peer.bodies) - 1
    assert max(sum(map(len, body.objects)) for body in peer.bodies) <= 16 << 10


@pytest.mark.usefixtures("small_requests")
@pytest.mark.parametrize(("seconds", "least", "most"), [(0.1, 12 << 10, 16 << 10), (60.0, 4 << 10, 8 << 10)])
def test_the_first_request_with_objects_is_as_large_as_the_connection_is_quick(
    seconds: float, least: int, most: int
) -> None:
    here, peer = large(1)
    push = Push(here, PEER, refs_of(peer.store), offers(here, [branch(ORG)]))
    push.prepare()
    question = push.next()
    assert push.probing
    assert question is not None
    push.answered(peer.answer(question.body), seconds)
    request = push.next()
    assert request is not None
    assert least < len(request.body) <= most + 1_000


@pytest.mark.usefixtures("small_requests")
def test_a_push_that_broke_goes_on_where_it_stopped() -> None:
    here, peer = large(1)
    whole = Peer(MemoryStore())
    pushed(here, whole, offers(here, [branch(ORG)]))

    def breaks(body: PushBody) -> None:
        if len(peer.bodies) > 6:
            raise Broken("gone")

    peer.before = breaks
    with pytest.raises(Broken):
        pushed(here, peer, offers(here, [branch(ORG)]))
    assert local_refs(peer.store) == {}
    arrived = len(list(_ids(peer.store)))
    peer.before, peer.bodies = lambda body: None, []
    (result,) = pushed(here, peer, offers(here, [branch(ORG)]))
    assert result.outcome == "updated"
    assert arrived > 20
    assert peer.sent() < whole.sent() - arrived // 2


@pytest.mark.usefixtures("small_requests")
def test_each_break_within_a_push_loses_little() -> None:
    here, peer = large(1)
    whole = Peer(MemoryStore())
    pushed(here, whole, offers(here, [branch(ORG)]))
    turns = iter(range(10_000))

    def breaks(body: PushBody) -> None:
        if next(turns) % 4 == 3:
            raise Broken("gone")

    peer.before = breaks
    (result,) = pushed(here, peer, offers(here, [branch(ORG)]))
    assert result.outcome == "updated"
    assert peer.sent() < 2 * whole.sent()
    assert all(not body.ask.present for body in peer.bodies[1:])


def test_a_connection_that_always_breaks_ends_the_push() -> None:
    here, peer = large(1)

    def breaks(body: PushBody) -> None:
        raise Broken("gone")

    peer.before = breaks
    with pytest.raises(Broken):
        pushed(here, peer, offers(here, [branch(ORG)]))
    assert len(peer.bodies) == pushing.MOST_LOST + 1


def test_a_peer_that_lost_what_its_refs_name_is_asked_what_it_has() -> None:
    """Such as one of which a backup was restored between its list of refs and the push."""
    here, peer = cloned()
    refs = refs_of(peer.store)
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    emptied = Peer(MemoryStore())
    (result,) = drive(Push(here, PEER, refs, offers(here, [branch(ORG)])), emptied)
    assert result.outcome == "updated"
    assert local_refs(emptied.store) == local_refs(here)


def test_a_peer_that_declines_twice_ends_the_push() -> None:
    here, peer = cloned()
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)

    def refuses(body: PushBody) -> None:
        raise Incomplete("no")

    peer.before = refuses
    with pytest.raises(Unreachable, match="doesn't accept pushes at the moment"):
        pushed(here, peer, offers(here, [branch(ORG)], peer))


def test_an_answer_about_other_refs_is_refused() -> None:
    here, peer = cloned()
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    push = Push(here, PEER, refs_of(peer.store), offers(here, [branch(ORG)], peer))
    push.prepare()
    push.next()
    with pytest.raises(InvalidData, match="other refs"):
        push.answered(Answer(3))


def test_a_peer_can_not_miss_what_it_was_not_asked_after() -> None:
    here, peer = cloned()
    oid = commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    commit(peer.store, ORG, names(ORG, 202, seed=1), shape=SMALL_NODES)
    push = Push(here, PEER, refs_of(peer.store), offers(here, [branch(ORG)], peer))
    push.prepare()
    assert push.probing
    push.next()
    with pytest.raises(InvalidData, match="wasn't asked about"):
        push.answered(Answer(0, (oid[:31] + b"x",)))  # type: ignore[arg-type]


def many(count: int) -> Iterator[Ref]:
    return (branch(ORG, f"b{number}") for number in range(count))


def test_many_refs_take_several_requests_and_an_atomic_push_refuses_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pushing, "MAX_UPDATES", 10)
    here, peer = MemoryStore(), Peer(MemoryStore())
    for ref in many(25):
        commit(here, ORG, names(ORG, 3), branch=ref.name, message=ref.name, parents=())
    updates = offers(here, list(many(25)))
    with pytest.raises(LimitExceeded, match="without --atomic"):
        Push(here, PEER, refs_of(peer.store), updates, atomic=True)
    results = pushed(here, peer, updates)
    assert [result.ref for result in results] == [update.ref for update in updates]
    assert local_refs(peer.store) == local_refs(here)
    assert [len(body.ask.updates) for body in peer.bodies] == [10, 10, 5]


def test_an_atomic_push_moves_all_or_nothing() -> None:
    here, peer = cloned()
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES)
    commit(here, NET, names(NET, 5), shape=SMALL_NODES)
    commit(peer.store, ORG, names(ORG, 202, seed=1), shape=SMALL_NODES)
    before = local_refs(peer.store)
    results = pushed(here, peer, offers(here, [branch(NET), branch(ORG)], peer), atomic=True)
    assert [result.outcome for result in results] == ["refused", "refused"]
    assert local_refs(peer.store) == before


def test_differences_of_refs_tell_what_a_peer_has() -> None:
    """With many refs only differences from what is tracked are known: the rest counts as it is tracked."""
    here, peer = MemoryStore(), Peer(MemoryStore())
    commit(peer.store, ORG, names(ORG, 200), shape=SMALL_NODES)
    refs = refs_of(peer.store)
    session = FetchSession(here, PEER, refs)
    Wire(peer.store).run(session)
    session.finish(WHO)
    with here.read() as reader:
        old = reader.ref(f"refs/remotes/{PEER}/{ORG}/main")  # type: ignore[arg-type]
    assert old is not None
    commit(here, ORG, names(ORG, 201), shape=SMALL_NODES, parents=(old,))
    differences = refs._replace(lists=RefLists(), gone=())
    (result,) = drive(Push(here, PEER, differences, offers(here, [branch(ORG)], peer)), peer)
    assert result.outcome == "updated"
    assert peer.sent() < 10


def test_compressed_groups_are_smaller() -> None:
    here, _ = large(1)
    sizes = []
    for compress in (False, True):
        push = Push(here, PEER, refs_of(MemoryStore()), offers(here, [branch(ORG)]), compress=compress)
        push.prepare()
        request = push.next()
        assert request is not None
        sizes.append(len(request.body))
    assert sizes[1] < sizes[0]


def _ids(store: MemoryStore) -> Iterator[bytes]:
    with store.read() as reader:
        yield from reader.object_ids()
