"""What a peer may have stored here: so much in a day, and nothing where the disk has little left."""

import pytest

from synckit import PEER, SMALL_NODES, WHO, answer, check_for, commit, local_refs, move, names, put_tag, refs_of
from zonegit.errors import QuotaUsedUp, StoreFull
from zonegit.repo.peer_status import DAY, STORED, Stored
from zonegit.store.memory import MemoryStore
from zonegit.sync.limits import CLIENT, ClientLimits
from zonegit.sync.mirror import Moved
from zonegit.sync.peers import forget
from zonegit.sync.quota import REF_BYTES
from zonegit.sync.session import Session

TODAY = 20_421
SOME = CLIENT._replace(day_bytes=25_000)


def pull(primary: MemoryStore, secondary: MemoryStore, bounds: ClientLimits, day: int | None = TODAY) -> Moved:
    session = Session(secondary, PEER, refs_of(primary), bounds=bounds, day=day)
    while asks := session.next():
        for ask in asks:
            session.opened(ask.number, check_for("m"))
            for batch in session.received(ask.number, answer(primary, ask)):
                session.insert([batch])
            session.ended(ask.number)
    return session.finish(WHO)


def today(secondary: MemoryStore) -> Stored | None:
    with secondary.read() as reader:
        return STORED.read(reader).get(PEER)


def grow(primary: MemoryStore, seed: int) -> None:
    commit(primary, "example.org.", names("example.org.", 500, seed=seed), shape=SMALL_NODES)


def size_of(store: MemoryStore) -> int:
    with store.read() as reader:
        return sum(len(reader.get(oid)) for oid in reader.object_ids())


def test_a_day_ends_and_another_begins() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    refused = 0
    for seed in range(10):
        grow(primary, seed)
        try:
            pull(primary, secondary, SOME)
        except QuotaUsedUp:
            refused += 1
    assert refused > 3
    one = size_of(primary) // 10
    assert SOME.day_bytes <= size_of(secondary) + 10 * REF_BYTES <= SOME.day_bytes + 2 * one
    found = today(secondary)
    assert found is not None
    assert found.is_used_up(TODAY * DAY + 86_399.9)
    assert not found.is_used_up((TODAY + 1) * DAY)
    before = local_refs(secondary)
    with pytest.raises(QuotaUsedUp, match="nothing more is accepted from primary-1 before midnight UTC"):
        pull(primary, secondary, SOME)
    assert local_refs(secondary) == before
    pull(primary, secondary, SOME._replace(day_bytes=1 << 30), TODAY + 1)
    assert local_refs(secondary) == local_refs(primary)


def test_nothing_is_asked_for_that_could_not_be_stored() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    grow(primary, 1)
    few = SOME._replace(day_bytes=size_of(primary) + 1)
    pull(primary, secondary, few)
    grow(primary, 2)
    with pytest.raises(QuotaUsedUp):
        Session(secondary, PEER, refs_of(primary), bounds=few, day=TODAY).next()


def test_who_has_everything_already_is_in_order() -> None:
    """A quota that is used up makes no zone too old."""
    primary, secondary = MemoryStore(), MemoryStore()
    grow(primary, 1)
    few = SOME._replace(day_bytes=size_of(primary) + 1)
    pull(primary, secondary, few)
    assert pull(primary, secondary, few) == Moved()


def test_refs_that_move_without_an_object_count() -> None:
    """Each has its line in the reflog, for good."""
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, "example.org.", names("example.org.", 3))
    tip = commit(primary, "example.org.", names("example.org.", 4))
    (first,) = (oid for oid in local_refs(primary).values())
    assert first == tip
    few = SOME._replace(day_bytes=40 * REF_BYTES)
    pull(primary, secondary, few)
    moves = 0
    with pytest.raises(QuotaUsedUp):
        for at in range(100):
            move(primary, "example.org.", f"b{at}", tip)
            moves += pull(primary, secondary, few).refs
    assert 30 <= moves <= 42


def test_tags_count_too() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    tip = commit(primary, "example.org.", names("example.org.", 3))
    put_tag(primary, "example.org.", "v1", tip)
    assert pull(primary, secondary, SOME).refs == 3


def test_without_a_day_nothing_is_counted() -> None:
    """Who calls `zonegit clone` is there to see what comes."""
    primary, secondary = MemoryStore(), MemoryStore()
    grow(primary, 1)
    pull(primary, secondary, SOME._replace(day_bytes=1), None)
    assert today(secondary) is None
    assert local_refs(secondary) == local_refs(primary)


def test_a_peer_that_is_forgotten_is_forgotten() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    grow(primary, 1)
    pull(primary, secondary, SOME)
    assert today(secondary)
    with secondary.write() as writer:
        forget(writer, PEER)
    assert today(secondary) is None


def test_some_of_the_disk_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    grow(primary, 1)
    asked: list[int] = []
    monkeypatch.setattr(secondary, "has_room", lambda size: asked.append(size) or len(asked) < 2)
    with pytest.raises(StoreFull, match=r"no space is left for what primary-1 sends.*disk_free"):
        pull(primary, secondary, SOME)
    assert set(asked) == {SOME.disk_free}
    assert local_refs(secondary) == {}
    monkeypatch.undo()
    pull(primary, secondary, SOME)
    assert local_refs(secondary) == local_refs(primary)
