"""Commits that are published in the transaction that makes them, and those that are left to the publisher."""

from pathlib import Path

import pytest

from publishkit import ORG, Node
from repokit import ZONE, parsed
from updatekit import apply_all, message
from zonegit.errors import CorruptStore
from zonegit.model.rdata import CNAME, NS, A
from zonegit.model.refs import head, published
from zonegit.repo.batch import Step
from zonegit.repo.publishing import at_once, gate
from zonegit.repo.publishing.in_force import note_policies, policy_in_force
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.results import Position
from zonegit.store.fsck import fsck

MAIN = Position(ORG, "main")
POLICY = PublishPolicy(max_deletes=1)


@pytest.fixture
def loaded(node: Node) -> Node:
    """A node whose publisher has published the zone by `POLICY`."""
    load(node, POLICY)
    node.publish(POLICY)
    return node


def load(node: Node, policy: PublishPolicy) -> None:
    """What the publisher does with a configuration."""
    note_policies(node.store, {MAIN: policy})


def txn(node: Node) -> int:
    return node.store.txn_id()


def test_a_commit_and_its_version_are_one_transaction(loaded: Node) -> None:
    before = loaded.served()
    began = txn(loaded)
    tip = loaded.set("mail", 7)
    assert txn(loaded) == began + 1
    assert loaded.served_from() == tip
    after = loaded.served()
    assert before and after and after.serial == before.serial + 1
    assert after.author.name.startswith("zonegit-publisher <")
    done = loaded.publish(POLICY)
    assert (done.released, done.held) == (None, None), "nothing is left for the publisher"
    assert fsck(loaded.store).problems == []


def test_several_commits_of_updates_are_one_version(loaded: Node) -> None:
    before = loaded.served()
    began = txn(loaded)
    updates = [message() for _ in range(3)]
    for number, update in enumerate(updates):
        update.add(f"h{number}", 60, "A", "192.0.2.1")
    done = apply_all(loaded.repository, *updates)
    assert txn(loaded) == began + 1
    last = done[-1].committed
    assert last is not None and last.new is not None
    assert loaded.served_from() == last.new.hex()
    after = loaded.served()
    assert before and after and after.serial == before.serial + 3
    assert loaded.publish(POLICY).released is None, "nothing is left for the publisher"


def test_what_does_not_pass_is_held_by_the_publisher(loaded: Node) -> None:
    first = loaded.served_from()
    loaded.repository.delete("www", zone=ORG)
    assert loaded.served_from() == first
    on_top = loaded.set("mail", 7)
    assert loaded.served_from() == first, "what comes after it waits with it"
    held = loaded.publish(POLICY).held
    assert held is not None and held.commit.hex() == on_top
    assert loaded.served_from() == first


def test_a_commit_with_a_time_waits(loaded: Node) -> None:
    first = loaded.served_from()
    loaded.set("mail", 7, not_before=int(loaded.clock.now) + 60)
    assert loaded.served_from() == first


@pytest.mark.parametrize(
    "policy",
    [
        PublishPolicy(validator=("check",)),
        PublishPolicy(require_signed=True),
        PublishPolicy(approvals=1, allowed_approvers=Path("/nowhere")),
        PublishPolicy(allowed_approvers=Path("/nowhere")),
    ],
)
def test_a_policy_that_takes_more_leaves_all_to_the_publisher(loaded: Node, policy: PublishPolicy) -> None:
    load(loaded, policy)
    first = loaded.served_from()
    loaded.set("mail", 7)
    assert loaded.served_from() == first


def test_only_the_policy_that_is_loaded_counts(loaded: Node) -> None:
    note_policies(loaded.store, {})
    first = loaded.served_from()
    loaded.set("mail", 7)
    assert loaded.served_from() == first
    load(loaded, PublishPolicy(max_deletes=0))
    loaded.publish(POLICY)
    second = loaded.served_from()
    loaded.set("mail", 9)
    assert loaded.served_from() == second, "a record is deleted, and no more may be"


def test_a_branch_without_a_version_is_served_from_its_tip(node: Node) -> None:
    load(node, POLICY)
    tip = node.set("mail", 7)
    assert node.served() == node.repository.resolve(tip, zone=ORG).commit


NOTES = [
    *(b"\xff", b"{}", b"[]", b'{"max_deletes": 1}', b'{"max_deletes": "1", "max_change_percent": null}'),
    b'{"max_deletes": 1, "max_change_percent": null, "what_a_later_zonegit_judges_by": true}',
]


@pytest.mark.parametrize("note", NOTES)
def test_a_note_that_can_not_be_read_leaves_all_to_the_publisher(loaded: Node, note: bytes) -> None:
    with loaded.store.write() as writer:
        writer.set_setting(f"publish-at-once/{ORG}/main", note)
        assert policy_in_force(writer, MAIN) is None
    first = loaded.served_from()
    loaded.set("mail", 7)
    assert loaded.served_from() == first


def test_what_is_checked_far_away_is_left_to_the_publisher(loaded: Node) -> None:
    for name, rtype, rdata in (("alias", CNAME, b"\3www\0"), ("sub", NS, b"\2ns\7example\3net\0")):
        loaded.repository.set(name, rtype, 60, [rdata], zone=ORG)
        first = loaded.served_from()
        assert first != loaded.repository.resolve("main", zone=ORG).id.hex()
        assert loaded.publish(POLICY).held is None


def test_a_large_commit_is_left_to_the_publisher(loaded: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "_CHANGES", 2)
    for count in (2, 3):
        before = loaded.served_from()
        steps = [
            Step("set", f"n{count}-{last}", A, 60, [bytes([10, 0, 0, last])], zone=ORG) for last in range(count)
        ]
        loaded.repository.batch(steps)
        assert (loaded.served_from() != before) == (count == 2)


def test_a_batch_publishes_all_its_zones(loaded: Node) -> None:
    other = "example.net."
    loaded.repository.import_zone(parsed(ZONE.replace(ORG, other)), source="other.zone")
    note_policies(loaded.store, {MAIN: POLICY, Position(other, "main"): POLICY})
    loaded.repository.publish(POLICY, loaded.validate, zone=other, branch="main")
    loaded.repository.batch(Step("set", "mail", A, 60, [bytes([192, 0, 2, 9])], zone=zone) for zone in (ORG, other))
    for each in loaded.repository.publications():
        assert each.published is not None
        assert each.published.of == loaded.repository.resolve("main", zone=each.zone).id


def test_a_gate_that_fails_leaves_the_commit_to_the_publisher(
    loaded: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise CorruptStore("a page was changed on disk")

    first = loaded.served_from()
    monkeypatch.setattr(gate, "past_of", damaged)
    tip = loaded.set("mail", 7)
    assert loaded.served_from() == first
    monkeypatch.undo()
    loaded.publish(POLICY)
    assert loaded.served_from() == tip


def test_a_transaction_that_fails_leaves_the_old_version(loaded: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    first, tip = loaded.served(), loaded.repository.resolve("main", zone=ORG).id
    monkeypatch.setattr("zonegit.store.writer.StoreWriter.finish", killed)
    with pytest.raises(Killed):
        loaded.set("mail", 7)
    monkeypatch.undo()
    assert loaded.served() == first
    with loaded.store.read() as reader:
        assert reader.ref(head(ORG, "main")) == tip
        assert len(list(reader.reflog(published(ORG, "main")))) == 1
    assert fsck(loaded.store).problems == []
