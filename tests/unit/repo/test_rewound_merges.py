"""A commit that was served and then left returns by no automatic merge, but by one that somebody signs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rewoundkit import ADA, ORG, Node
from zonegit.repo.publishing.policy import Reason


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    yield made
    made.repository.close()


@pytest.fixture
def abandoned(node: Node) -> str:
    """A signed commit that was served, and that the branch was reset away from; another one is served now."""
    node.held(node.signed)
    node.set(6)
    left = node.set(7)
    node.set(7, "mail")
    assert node.held(node.signed) is None
    node.repository.reset(node.base.hex(), zone=ORG, who=ADA, sign=True)
    node.set(1, "a")
    assert node.held(node.signed) is None
    assert not node.serves(7)
    return left.hex()


def test_an_automatic_merge_brings_back_nothing_that_was_left(node: Node, abandoned: str) -> None:
    """A peer has it still, or somebody who can push kept it."""
    good = node.tip
    peers = node.repository.resolve(abandoned, zone=ORG).id
    node.move(node.merge(good, peers))
    assert node.held(node.signed) is Reason.REWOUND
    assert node.shows(good)
    node.move(good)
    node.set(2, "b")
    assert node.held(node.signed) is None


def test_a_merge_that_somebody_signs_brings_it_back(node: Node, abandoned: str) -> None:
    node.repository.create_branch("side", abandoned, zone=ORG)
    node.repository.merge("side", zone=ORG, who=ADA, sign=True)
    assert node.held(node.signed) is None
    assert node.serves(7)


def test_merges_of_lines_that_nobody_left_pass(node: Node) -> None:
    """Two nodes write: the merge of a later commit of the other doesn't build on the merge of an earlier one."""
    node.held(node.signed)
    ours = node.set(7)
    assert node.held(node.signed) is None
    node.move(node.base)
    theirs = node.set(2, "b")
    merged = node.merge(ours, theirs)
    node.move(merged)
    assert node.held(node.signed) is None
    node.move(theirs)
    later = node.set(3, "c")
    node.move(node.merge(merged, later))
    assert node.held(node.signed) is None
    assert node.serves(7)
    node.set(4, "d")
    assert node.held(node.signed) is None
