"""A branch that was moved to a commit that doesn't build on what is served: nothing passes the gate by a detour."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rewoundkit import ADA, ORG, Node
from zonegit.repo.publishing.policy import PublishPolicy, Reason


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.repository.close()


CHECKED = PublishPolicy(validator=("check",))


@pytest.mark.parametrize("correction", ["delete", "revert"])
def test_a_branch_that_moves_back_to_a_faulty_commit_is_held(node: Node, correction: str) -> None:
    node.held(CHECKED)
    faulty = node.set(7, "bad")
    assert node.held(CHECKED) is Reason.VALIDATOR
    if correction == "revert":
        node.repository.revert("HEAD", zone=ORG)
    else:
        node.repository.delete("bad", zone=ORG)
        node.set(8)
    assert node.held(CHECKED) is None
    good = node.tip
    node.move(faulty)
    assert node.held(CHECKED) is Reason.VALIDATOR
    assert node.shows(good)
    node.move(node.base)
    assert node.held(CHECKED) is None
    assert node.shows(node.base)


def test_what_is_moved_beside_a_reverted_commit_waits_for_the_time_of_that(node: Node) -> None:
    policy = PublishPolicy()
    node.held(policy)
    early = node.set(7, not_before=int(node.clock.now) + 60)
    node.repository.revert("HEAD", zone=ORG)
    assert node.held(policy) is None
    node.move(early)
    assert node.held(policy) is Reason.NOT_BEFORE
    node.set(9, "mail")
    assert node.held(policy) is Reason.NOT_BEFORE
    assert node.shows(node.base)
    node.clock.now += 60
    assert node.held(policy) is None


def test_an_unsigned_commit_does_not_get_in_by_an_automatic_merge_after_it_was_reverted(node: Node) -> None:
    node.held(node.signed)
    evil = node.set(66, sign=False)
    node.repository.revert("HEAD", zone=ORG, who=ADA, sign=True)
    node.set(1, "a")
    assert node.held(node.signed) is None
    good = node.tip
    node.move(node.base)
    merged = node.merge(evil, node.set(2, "b"))
    node.move(merged)
    assert node.held(node.signed) is Reason.UNSIGNED
    assert not node.serves(66)
    node.move(good)
    node.repository.create_branch("side", merged.hex(), zone=ORG)
    node.repository.merge("side", zone=ORG, who=ADA, sign=False)
    assert node.held(node.signed) is Reason.UNSIGNED
    assert not node.serves(66), "nor is it what a merge of two lines has as its first parent"


def test_what_was_signed_beside_the_served_commit_is_not_replayed(node: Node) -> None:
    node.held(node.signed)
    abandoned = node.set(7)
    node.repository.reset(node.base.hex(), zone=ORG, who=ADA, sign=True)
    assert node.held(node.signed) is None
    node.set(8)
    assert node.held(node.signed) is None
    good = node.tip
    node.move(abandoned)
    assert node.held(node.signed) is Reason.REWOUND
    node.move(node.base)
    node.set(8, sign=False)  # what is served, as a commit with a lower number
    assert node.held(node.signed) is None
    node.move(abandoned)
    assert node.held(node.signed) is Reason.REWOUND
    assert node.shows(good)


def test_a_branch_that_is_deleted_and_begins_again_replays_nothing(node: Node) -> None:
    node.held(node.signed)
    old = node.set(7)
    new = node.set(8)
    assert node.held(node.signed) is None
    node.move(None, "zone: removed")
    assert node.held(node.signed) is None
    assert node.served() is None
    node.move(old)
    assert node.held(node.signed) is Reason.REWOUND
    assert node.served() is None
    node.move(new)
    assert node.held(node.signed) is None
    assert node.shows(new)


def test_a_zone_that_was_served_before_its_policy_comes_back_as_it_was(node: Node) -> None:
    node.held(node.signed)
    node.move(None, "zone: removed")
    assert node.held(node.signed) is None
    node.move(node.base)
    assert node.held(node.signed) is None
    assert node.shows(node.base)


def test_a_peer_ends_no_branch_of_which_nobody_signed_the_end(node: Node) -> None:
    node.held(node.signed)
    old, new = node.set(7), node.set(8)
    assert node.held(node.signed) is None
    node.move(None)
    assert node.held(node.signed) is Reason.UNSIGNED
    assert node.shows(new)
    (found,) = node.repository.publications()
    assert found.held is not None and found.held.commit == new
    node.move(old)
    assert node.held(node.signed) is Reason.REWOUND
    assert node.shows(new)
    node.move(new)
    assert node.held(node.signed) is None
    assert node.repository.publications()[0].held is None


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (PublishPolicy(), None),
        (CHECKED, None),
        (PublishPolicy(max_deletes=20), None),
        (PublishPolicy(max_deletes=3), Reason.DELETES),
        (PublishPolicy(max_change_percent=99), Reason.CHANGE),
        (PublishPolicy(max_change_percent=100), None),
        (PublishPolicy(approvals=1), Reason.APPROVALS),
    ],
)
def test_all_records_of_a_branch_that_a_peer_ends_count_as_deleted(
    node: Node, policy: PublishPolicy, reason: Reason | None
) -> None:
    node.held(policy)
    node.move(None)
    assert node.held(policy) is reason
    assert node.held(policy) is reason
    assert (node.served() is None) is (reason is None)
    node.repository.stop_publishing(zone=ORG)
    assert node.served() is None, "without a policy"


def test_a_signed_reset_goes_back_to_what_was_served_before_the_policy(node: Node) -> None:
    before = node.base
    node.set(5, sign=False)
    node.held(node.signed)
    node.set(6)
    assert node.held(node.signed) is None
    node.repository.reset(before.hex(), zone=ORG, who=ADA, sign=True)
    assert node.held(node.signed) is None
    assert node.shows(before)
    node.set(7)
    assert node.held(node.signed) is None
    assert node.shows(node.tip)
