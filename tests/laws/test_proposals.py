"""Laws of proposals, over random changes of two branches: what is foreseen is what comes about."""

from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repokit import ZONE, Clock, parsed
from zonegit.errors import MergeConflict, NotFound, Refused
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.proposals.outlook import Way
from zonegit.repo.proposals.reading import State
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

ORG = "example.org."
POLICY = PublishPolicy(max_deletes=1)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["main", "move"]),
        st.sampled_from(["www", "mail", "ftp"]),
        st.integers(0, 3),
    ),
    max_size=6,
)
"""Branch, name, and its new address; 0 deletes it."""


def work(repository: Repository, steps: list[tuple[str, str, int]]) -> None:
    for branch, name, last in steps:
        with suppress(NotFound, Refused):
            if last:
                repository.set(name, A, 60, [bytes([192, 0, 2, last])], zone=ORG, branch=branch)
            else:
                repository.delete(name, A, zone=ORG, branch=branch)


@settings(deadline=None, max_examples=25)
@given(rounds=st.lists(STEPS, min_size=1, max_size=3))
def test_what_is_foreseen_comes_about(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, str, int]]]
) -> None:
    path = Path(tmp_path_factory.mktemp("law")) / "repo"
    store = LmdbStore.create(path)
    repository = Repository(path, store, Clock())
    repository.import_zone(parsed(ZONE), source="test.zone")
    repository.create_branch("move", "main", zone=ORG)
    numbers = count(1)
    for steps in rounds:
        repository.publish(POLICY, lambda *_: None, zone=ORG, branch="main")
        work(repository, steps)
        try:
            proposal = repository.propose(zone=ORG, branch="move").proposal
        except Refused:
            continue
        foreseen = repository.outlook(proposal, POLICY)
        before = repository.branches(zone=ORG)["main"]
        try:
            done = repository.land(proposal, POLICY)
        except MergeConflict:
            assert foreseen.way is Way.BLOCKED
            assert repository.branches(zone=ORG)["main"] == before
            assert repository.proposal(proposal.name, zone=ORG).state is State.OPEN
            continue
        assert foreseen.result is not None and done.new is not None
        tip = repository.resolve("main", zone=ORG)
        assert (tip.id == proposal.tip) is (foreseen.way is Way.FORWARD)
        assert tip.commit.zone_root == foreseen.result.commit.zone_root
        assert done.change_count == foreseen.difference.total
        assert repository.proposal(proposal.name, zone=ORG).state is State.LANDED
        assert proposal.number == next(numbers)
        held = repository.publish(POLICY, lambda *_: None, zone=ORG, branch="main", dry_run=True).held
        assert (held and held.reason) == (foreseen.held and foreseen.held.reason)
    assert fsck(store).problems == []
    repository.close()
