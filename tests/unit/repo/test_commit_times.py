"""Times of commits (`--at`): whatever repeats a commit keeps its time, and nothing is published before it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from repokit import ZONE, Clock, parsed
from zonegit.errors import MergeConflict, UsageError
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.writing import CommitOptions
from zonegit.store.lmdb import LmdbStore

ORG: Final = "example.org."


class Node:
    """A repository whose zone has a policy that holds nothing but times."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.later = int(self.clock.now) + 3600
        self.repository = Repository(path, LmdbStore.create(path), self.clock)
        self.repository.import_zone(parsed(ZONE), source="test.zone")
        self.publish()

    def set(self, name: str, last: int, branch: str = "main", not_before: int | None = None) -> None:
        options: CommitOptions = {"zone": ORG, "branch": branch, "not_before": not_before}
        self.repository.set(name, A, 60, [bytes([192, 0, 2, last])], **options)

    def publish(self) -> bool:
        """Whether the tip is published now."""
        done = self.repository.publish(PublishPolicy(), lambda *_: None, zone=ORG, branch="main")
        return done.held is None

    def time(self, revision: str = "main") -> int | None:
        return self.repository.resolve(revision, zone=ORG).commit.not_before


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "repo")
    yield made
    made.repository.close()


def test_a_merge_with_a_time_is_no_fast_forward(node: Node) -> None:
    node.repository.create_branch("side", zone=ORG)
    node.set("www", 7, "side")
    node.repository.merge("side", zone=ORG, not_before=node.later)
    assert node.time() == node.later
    assert not node.publish()
    node.clock.now = node.later
    assert node.publish()


def test_a_time_needs_a_commit(node: Node) -> None:
    node.repository.create_branch("side", zone=ORG)
    node.set("www", 7, "side")
    with pytest.raises(UsageError, match="--ff-only makes no commit"):
        node.repository.merge("side", ff="only", zone=ORG, not_before=node.later)


def test_a_merge_that_stopped_keeps_its_time(node: Node) -> None:
    node.repository.create_branch("side", zone=ORG)
    node.set("www", 7, "side")
    node.set("www", 8)
    with pytest.raises(MergeConflict):
        node.repository.merge("side", zone=ORG, not_before=node.later)
    node.repository.continue_stopped("merge", every="theirs", zone=ORG)
    assert node.time() == node.later


def test_a_time_that_was_given_for_several_commits_applies_to_those_after_a_stop(node: Node) -> None:
    node.repository.create_branch("side", zone=ORG)
    node.set("www", 7, "side")
    node.set("mail", 7, "side")
    node.set("www", 8)
    with pytest.raises(MergeConflict):
        node.repository.cherry_pick("main..side", zone=ORG, not_before=node.later)
    node.repository.continue_stopped("cherry-pick", every="theirs", zone=ORG)
    assert node.time() == node.later and node.time("main~1") == node.later


def test_a_redo_keeps_the_time(node: Node) -> None:
    node.set("www", 7, not_before=node.later)
    node.repository.undo(zone=ORG)
    assert node.time() is None and node.publish()
    node.repository.redo(zone=ORG)
    assert node.time() == node.later and not node.publish()


def test_an_undone_reset_brings_back_no_commit_before_its_time(node: Node) -> None:
    node.set("www", 7, not_before=node.later)
    node.set("mail", 8)
    node.repository.reset("main~2", zone=ORG)
    assert node.publish()
    node.repository.undo(zone=ORG)
    assert node.time() == node.later and not node.publish()


def test_a_time_that_has_come_is_not_repeated(node: Node) -> None:
    node.set("www", 7, not_before=node.later)
    node.repository.undo(zone=ORG)
    node.clock.now = node.later
    node.repository.redo(zone=ORG)
    assert node.time() is None and node.publish()


def test_a_time_may_be_given_for_what_is_undone(node: Node) -> None:
    node.set("www", 7)
    assert node.publish()
    node.repository.undo(zone=ORG, not_before=node.later)
    assert node.time() == node.later and not node.publish()


def test_a_picked_commit_keeps_its_time_unless_it_gets_another(node: Node) -> None:
    node.repository.create_branch("side", zone=ORG)
    node.set("www", 7, "side", node.later)
    node.set("mail", 7)
    node.repository.cherry_pick("side", zone=ORG)
    assert node.time() == node.later
    node.repository.revert("main", zone=ORG)
    assert node.time() is None
    node.repository.cherry_pick("side", zone=ORG, not_before=node.later + 1)
    assert node.time() == node.later + 1


def test_a_rebase_keeps_times(node: Node) -> None:
    node.repository.create_branch("side", zone=ORG)
    node.set("www", 7, "side", node.later)
    node.set("mail", 7)
    node.repository.rebase("main", zone=ORG, branch="side")
    assert node.time("side") == node.later and node.time("side~1") is None


def test_the_way_back_that_is_told_leads_past_a_commit_that_waits(node: Node) -> None:
    """A revert of that commit builds on it, and waits with it."""
    served = node.repository.resolve("main", zone=ORG).id.hex()[:12]
    node.set("www", 7, not_before=node.later)
    node.set("mail", 8)
    node.repository.revert("main~1", zone=ORG)
    assert not node.publish()
    held = node.repository.publications()[0].held
    assert held is not None and held.remedy == f"wait, or go back with 'zonegit reset --hard {served}'"
    node.repository.reset(served, zone=ORG)
    node.set("mail", 8)
    assert node.publish()


def test_a_branch_tells_what_it_waits_for(node: Node) -> None:
    assert node.repository.waits_for(ORG) is None
    node.set("www", 7, not_before=node.later)
    timed = node.repository.resolve("main", zone=ORG)
    node.set("mail", 8)
    assert node.repository.waits_for(ORG, "main") == timed
    node.clock.now = node.later
    assert node.repository.waits_for(ORG) is None
