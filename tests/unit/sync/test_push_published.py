"""A push to a branch with a policy."""

import pytest

from pushserverkit import everything, pushed
from synckit import ORG, commit, names
from zonegit.model.names import Owner
from zonegit.model.rdata import NS
from zonegit.model.rrset import RRset
from zonegit.repo.context import Context
from zonegit.repo.publishing.in_force import note_policies
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish
from zonegit.repo.publishing.reading import published_at
from zonegit.repo.results import Position
from zonegit.store.memory import MemoryStore


@pytest.mark.parametrize(("count", "passes"), [(21, True), (19, False)])
def test_what_is_pushed_is_published_in_the_same_transaction(count: int, passes: bool) -> None:
    """Where the policy that is loaded has nothing but limits."""
    source, store, place, policy = MemoryStore(), MemoryStore(), Position(ORG, "main"), PublishPolicy(max_deletes=0)
    servers = RRset.of(Owner(b""), NS, 3600, [b"\2ns\7example\3net\0"])
    commit(source, ORG, {**names(ORG, 20), servers.key: servers.encode()})
    pushed(store, everything(source, store))
    note_policies(store, {place: policy})
    publish(Context.over(store), place, policy, lambda *_: None)
    with store.read() as reader:
        began = reader.seq
    tip = commit(source, ORG, {**names(ORG, count), servers.key: servers.encode()})
    assert [each.outcome for each in pushed(store, everything(source, store)).results] == ["updated"]
    with store.read() as reader:
        assert reader.seq == began + 1
        found = published_at(reader, place)
    assert found is not None and (found.of == tip) == passes
