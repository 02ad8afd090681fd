"""Pulls by policy, and what a fetch or a push beside them leaves to be decided."""

import pytest

from synckit import NET, ORG, PEER, WHO, Wire, commit, names, refs_of
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, head
from zonegit.repo.ancestry import is_ancestor
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.arrival import Result
from zonegit.sync.fetch_session import FetchSession, track_pushed
from zonegit.sync.peers import is_undecided
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import PolicySession, Rules
from zonegit.sync.ref_lists import RefLists
from zonegit.sync.wire import PeerRefs

RULES = Rules(mirrors=lambda zone: False, policy=lambda zone: Policy.MERGE)


def no_differences(store: MemoryStore) -> PeerRefs:
    """What the peer says to who has been told all of its refs."""
    return refs_of(store)._replace(lists=RefLists(), gone=())


def tip(store: MemoryStore, zone: str = ORG) -> ObjectId:
    with store.read() as reader:
        found = reader.ref(head(zone, "main"))
    assert found is not None
    return found


@pytest.fixture
def both() -> tuple[MemoryStore, MemoryStore]:
    """Two nodes with one zone, to which both have committed since."""
    here, there = MemoryStore(), MemoryStore()
    base = commit(there, ORG, names(ORG, 5))
    Wire(there).pull(here)
    with here.write() as writer:
        writer.set_setting(f"mirror/{ORG}", None)
    for store, count in ((here, 6), (there, 7)):
        commit(store, ORG, names(ORG, count), parents=(base,))
    return here, there


def fetch(here: MemoryStore, there: MemoryStore) -> None:
    session = FetchSession(here, PEER, refs_of(there))
    Wire(there).run(session)
    session.finish(WHO)


def test_what_somebody_fetched_is_merged_by_the_next_pull(both: tuple[MemoryStore, MemoryStore]) -> None:
    here, there = both
    before = tip(here)
    fetch(here, there)
    assert tip(here) == before
    session = PolicySession(here, PEER, no_differences(there), RULES)
    assert session.finish(WHO).branches == (head(ORG, "main"),)
    with here.read() as reader:
        assert all(is_ancestor(reader, oid, tip(here)) for oid in (before, tip(there)))
        assert not is_undecided(reader, PEER)


def test_what_a_push_told_of_is_merged_by_the_next_pull(both: tuple[MemoryStore, MemoryStore]) -> None:
    here, there = both
    before, theirs = tip(here), tip(there)
    fetch(here, there)
    with here.write() as writer:  # as though it had come from a third node
        writer.move_refs([RefUpdate(f"refs/remotes/{PEER}/{ORG}/main", theirs, before)], WHO, "test")
        writer.set_setting(f"peer/{PEER}/undecided", None)
        track_pushed(writer, PEER, [Result(Ref(RefKind.HEAD, ORG, "main"), "refused", theirs)], WHO)
    PolicySession(here, PEER, no_differences(there), RULES).finish(WHO)
    with here.read() as reader:
        assert is_ancestor(reader, theirs, tip(here))


def test_a_fetch_of_what_is_here_leaves_nothing_to_be_decided() -> None:
    here, there = MemoryStore(), MemoryStore()
    commit(there, NET, names(NET, 5))
    Wire(there).pull(here)
    fetch(here, there)
    with here.read() as reader:
        assert not is_undecided(reader, PEER)
