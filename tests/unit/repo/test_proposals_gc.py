"""What `gc` does with proposals and reviews."""

from pathlib import Path

import pytest

from proposalkit import Team, again, change, propose, with_branch
from publishkit import ADA, BOB, ORG, Node
from zonegit.model.ids import object_id
from zonegit.repo.proposals.reading import State
from zonegit.repo.review_refs import is_given_up, ref_of
from zonegit.store.fsck import fsck


@pytest.fixture
def branched(node: Node) -> Node:
    return with_branch(node)


@pytest.fixture
def team(branched: Node, tmp_path: Path) -> Team:
    return Team(branched, tmp_path)


def names(node: Node) -> list[str]:
    return [each.name for each in node.repository.proposals(ORG)]


def test_gc_deletes_what_is_settled_and_old(branched: Node, team: Team) -> None:
    first = propose(branched)
    team.review(BOB, first.tip)
    branched.repository.land(first, team.policy)
    change(branched, "move", 8)
    withdrawn = propose(branched)
    team.review(BOB, withdrawn.tip)
    branched.repository.withdraw("2", zone=ORG, who=ADA)
    branched.repository.reset("main", zone=ORG, branch="move")
    change(branched, "move", 9)
    propose(branched)
    branched.clock.now += 80 * 86_400
    assert branched.repository.gc().refs == 0
    branched.clock.now += 20 * 86_400
    assert branched.repository.gc(dry_run=True).refs == 3
    assert names(branched) == ["1", "2", "3"]
    assert branched.repository.gc().refs == 3
    assert names(branched) == ["3"], "the open one"
    assert [each.commit for each in branched.repository.reviews(ORG)] == [first.tip], "of what is served"
    branched.clock.now += 100 * 86_400
    assert branched.repository.gc().refs == 0
    with branched.store.read() as reader:
        assert not reader.has(withdrawn.tip)
    assert fsck(branched.store).problems == []


def test_gc_notes_when_what_it_deleted_was_made(branched: Node, team: Team) -> None:
    lost = change(branched, "move", 8)
    team.review(BOB, lost)
    [made] = branched.repository.reviews(ORG)
    branched.repository.reset("main", zone=ORG, branch="move")
    branched.clock.now += 100 * 86_400
    assert branched.repository.gc().refs == 1
    at = made.tag.tagger
    older, newer = (made.tag._replace(tagger=at._replace(time=at.time + by)).encode() for by in (-1, 1))
    with branched.store.write() as writer:
        writer.insert([older, newer])
        assert is_given_up(writer, ref_of(made.tag), object_id(older))
        assert not is_given_up(writer, ref_of(made.tag), object_id(newer))
        assert not is_given_up(writer, ref_of(made.tag), lost), "not even a review"


def test_gc_keeps_the_greatest_number(branched: Node) -> None:
    branched.repository.land(propose(branched))
    branched.clock.now += 100 * 86_400
    assert branched.repository.gc().refs == 0
    change(branched, "move", 8)
    assert propose(branched).name == "2"
    assert branched.repository.gc().refs == 1
    assert names(branched) == ["2"]


def test_gc_keeps_reviews_of_what_a_tag_or_an_open_proposal_has(branched: Node, team: Team) -> None:
    tagged = change(branched, "move", 8)
    team.review(BOB, tagged)
    branched.repository.create_tag("kept", "move", zone=ORG)
    proposed = propose(branched, message="Stay")
    later = change(branched, "move", 9)
    team.review(BOB, later)
    branched.repository.reset("main", zone=ORG, branch="move")
    branched.clock.now += 100 * 86_400
    assert branched.repository.gc().refs == 1
    assert [each.commit for each in branched.repository.reviews(ORG)] == [tagged]
    branched.repository.delete_tag("kept", zone=ORG)
    branched.clock.now += 100 * 86_400
    assert branched.repository.gc().refs == 0
    assert again(branched, proposed).tip == tagged


def test_gc_deletes_what_was_proposed_for_a_branch_that_is_gone(branched: Node) -> None:
    branched.repository.create_branch("next", "main", zone=ORG)
    branched.repository.propose(zone=ORG, branch="move", into="next", who=ADA)
    propose(branched)
    branched.repository.delete_branch("next", zone=ORG)
    branched.clock.now += 100 * 86_400
    assert branched.repository.gc().refs == 1
    assert names(branched) == ["2"]


def test_the_tip_of_an_open_proposal_stays_when_its_branch_is_gone(branched: Node) -> None:
    made = propose(branched)
    branched.repository.delete_branch("move", zone=ORG, force=True)
    branched.clock.now += 200 * 86_400
    branched.repository.gc()
    found = again(branched, made)
    assert found.state is State.OPEN and found.branch_tip is None and not found.has_moved
    assert branched.repository.land(found).new == made.tip
    assert fsck(branched.store).problems == []
