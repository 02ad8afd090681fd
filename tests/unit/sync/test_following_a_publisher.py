"""A zone that several nodes write, and that one of them publishes: the others serve its versions."""

from collections.abc import Callable

import pytest

from synckit import KEY, NET, ORG, PEER, WHO, Content, Wire, commit, local_refs, names, refs_of, writable
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner
from zonegit.model.rdata import NS
from zonegit.model.refs import RefName, head, published
from zonegit.model.rrset import RRset
from zonegit.repo.context import Context
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish, stop_publishing
from zonegit.repo.publishing.reading import own_publications
from zonegit.repo.results import Position
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.store.served import served_ref
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import PolicySession, Rules
from zonegit.sync.ref_diff import Change
from zonegit.sync.server import Endpoint
from zonegit.sync.work import finish

MAIN = Position(ORG, "main")
SHOWN = published(ORG, "main")
WRITES = Rules(mirrors=lambda _: False, policy=lambda _: Policy.MERGE)
FOLLOWS = WRITES._replace(publishes=lambda zone: zone == ORG)


def let(store: Store, *, deletes: int | None = None) -> ObjectId:
    found = publish(Context.over(store), MAIN, PublishPolicy(max_deletes=deletes), lambda *_: None).published
    assert found is not None
    return found.version.id


def zone(count: int, seed: int = 0) -> Content:
    servers = RRset.of(Owner(b""), NS, 3600, [b"\2ns\7example\3net\0"])
    return {**names(ORG, count, seed), servers.key: servers.encode()}


def versions(store: Store) -> dict[RefName, ObjectId]:
    with store.read() as reader:
        return dict(reader.refs("refs/published/"))


def served(store: Store) -> RefName:
    with store.read() as reader:
        return served_ref(reader, ORG, "main")


def pull(here: Store, there: Store, rules: Rules = FOLLOWS, known: KnownRefs | None = None) -> None:
    """By a list of all refs or, with `known`, by the differences from those."""
    refs = refs_of(there)
    if known is not None:
        with here.read() as reader:
            known.catch_up(reader)
        refs = known.differences(Change.decode(finish(Endpoint(there).refs_diff(KEY, known.question())).body))
    session = PolicySession(here, PEER, refs, rules)
    Wire(there).run(session)
    session.finish(WHO)
    assert fsck(here).problems == []


@pytest.fixture
def signer() -> MemoryStore:
    store = MemoryStore()
    commit(store, ORG, zone(20))
    commit(store, NET, names(NET, 5))
    let(store)
    return store


@pytest.fixture
def writer(signer: MemoryStore) -> MemoryStore:
    store = MemoryStore()
    pull(store, signer)
    return store


@pytest.fixture(params=["lists", "differences"])
def follow(request: pytest.FixtureRequest, writer: MemoryStore, signer: MemoryStore) -> Callable[[], None]:
    known = KnownRefs(PEER, publishes=FOLLOWS.publishes) if request.param == "differences" else None
    return lambda: pull(writer, signer, known=known)


def test_the_version_is_served_and_the_zone_can_be_written(signer: MemoryStore, writer: MemoryStore) -> None:
    assert versions(writer) == versions(signer) != {}
    assert served(writer) == SHOWN
    assert writable(writer)
    assert local_refs(writer) == local_refs(signer)


def test_what_is_committed_here_is_served_once_the_peer_publishes_it(
    signer: MemoryStore, writer: MemoryStore, follow: Callable[[], None]
) -> None:
    first = versions(signer)
    made = commit(writer, ORG, zone(21))
    follow()
    assert versions(writer) == first and served(writer) == SHOWN
    pull(signer, writer, WRITES)
    assert local_refs(signer)[head(ORG, "main")] == made
    let(signer)
    follow()
    assert versions(writer) == versions(signer) != first
    assert writable(writer)


def test_what_the_peer_holds_is_not_served_here_either(
    signer: MemoryStore, writer: MemoryStore, follow: Callable[[], None]
) -> None:
    held = commit(signer, ORG, zone(3))
    first = let(signer, deletes=5)
    follow()
    assert local_refs(writer)[head(ORG, "main")] == held
    assert versions(writer) == {SHOWN: first}


def test_both_have_moved(signer: MemoryStore, writer: MemoryStore, follow: Callable[[], None]) -> None:
    commit(signer, ORG, zone(20, seed=1))
    let(signer)
    commit(writer, ORG, zone(22))
    follow()
    assert versions(writer) == versions(signer)
    pull(signer, writer, WRITES)
    let(signer)
    follow()
    assert local_refs(writer) == local_refs(signer)
    assert versions(writer) == versions(signer)


def test_the_publisher_here_leaves_the_version_alone(writer: MemoryStore) -> None:
    with writer.read() as reader:
        assert list(own_publications(reader)) == []


def test_the_branch_is_served_once_the_peer_publishes_nothing(
    signer: MemoryStore, writer: MemoryStore, follow: Callable[[], None]
) -> None:
    stop_publishing(Context.over(signer), MAIN)
    follow()
    assert versions(writer) == {} and served(writer) == head(ORG, "main")


def test_a_version_is_not_given_up_when_the_peer_is_not_the_publisher_any_more(
    signer: MemoryStore, writer: MemoryStore
) -> None:
    """It may be signed, and what the parent says then has to stay true."""
    first = versions(writer)
    commit(signer, ORG, zone(21))
    let(signer)
    pull(writer, signer, WRITES)
    assert versions(writer) == first
    with writer.read() as reader:
        assert list(own_publications(reader)) == []


def test_a_policy_of_its_own_takes_over_above_the_peers_version(signer: MemoryStore, writer: MemoryStore) -> None:
    commit(writer, ORG, zone(22))
    version = let(writer)
    assert versions(writer) == {SHOWN: version} != versions(signer)
    pull(writer, signer)
    assert versions(writer) == {SHOWN: version}
    with writer.read() as reader:
        assert list(own_publications(reader)) == [MAIN]
    stop_publishing(Context.over(writer), MAIN)
    assert served(writer) == head(ORG, "main")


def test_a_third_node_may_get_the_versions_by_way_of_this_one(signer: MemoryStore, writer: MemoryStore) -> None:
    third = MemoryStore()
    pull(third, writer)
    assert versions(third) == versions(signer)


def test_a_secondary_of_this_node_follows_them(signer: MemoryStore, writer: MemoryStore) -> None:
    secondary = MemoryStore()
    Wire(writer).pull(secondary)
    assert versions(secondary) == versions(signer)
    assert not writable(secondary)
