"""Published versions at whoever follows a node: mirrors, clients that don't know them, nodes that write, too."""

import json

import pytest

from synckit import (
    KEY,
    NET,
    ORG,
    PEER,
    WHO,
    Content,
    Wire,
    by_sketch,
    commit,
    local_refs,
    move,
    names,
    put_tag,
    refs_of,
)
from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner
from zonegit.model.rdata import NS
from zonegit.model.refs import RefName, head, published
from zonegit.model.rrset import RRset
from zonegit.repo.context import Context
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish, stop_publishing
from zonegit.repo.results import Position
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.store.served import served_ref
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import PolicySession, Rules
from zonegit.sync.ref_diff import Change, Question
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import Accepts, PeerRefs
from zonegit.sync.work import finish

MAIN = Position(ORG, "main")
SHOWN = published(ORG, "main")
OLD = Accepts(all_names=True, tombstones=True)
"""What a client takes that knows no published versions."""


def let(store: Store, *, deletes: int | None = None) -> ObjectId:
    """Publish the branch under a policy; its version's id."""
    found = publish(Context.over(store), MAIN, PublishPolicy(max_deletes=deletes), lambda *_: None).published
    assert found is not None
    return found.version.id


def zone(count: int) -> Content:
    """A zone that has no errors."""
    servers = RRset.of(Owner(b""), NS, 3600, [b"\2ns\7example\3net\0"])
    return {**names(ORG, count), servers.key: servers.encode()}


def versions(store: Store) -> dict[RefName, ObjectId]:
    with store.read() as reader:
        return dict(reader.refs("refs/published/"))


def served(store: Store) -> RefName:
    with store.read() as reader:
        return served_ref(reader, ORG, "main")


def viewed(store: Store) -> list[bytes]:
    with store.read() as reader:
        return reader.view_keys()


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, ORG, zone(20))
    commit(store, NET, names(NET, 5))
    let(store)
    return store


def test_a_mirror_serves_what_its_primary_publishes(primary: MemoryStore) -> None:
    secondary, wire = MemoryStore(), Wire(primary)
    wire.pull(secondary)
    assert versions(secondary) == versions(primary)
    held = commit(primary, ORG, zone(3))
    first = versions(primary)
    let(primary, deletes=5)
    assert versions(primary) == first
    wire.pull(secondary)
    assert local_refs(secondary)[head(ORG, "main")] == held
    assert versions(secondary) == versions(primary)
    assert served(secondary) == SHOWN
    assert sorted(viewed(secondary)) == [head(NET, "main").encode(), SHOWN.encode()]
    let(primary)
    wire.pull(secondary)
    assert versions(secondary) == versions(primary) != first
    assert fsck(secondary).problems == []


def test_a_mirror_serves_the_branch_once_its_primary_does(primary: MemoryStore) -> None:
    secondary, wire = MemoryStore(), Wire(primary)
    wire.pull(secondary)
    stop_publishing(Context.over(primary), MAIN)
    wire.pull(secondary)
    assert versions(secondary) == {} and served(secondary) == head(ORG, "main")
    assert fsck(secondary).problems == []


def test_a_client_that_knows_no_versions_is_not_shown_their_branches(primary: MemoryStore) -> None:
    commit(primary, ORG, zone(9), branch="free")
    put_tag(primary, ORG, "v1", local_refs(primary)[head(ORG, "main")])
    body = json.loads(finish(Endpoint(primary).refs(KEY, OLD)).body)
    assert body["left_out"] == 1 and "published" not in body
    body.pop("left_out")
    refs = PeerRefs.decode(json.dumps(body).encode())
    assert {(tip.zone, tip.name) for tip in refs.branches} == {(NET, "main"), (ORG, "free")}
    stop_publishing(Context.over(primary), MAIN)
    assert len(refs_of(primary, accepts=OLD).branches) == 3


def test_the_same_endpoint_shows_and_hides_as_versions_come_and_go(primary: MemoryStore) -> None:
    endpoint = Endpoint(primary)

    def told() -> set[str]:
        body = json.loads(finish(endpoint.refs(KEY, OLD)).body)
        return {tip["zone"] for tip in body["branches"]}

    assert told() == {NET}
    stop_publishing(Context.over(primary), MAIN)
    assert told() == {NET, ORG}
    commit(primary, ORG, zone(3))
    let(primary)
    assert told() == {NET}
    move(primary, ORG, "main", None)
    assert told() == {NET}


@pytest.mark.parametrize("mirrored", [True, False])
def test_differences_tell_versions(primary: MemoryStore, mirrored: bool) -> None:
    secondary, wire = MemoryStore(), Wire(primary)
    endpoint = Endpoint(primary)
    if mirrored:
        wire.pull(secondary)
    else:
        rules = Rules(mirrors=lambda _: False, policy=lambda _: Policy.MERGE)
        session = PolicySession(secondary, PEER, refs_of(primary), rules)
        wire.run(session)
        session.finish(WHO)
        assert versions(secondary) == {}
    held = KnownRefs(PEER, mirrored=mirrored)

    def look() -> None:
        with secondary.read() as reader:
            held.catch_up(reader)

    def by_buckets() -> PeerRefs:
        look()
        change = finish(endpoint.refs_diff(KEY, held.question())).body
        assert Question.decode(held.question()).accepts.published
        return held.differences(Change.decode(change))

    first = by_buckets()
    assert [tip.oid for tip in first.published] == ([] if mirrored else list(versions(primary).values()))
    assert not by_buckets().published, "it is held, or was told"
    commit(primary, ORG, zone(21))
    version = let(primary)
    look()
    found = by_sketch(held, primary)
    assert [tip.oid for tip in found.published] == [version]
    if mirrored:
        wire.pull(secondary, refs=found)
        assert versions(secondary) == versions(primary)
        assert not by_buckets().published
        complete = held.complete(by_buckets())
        assert [tip.oid for tip in complete.published] == [version]
    stop_publishing(Context.over(primary), MAIN)
    gone = by_buckets()
    assert gone.gone == (SHOWN,)
    if mirrored:
        wire.pull(secondary, refs=gone)
        assert versions(secondary) == {}
    assert by_buckets().gone == ()


def test_a_node_that_writes_the_zone_takes_no_versions(primary: MemoryStore) -> None:
    other = MemoryStore()
    commit(other, ORG, names(ORG, 7, seed=3))
    Wire(primary).pull(other)
    assert versions(other) == {}, "the zone is the node's own, and refused"


def test_a_list_names_versions_in_order(primary: MemoryStore) -> None:
    commit(primary, ORG, zone(9), branch="dev")
    publish(Context.over(primary), Position(ORG, "dev"), PublishPolicy(), lambda *_: None)
    body = json.loads(finish(Endpoint(primary).refs(KEY, Accepts(True, True, published=True))).body)
    assert [tip["name"] for tip in body["published"]] == ["dev", "main"]
    body["published"].reverse()
    with pytest.raises(InvalidData, match="after"):
        PeerRefs.decode(json.dumps(body).encode())


def test_a_secondary_with_a_policy_of_its_own_serves_what_passes_that(primary: MemoryStore) -> None:
    secondary, wire = MemoryStore(), Wire(primary)
    wire.pull(secondary)
    known = KnownRefs(PEER, mirrored=True)
    with secondary.read() as reader:
        known.catch_up(reader)
    first = let(secondary, deletes=5)
    assert versions(secondary) == {SHOWN: first}
    commit(primary, ORG, zone(3))
    let(primary)  # by a primary that somebody else has taken over
    wire.pull(secondary)
    assert local_refs(secondary) == local_refs(primary)
    assert let(secondary, deletes=5) == first
    assert versions(secondary) == {SHOWN: first} != versions(primary)
    with secondary.read() as reader:
        known.catch_up(reader)
    change = finish(Endpoint(primary).refs_diff(KEY, known.question())).body
    assert known.differences(Change.decode(change)).published, "the peer's version isn't stored here"
    stop_publishing(Context.over(secondary), MAIN)
    assert versions(secondary) == {SHOWN: first}, "until the peer's is known"
    with secondary.read() as reader:
        known.catch_up(reader)
    found = known.differences(Change.decode(finish(Endpoint(primary).refs_diff(KEY, known.question())).body))
    wire.pull(secondary, refs=found)
    assert versions(secondary) == versions(primary)
    assert fsck(secondary).problems == []


def test_a_secondary_with_a_policy_serves_nothing_of_a_new_zone_that_does_not_pass() -> None:
    primary, secondary = MemoryStore(), MemoryStore()
    commit(primary, NET, names(NET, 5))
    Wire(primary).pull(secondary)
    let(secondary)  # the zone isn't there yet
    commit(primary, ORG, names(ORG, 3))  # it has no name servers
    Wire(primary).pull(secondary)
    let(secondary)
    with secondary.read() as reader:
        assert reader.live(served_ref(reader, ORG, "main")) is None
    commit(primary, ORG, zone(3))
    Wire(primary).pull(secondary)
    let(secondary)
    with secondary.read() as reader:
        assert reader.live(served_ref(reader, ORG, "main")) is not None
