"""Policies that require approvals: reviews, and which of them count."""

from pathlib import Path

import pytest

from countkit import counted
from publishkit import ADA, BOB, EVE, ORG, Node
from sshkit import private_key, write_key
from zonegit.errors import Refused
from zonegit.model.commit import Commit, Stamp, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo.canonical import reconcile
from zonegit.repo.context import Context
from zonegit.repo.publishing.policy import Held, PublishPolicy, Reason
from zonegit.repo.review_refs import ref_of
from zonegit.repo.reviews import Opinion
from zonegit.repo.signatures import mail_of
from zonegit.repo.signing import with_signature
from zonegit.ssh.signing import public_key, sign
from zonegit.store.fsck import fsck
from zonegit.store.port import RefUpdate


class Team:
    """Ada writes; Bob and Eve may approve. Each has a key."""

    def __init__(self, node: Node, directory: Path) -> None:
        self.node = node
        self.keys: dict[str, Path] = {}
        lines = []
        for number, who in enumerate((ADA, BOB, EVE)):
            key = private_key(number=number)
            self.keys[who] = write_key(directory / f"key{number}", key)
            lines.append(f"{mail_of(who)} {public_key(key).line}\n")
        self.approvers = directory / "allowed_approvers"
        self.approvers.write_text("".join(lines))
        self.policy = PublishPolicy(approvals=1, allowed_approvers=self.approvers)
        node.publish(self.policy)

    def review(self, who: str, opinion: Opinion, revision: str = "main", *, force: bool = False) -> None:
        self.node.repository.configure("user.signingkey", str(self.keys[who]))
        commit = self.node.repository.resolve(revision, zone=ORG)
        self.node.repository.review(commit, opinion, who=who, force=force, message="I looked")

    def held(self) -> Held | None:
        return self.node.publish(self.policy).held


@pytest.fixture
def team(node: Node, tmp_path: Path) -> Team:
    return Team(node, tmp_path)


def ada(node: Node, name: str, last: int) -> str:
    done = node.repository.set(name, A, 60, [bytes([192, 0, 2, last])], zone=ORG, who=ADA)
    assert done.new is not None
    return done.new.hex()


def test_somebody_else_has_to_approve(node: Node, team: Team) -> None:
    first = node.served_from()
    ada(node, "www", 7)
    tip = ada(node, "mail", 9)
    held = team.held()
    assert held is not None and held.reason is Reason.APPROVALS and held.detail.endswith("has 0 of 1 approvals")
    with pytest.raises(Refused, match="somebody else"):
        team.review(ADA, Opinion.APPROVE)
    assert node.served_from() == first
    team.review(BOB, Opinion.APPROVE)
    assert team.held() is None
    assert node.served_from() == tip, "with what it builds on"
    later = ada(node, "mail", 10)
    assert team.held() is not None and node.served_from() == tip
    team.review(EVE, Opinion.APPROVE, later)
    assert team.held() is None


def test_an_approval_does_not_count_for_what_the_approver_made(node: Node, team: Team) -> None:
    first = node.served_from()
    own = node.repository.set("www", A, 60, [bytes([192, 0, 2, 7])], zone=ORG, who=BOB).new
    ada(node, "mail", 9)
    team.review(BOB, Opinion.APPROVE)
    held = team.held()
    assert held is not None and held.commit == own
    assert node.served_from() == first
    team.review(EVE, Opinion.APPROVE)
    assert team.held() is None


def test_two_approvals_are_of_two_people(node: Node, team: Team) -> None:
    team.policy = team.policy._replace(approvals=2)
    ada(node, "www", 7)
    team.review(BOB, Opinion.APPROVE)
    team.review(BOB, Opinion.APPROVE)
    held = team.held()
    assert held is not None and held.detail.endswith("has 1 of 2 approvals")
    team.review(EVE, Opinion.APPROVE)
    assert team.held() is None


@pytest.mark.parametrize("behind", [False, True])
def test_reviews_by_strangers_are_not_read(node: Node, team: Team, behind: bool) -> None:
    """Whoever may push to the zone may push any number of them."""
    tip = node.repository.resolve("main", zone=ORG).id
    new = ObjectId(bytes.fromhex(ada(node, "www", 7)))
    team.held()
    with counted() as few:
        team.held()
    for number in range(3, 43):
        put(node, Tag(tip if behind else new, ORG, Opinion.APPROVE, Stamp(BOB, number), "Yes\n"), number=number)
    with counted() as many:
        held = team.held()
    assert held is not None and held.detail.endswith("has 0 of 1 approvals")
    assert many.gets <= few.gets
    assert many.scanned - few.scanned <= 40


def test_a_pattern_in_the_file_lets_reviews_count_whoever_matches_it(node: Node, team: Team) -> None:
    team.approvers.write_text(team.approvers.read_text().replace("bob@example.org", "b*@example.org"))
    ada(node, "www", 7)
    team.review(BOB, Opinion.APPROVE)
    assert team.held() is None


def other_mail(team: Team, who: str, mail: str) -> str:
    """Give somebody's key another mail."""
    text = team.approvers.read_text()
    team.approvers.write_text(text.replace(mail_of(who), f"{mail_of(who)},{mail}"))
    name = f"Other <{mail}>"
    team.keys[name] = team.keys[who]
    return name


def test_one_key_is_one_person_whatever_the_mail(node: Node, team: Team) -> None:
    team.policy = team.policy._replace(approvals=2)
    other = other_mail(team, BOB, "robert@example.org")
    first = ada(node, "www", 7)
    ada(node, "mail", 9)
    team.review(BOB, Opinion.APPROVE)
    team.review(other, Opinion.APPROVE)
    team.review(BOB, Opinion.APPROVE, first)
    held = team.held()
    assert held is not None and held.detail.endswith("has 1 of 2 approvals")
    team.review(EVE, Opinion.APPROVE)
    assert team.held() is None


def test_nobody_approves_with_the_key_that_signed_the_commit(node: Node, team: Team) -> None:
    other = other_mail(team, ADA, "lovelace@example.org")
    node.repository.configure("user.signingkey", str(team.keys[ADA]))
    node.repository.set("www", A, 60, [bytes([192, 0, 2, 7])], zone=ORG, who=ADA, sign=True)
    with pytest.raises(Refused, match="the same key signed commit"):
        team.review(other, Opinion.APPROVE)
    commit = node.repository.resolve("main", zone=ORG)
    put(node, Tag(commit.id, ORG, Opinion.APPROVE, Stamp(other, 1), "By hand\n"), number=0)
    held = team.held()
    assert held is not None and held.detail.endswith("has 0 of 1 approvals")
    team.review(BOB, Opinion.APPROVE)
    assert team.held() is None


def test_an_approval_in_another_s_name_does_not_count(node: Node, team: Team) -> None:
    tip = ada(node, "www", 7)
    node.repository.configure("user.signingkey", str(team.keys[ADA]))
    commit = node.repository.resolve(tip, zone=ORG)
    node.repository.review(commit, Opinion.APPROVE, who=BOB)
    held = team.held()
    assert held is not None and held.detail.endswith("has 0 of 1 approvals")


def test_a_rejection_holds_until_it_is_withdrawn(node: Node, team: Team) -> None:
    tip = ada(node, "www", 7)
    team.review(EVE, Opinion.REJECT)
    ada(node, "mail", 9)
    team.review(BOB, Opinion.APPROVE)
    held = team.held()
    assert held is not None and held.reason is Reason.REJECTED
    assert held.detail == f"eve@example.net rejected commit {tip[:12]}: I looked"
    back = f"zonegit reset --hard {node.served_from()[:12]}"
    assert held.remedy == f"have it approved by the same reviewer, or go back with '{back}'"
    team.review(EVE, Opinion.APPROVE, tip)
    assert team.held() is None


@pytest.mark.parametrize("waits", [False, True])
def test_nothing_is_served_that_nobody_approved_of_itself(node: Node, team: Team, waits: bool) -> None:
    """Who approves of a correction has not seen the faulty commit before it served, if the correction is held."""
    first = node.served_from()
    ada(node, "www", 66)
    start = int(node.clock.now) + 60 if waits else None
    node.repository.set("www", A, 60, [bytes([192, 0, 2, 7])], zone=ORG, who=ADA, not_before=start)
    team.review(BOB, Opinion.APPROVE)
    if not waits:
        team.review(EVE, Opinion.REJECT)
    held = team.held()
    assert held is not None and held.reason is (Reason.NOT_BEFORE if waits else Reason.REJECTED)
    assert node.served_from() == first
    team.review(BOB, Opinion.APPROVE, "main~1")
    team.held()
    assert node.served_from() == node.repository.resolve("main~1", zone=ORG).id.hex()


def test_an_approval_with_force_lifts_the_limits(node: Node, team: Team) -> None:
    team.policy = team.policy._replace(approvals=0, max_deletes=0)
    node.repository.delete("www", zone=ORG, who=ADA)
    assert team.held() is not None
    team.review(BOB, Opinion.APPROVE)
    held = team.held()
    assert held is not None and held.reason is Reason.DELETES
    team.review(BOB, Opinion.APPROVE, force=True)
    assert team.held() is None


def test_nobody_lifts_the_limits_for_what_they_made_themselves(node: Node, team: Team) -> None:
    team.policy = team.policy._replace(approvals=0, max_deletes=0)
    node.repository.delete("www", zone=ORG, who=BOB)
    ada(node, "mail", 9)
    team.review(BOB, Opinion.APPROVE, force=True)
    held = team.held()
    assert held is not None and held.reason is Reason.DELETES, "Bob's deletion is behind Ada's commit"
    team.review(EVE, Opinion.APPROVE, force=True)
    assert team.held() is None


def test_an_automatic_merge_can_be_rejected(node: Node, team: Team) -> None:
    base = node.repository.resolve("main", zone=ORG).id
    sides = []
    for name in ("one", "two"):
        move(node, base)
        sides.append(ada(node, name, 7))
        team.review(BOB, Opinion.APPROVE)
    move(node, merge(node, *sides))
    team.review(EVE, Opinion.REJECT)
    held = team.held()
    assert held is not None and held.reason is Reason.REJECTED
    team.review(EVE, Opinion.APPROVE)
    assert team.held() is None


def test_an_automatic_merge_serves_nothing_that_was_only_approved_with_its_correction(
    node: Node, team: Team
) -> None:
    """Whoever moves the branch merges the commit before the correction, and lets a commit on top reach both."""
    base = node.repository.resolve("main", zone=ORG)
    draft = ada(node, "www", 7)
    corrected = ada(node, "www", 8)
    team.review(BOB, Opinion.APPROVE)
    move(node, base.id)
    other = ada(node, "mail", 9)
    team.review(BOB, Opinion.APPROVE)
    merged = merge(node, draft, other)
    with node.store.write() as writer:
        below = Commit.decode(writer.get(merged))
        parents = (merged, ObjectId(bytes.fromhex(corrected)))
        data = below._replace(parents=parents, seq=9, generation=4, extra=(), message="On top\n").encode()
        writer.insert([data])
    move(node, object_id(data))
    held = team.held()
    assert held is not None and held.reason is Reason.APPROVALS
    assert node.served_from() in (base.id.hex(), other), "the other one was approved, and may be the first parent"
    move(node, merge(node, corrected, other))
    assert team.held() is None


def test_a_copy_of_what_is_served_makes_nothing_older_count_again(node: Node, team: Team) -> None:
    """Whoever moves the branch first puts a commit there that begins again, with the content that is served."""
    tips = []
    for last in (7, 8):
        tips.append(ObjectId(bytes.fromhex(ada(node, "www", last))))
        team.review(BOB, Opinion.APPROVE)
        assert team.held() is None
    served = node.repository.resolve("main", zone=ORG).commit
    data = served._replace(parents=(), seq=0, generation=1).encode()
    with node.store.write() as writer:
        writer.insert([data])
    move(node, object_id(data))
    assert team.held() is None
    move(node, tips[0])
    held = team.held()
    assert held is not None and held.reason is Reason.REWOUND
    assert node.served_from() == tips[1].hex()


def put(node: Node, tag: Tag, *, number: int) -> None:
    """Keep a review as a peer may send it, signed with one of the keys."""
    signed = with_signature(tag, sign(private_key(number=number), tag.encode()))
    with node.store.write() as writer:
        writer.insert([signed.encode()])
        writer.move_refs([RefUpdate(ref_of(signed), None, object_id(signed.encode()))], tag.tagger, "test")


def move(node: Node, to: ObjectId) -> None:
    with node.store.write() as writer:
        writer.move_refs([RefUpdate(head(ORG, "main"), writer.ref(head(ORG, "main")), to)], Stamp(EVE, 1), "test")


def merge(node: Node, *tips: str) -> ObjectId:
    """The canonical merge of two commits."""
    one, two = (ObjectId(bytes.fromhex(each)) for each in tips)
    done = reconcile(Context.over(node.store, node.clock).nodes, one, two)
    with node.store.write() as writer:
        writer.insert(done.objects)
    return done.tip


def test_approvers_that_can_not_be_read_hold_the_branch(node: Node, team: Team) -> None:
    ada(node, "www", 7)
    team.approvers.unlink()
    held = team.held()
    assert held is not None and held.reason is Reason.APPROVALS and "can't be read" in held.detail


def test_reviews_are_sound_and_stay_in_a_reindex(node: Node, team: Team) -> None:
    ada(node, "www", 7)
    team.review(BOB, Opinion.REJECT)
    node.repository.reindex()
    assert fsck(node.store).problems == []
    (found,) = node.repository.reviews(ORG)
    assert (found.opinion, found.reviewer, found.force) == (Opinion.REJECT, "bob@example.org", False)


def test_what_was_approved_once_is_not_replayed(node: Node, team: Team) -> None:
    old = ada(node, "www", 7)
    team.review(BOB, Opinion.APPROVE)
    assert team.held() is None
    new = ada(node, "www", 8)
    team.review(BOB, Opinion.APPROVE)
    assert team.held() is None
    back = RefUpdate(head(ORG, "main"), ObjectId(bytes.fromhex(new)), ObjectId(bytes.fromhex(old)))
    with node.store.write() as writer:
        writer.move_refs([back], Stamp("Eve", 1), "test")
    held = team.held()
    assert held is not None and held.reason is Reason.REWOUND
    assert node.served_from() == new


def test_a_branch_that_is_moved_back_is_judged_by_its_content(node: Node) -> None:
    policy = PublishPolicy(max_deletes=0)
    node.publish(policy)
    old, new = ada(node, "www", 7), ada(node, "new", 8)
    assert node.publish(PublishPolicy()).held is None
    back = RefUpdate(head(ORG, "main"), ObjectId(bytes.fromhex(new)), ObjectId(bytes.fromhex(old)))
    with node.store.write() as writer:
        writer.move_refs([back], Stamp("Eve", 1), "test")
    held = node.publish(policy).held
    assert held is not None and held.reason is Reason.DELETES
    assert node.served_from() == new
