"""A branch that was moved to a commit that doesn't build on what is served: nothing passes the gate by a detour."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from repokit import ZONE, Clock, parsed
from sshkit import private_key, write_key
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.canonical import reconcile
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.publishing.policy import Proposed, PublishPolicy, Reason
from zonegit.repo.results import Revision
from zonegit.ssh.signing import public_key
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.served import served_ref

ORG = "example.org."
MAIN = head(ORG, "main")
ADA = "Ada <ada@example.org>"


class Node:
    """A repository with a policy, of which somebody else moves the branch."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.repository = Repository(Path("nowhere"), self.store, self.clock)
        self.repository.import_zone(parsed(ZONE), source="test.zone")
        key = private_key()
        self.repository.configure("user.signingkey", str(write_key(directory / "key", key)))
        signers = directory / "allowed_signers"
        signers.write_text(f"ada@example.org {public_key(key).line}\n")
        self.base = self.tip
        self.signed = PublishPolicy(require_signed=True, allowed_signers=signers)

    @property
    def tip(self) -> ObjectId:
        return self.repository.resolve("main", zone=ORG).id

    def set(self, last: int, name: str = "www", *, sign: bool = True, not_before: int | None = None) -> ObjectId:
        value = [bytes([192, 0, 2, last])]
        self.repository.set(name, A, 60, value, zone=ORG, who=ADA, sign=sign, not_before=not_before)
        return self.tip

    def move(self, to: ObjectId | None, reason: str = "pull: test") -> None:
        with self.store.write() as writer:
            writer.move_refs([RefUpdate(MAIN, writer.ref(MAIN), to)], Stamp("Eve", 1), reason)

    def merge(self, *tips: ObjectId) -> ObjectId:
        """The canonical merge of two commits."""
        done = reconcile(Context.over(self.store, self.clock).nodes, *tips)
        with self.store.write() as writer:
            writer.insert(done.objects)
        return done.tip

    def held(self, policy: PublishPolicy) -> Reason | None:
        held = self.repository.publish(policy, refuse_bad, zone=ORG, branch="main").held
        return held and held.reason

    def served(self) -> Commit | None:
        with self.store.read() as reader:
            oid = reader.live(served_ref(reader, ORG, "main"))
            return None if oid is None else Commit.decode(reader.get(oid))

    def shows(self, oid: ObjectId) -> bool:
        """Whether the content of a commit is served."""
        served = self.served()
        with self.store.read() as reader:
            return served is not None and served.zone_root == Commit.decode(reader.get(oid)).zone_root

    def serves(self, last: int) -> bool:
        """Whether www has this address."""
        served = self.served()
        assert served is not None
        content = Content.of(Context.over(self.store, self.clock).nodes, Revision(self.tip, served))
        return any(rrset.rtype == A and rrset.rdatas == (bytes([192, 0, 2, last]),) for rrset in content.rrsets())


def refuse_bad(_: PublishPolicy, proposed: Proposed) -> str | None:
    bad = any(rrset.owner.startswith(b"\3bad") for rrset in proposed.new.rrsets())
    return "it has a bad name" if bad else None


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
