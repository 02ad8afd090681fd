"""Proposals: made, updated, withdrawn, landed, and what is said of them before they land."""

from pathlib import Path

import pytest

from proposalkit import Team, again, change, propose, put, tip, with_branch
from publishkit import ADA, BOB, EVE, ORG, Node
from sshkit import private_key, write_key
from zonegit.errors import BranchGone, MergeConflict, NotFound, Refused, UsageError
from zonegit.model.commit import Stamp, Tag
from zonegit.model.rdata import A
from zonegit.repo.proposals.outlook import Way
from zonegit.repo.proposals.reading import State
from zonegit.repo.publishing.policy import PublishPolicy, Reason
from zonegit.repo.reviews import Opinion
from zonegit.repo.signatures import signature_of
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.ssh.files import read_allowed_signers
from zonegit.ssh.signing import public_key
from zonegit.store.fsck import fsck


@pytest.fixture
def branched(node: Node) -> Node:
    return with_branch(node)


@pytest.fixture
def team(branched: Node, tmp_path: Path) -> Team:
    return Team(branched, tmp_path)


def test_a_proposal_names_the_tip_and_its_branches(branched: Node) -> None:
    made = propose(branched, message="Move the web server\n\nIt is old.")
    assert (made.name, made.number, made.branch, made.target.branch) == ("1", 1, "move", "main")
    assert (made.tip, made.subject, made.proposer) == (
        tip(branched, "move"),
        "Move the web server",
        "ada@example.org",
    )
    assert made.state is State.OPEN and not made.has_moved
    assert branched.repository.proposals(ORG) == [made]
    assert fsck(branched.store).problems == []


def test_the_message_is_by_default_the_subject_of_the_tip(branched: Node) -> None:
    assert propose(branched).subject == "set www A"


def test_a_dry_run_stores_nothing(branched: Node) -> None:
    would = branched.repository.propose(zone=ORG, branch="move", dry_run=True)
    assert would.proposal.name == "1" and would.before is None
    assert branched.repository.proposals(ORG) == []


def test_what_cannot_be_proposed(branched: Node) -> None:
    repository = branched.repository
    with pytest.raises(UsageError, match="into itself"):
        repository.propose(zone=ORG, branch="main")
    with pytest.raises(BranchGone, match="no branch gone"):
        repository.propose(zone=ORG, branch="gone")
    with pytest.raises(BranchGone, match="no branch next"):
        repository.propose(zone=ORG, branch="move", into="next")
    repository.create_branch("same", "main", zone=ORG)
    with pytest.raises(Refused, match="nothing to propose: main has all commits of same"):
        repository.propose(zone=ORG, branch="same")
    repository.delete_branch("same", zone=ORG, tombstone=True)
    with pytest.raises(BranchGone, match="no branch same"):
        repository.propose(zone=ORG, branch="same")
    assert repository.proposals(ORG) == []


def test_proposing_again_updates_the_own_open_proposal(branched: Node) -> None:
    first = propose(branched, message="Move")
    later = change(branched, "move", 8)
    assert again(branched, first).has_moved
    done = branched.repository.propose(zone=ORG, branch="move", who=ADA)
    assert done.before is not None and done.before.tip == first.tip
    updated = done.proposal
    assert (updated.name, updated.tip, updated.subject) == ("1", later, "Move")
    assert updated.tag.tagger.time > first.tag.tagger.time
    assert branched.repository.proposals(ORG) == [updated]
    same = branched.repository.propose(zone=ORG, branch="move", who=ADA)
    assert same.before == same.proposal == updated


def test_others_get_a_number_of_their_own(branched: Node) -> None:
    propose(branched)
    assert propose(branched, who=BOB).name == "2"
    branched.repository.create_branch("next", "main", zone=ORG)
    assert branched.repository.propose(zone=ORG, branch="move", into="next", who=ADA).proposal.name == "3"


def test_only_the_proposer_withdraws(branched: Node) -> None:
    made = propose(branched)
    with pytest.raises(Refused, match=r"is ada@example\.org's, and only they can withdraw it"):
        branched.repository.withdraw("1", zone=ORG, who=BOB)
    gone = branched.repository.withdraw("1", zone=ORG, who=ADA).proposal
    assert gone.state is State.WITHDRAWN and gone.ref == made.ref and gone.tip == made.tip
    with pytest.raises(Refused, match="was withdrawn"):
        branched.repository.withdraw("1", zone=ORG, who=ADA)
    with pytest.raises(Refused, match="was withdrawn"):
        branched.repository.land(gone)
    assert propose(branched).name == "2"


def test_two_proposals_may_have_one_number(branched: Node) -> None:
    mine = propose(branched)
    extra = (("number", "1"), ("from", "move"), ("into", "main"))
    put(branched, Tag(mine.tip, ORG, "propose", Stamp(BOB, 1), "Bob's\n", extra))
    names = sorted(each.name for each in branched.repository.proposals(ORG))
    assert all(name.startswith("1/") and len(name) == 6 for name in names)
    with pytest.raises(Refused, match=r"has 2 proposals 1: name one of 1/.* \(.*@example.org\), 1/"):
        branched.repository.proposal("1", zone=ORG)
    assert {branched.repository.proposal(name, zone=ORG).proposer for name in names} == {
        "ada@example.org",
        "bob@example.org",
    }
    assert propose(branched, who=EVE).name == "2"


@pytest.mark.parametrize("name", ["2", "1/ffff0000", "x", "0", "1/", "main", "1" * 40])
def test_names_that_no_proposal_has(branched: Node, name: str) -> None:
    propose(branched)
    with pytest.raises(NotFound, match="no proposal"):
        branched.repository.proposal(name, zone=ORG)


@pytest.mark.parametrize(
    "extra",
    [
        (("number", "1"), ("from", "../x"), ("into", "main")),
        (("number", "1"), ("from", "move"), ("into", "\x1b[31m")),
    ],
)
def test_proposals_of_what_is_no_branch_are_left_out(branched: Node, extra: tuple[tuple[str, str], ...]) -> None:
    put(branched, Tag(tip(branched, "move"), ORG, "propose", Stamp(BOB, 1), "Odd\n", extra))
    assert branched.repository.proposals(ORG) == []


def test_a_signed_proposal_has_a_good_signature(branched: Node, tmp_path: Path) -> None:
    key = private_key(number=3)
    branched.repository.configure("user.signingkey", str(write_key(tmp_path / "key", key)))
    made = branched.repository.propose(zone=ORG, branch="move", who=ADA, sign=True).proposal
    (tmp_path / "signers").write_text(f"ada@example.org {public_key(key).line}\n")
    assert signature_of(made.tag, read_allowed_signers(tmp_path / "signers")).is_good


def test_landing_is_a_fast_forward_where_it_can_be(branched: Node) -> None:
    made = propose(branched)
    seen = branched.repository.outlook(made)
    assert seen.way is Way.FORWARD and seen.result is not None and seen.result.id == made.tip
    assert [each.id for each in seen.commits] == [made.tip]
    assert seen.difference.total == 1
    done = branched.repository.land(made)
    assert done.new == made.tip == tip(branched)
    assert again(branched, made).state is State.LANDED
    done = branched.repository.land(again(branched, made))
    assert done.old == done.new


def test_landing_merges_where_the_target_has_moved(branched: Node) -> None:
    made = propose(branched, message="Move it")
    other = change(branched, "main", 9, "mail")
    seen = branched.repository.outlook(made)
    assert seen.way is Way.MERGE and seen.result is not None
    assert [each.owner for each in seen.difference.changes] == [b"\3www"]
    with pytest.raises(Refused, match="no fast-forward to proposal 1"):
        branched.repository.land(made, ff="only")
    assert tip(branched) == other
    would = branched.repository.land(made, dry_run=True)
    assert would.new is None and tip(branched) == other
    branched.repository.land(made)
    commit = branched.repository.resolve("main", zone=ORG).commit
    assert commit.parents == (other, made.tip)
    assert commit.subject == "Merge proposal 1: Move it"
    assert commit.zone_root == seen.result.commit.zone_root


def test_a_conflict_moves_nothing_and_leaves_nothing_to_continue(branched: Node) -> None:
    made = propose(branched)
    other = change(branched, "main", 9)
    seen = branched.repository.outlook(made)
    assert seen.way is Way.BLOCKED and seen.result is None
    assert [each.owner for each in seen.conflicts] == [b"\3www"]
    with pytest.raises(MergeConflict):
        branched.repository.land(made)
    assert tip(branched) == other
    assert branched.repository.unfinished() is None


def test_an_outlook_has_the_findings_of_what_would_change(branched: Node) -> None:
    branched.repository.delete("mail", zone=ORG, branch="move", who=ADA)
    found = branched.repository.outlook(propose(branched)).difference.findings
    assert [each.check for each in found] == ["mx-address"]


def test_the_gate_is_asked_before_it_lands(branched: Node, team: Team) -> None:
    made = propose(branched)
    seen = branched.repository.outlook(made, team.policy)
    assert seen.held is not None and seen.held.reason is Reason.APPROVALS
    team.review(BOB, made.tip)
    assert branched.repository.outlook(made, team.policy).held is None
    branched.repository.land(made, team.policy)
    assert branched.publish(team.policy).held is None
    assert branched.served_from() == made.tip.hex()


def test_the_validator_is_asked_about_the_merge(branched: Node) -> None:
    branched.publish(PublishPolicy())
    made = propose(branched)
    change(branched, "main", 9, "mail")
    branched.complaint = "no"
    policy = PublishPolicy(validator=("check",))
    held = branched.repository.outlook(made, policy, branched.validate).held
    assert held is not None and held.reason is Reason.VALIDATOR
    (asked,) = branched.asked
    assert asked.new.rrset(b"\3www", A) is not None and asked.new.rrset(b"\4mail", A) is not None
    assert branched.repository.outlook(made, policy).held is None, "not asked"


def test_a_merge_is_judged_apart_from_its_own_approvals(branched: Node, team: Team) -> None:
    made = propose(branched)
    change(branched, "main", 9, "mail")
    assert branched.repository.outlook(made, team.policy).held is None
    team.review(EVE, made.tip, Opinion.REJECT)
    held = branched.repository.outlook(made, team.policy).held
    assert held is not None and held.reason is Reason.REJECTED
    with pytest.raises(
        Refused, match=r"eve@example.net rejected commit [0-9a-f]{12}: I looked; proposal 1 can land"
    ):
        branched.repository.land(made, team.policy)
    limit = PublishPolicy(max_change_percent=0)
    held = branched.repository.outlook(made, limit).held
    assert held is not None and held.reason is Reason.CHANGE


def test_a_rejection_that_does_not_count_refuses_nothing(branched: Node, team: Team) -> None:
    made = propose(branched)
    branched.repository.configure("user.signingkey", str(team.files[BOB]))
    branched.repository.review(
        branched.repository.resolve("move", zone=ORG), Opinion.REJECT, who=EVE, message="not with my key"
    )
    branched.repository.land(made, team.policy)
    assert tip(branched) == made.tip


def test_each_review_is_told_with_what_it_counts(branched: Node, team: Team) -> None:
    first = propose(branched)
    team.review(EVE, first.tip)
    change(branched, "move", 8, who=BOB)
    made = propose(branched)
    team.review(EVE, made.tip, Opinion.REJECT)
    branched.repository.configure("user.signingkey", str(team.files[BOB]))
    branched.repository.review(branched.repository.resolve("move", zone=ORG), Opinion.APPROVE, who=ADA)
    found = branched.repository.judged(made, team.approvers)
    told = sorted((each.review.reviewer, str(each.review.opinion), each.why_not[:15]) for each in found)
    assert told == [
        ("ada@example.org", "approve", "its signature i"),
        ("eve@example.net", "approve", "of an earlier t"),
        ("eve@example.net", "reject", ""),
    ]
    tally = branched.repository.tallies(ORG, [made], team.approvers)[made.tip]
    assert (tally.approvals, tally.rejections) == (0, 1)
    none = branched.repository.judged(made, None)
    assert {each.why_not for each in none} == {"of an earlier tip", "no policy says whose reviews count"}
    nobody = branched.repository.judged(made, AllowedSigners([]))
    assert all(each.why_not for each in nobody)


def test_a_number_at_the_end_does_not_stop_others(branched: Node) -> None:
    mine = propose(branched)
    extra = (("number", "999999"), ("from", "move"), ("into", "main"))
    put(branched, Tag(mine.tip, ORG, "propose", Stamp(EVE, 1), "Last\n", extra))
    assert propose(branched, who=BOB).name == "2"


def test_landing_is_tried_again_if_the_target_moves_meanwhile(branched: Node) -> None:
    made = propose(branched)

    def move() -> None:
        branched.clock.tick = None
        change(branched, "main", 9, "mail")

    branched.clock.tick = move
    branched.repository.land(made)
    commit = branched.repository.resolve("main", zone=ORG).commit
    assert len(commit.parents) == 2 and made.tip in commit.parents


def test_what_landed_and_was_undone_still_counts_as_merged(branched: Node) -> None:
    branched.repository.land(propose(branched))
    branched.repository.undo(zone=ORG, branch="main")
    with pytest.raises(Refused, match="what was undone on main still counts as merged: 'zonegit redo'"):
        propose(branched)
