"""Policies that require signatures: what is signed passes the gate, and nothing else."""

from pathlib import Path
from typing import Unpack

import pytest

from publishkit import ADA, EVE, ORG, Node
from sshkit import private_key, write_key
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo.canonical import reconcile
from zonegit.repo.context import Context
from zonegit.repo.publishing import gate
from zonegit.repo.publishing.policy import PublishPolicy, Reason
from zonegit.repo.writing import CommitOptions
from zonegit.ssh.allowed_signers import AllowedSigners
from zonegit.ssh.files import read_allowed_signers
from zonegit.ssh.signing import public_key
from zonegit.store.port import RefUpdate


@pytest.fixture
def signed(node: Node, tmp_path: Path) -> PublishPolicy:
    """A policy under which Ada signs; the node's user has Ada's key."""
    key = private_key()
    node.repository.configure("user.signingkey", str(write_key(tmp_path / "key", key)))
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"ada@example.org {public_key(key).line}\n")
    policy = PublishPolicy(require_signed=True, allowed_signers=signers)
    node.publish(policy)
    return policy


def sign(node: Node, last: int, who: str = ADA, **options: Unpack[CommitOptions]) -> ObjectId:
    done = node.repository.set("www", A, 60, [bytes([192, 0, 2, last])], zone=ORG, who=who, sign=True, **options)
    assert done.new is not None
    return done.new


def test_only_what_is_signed_is_published(node: Node, signed: PublishPolicy) -> None:
    first = sign(node, 7)
    assert node.publish(signed).held is None
    assert node.served_from() == first.hex()
    unsigned = node.set("www", 8)
    sign(node, 9)
    held = node.publish(signed).held
    assert held is not None and (held.reason, held.commit.hex()) == (Reason.UNSIGNED, unsigned)
    assert held.detail == f"commit {unsigned[:12]} isn't signed"
    assert node.served_from() == first.hex(), "what builds on it waits"


def test_a_good_signature_of_somebody_else_is_not_enough(node: Node, signed: PublishPolicy) -> None:
    first = node.served_from()
    sign(node, 7, EVE)
    held = node.publish(signed).held
    assert held is not None and "the key is not eve@example.net's" in held.detail
    assert node.served_from() == first


def test_signers_that_can_not_be_read_hold_the_branch(node: Node, signed: PublishPolicy) -> None:
    assert signed.allowed_signers is not None
    sign(node, 7)
    signed.allowed_signers.unlink()
    held = node.publish(signed).held
    assert held is not None and held.reason is Reason.UNSIGNED and "can't be read" in held.detail


def test_what_was_signed_once_is_not_replayed(node: Node, signed: PublishPolicy) -> None:
    old, new = sign(node, 7), sign(node, 8)
    assert node.publish(signed).held is None
    with node.store.write() as writer:
        writer.move_refs([RefUpdate(head(ORG, "main"), new, old)], Stamp("Eve", 1), "pull: test")
    held = node.publish(signed).held
    assert held is not None and held.reason is Reason.REWOUND
    assert node.served_from() == new.hex()
    assert node.publish().held is None, "without require_signed it follows"
    assert node.served_from() == old.hex()


def test_a_merge_of_signed_commits_is_signed_too(node: Node, signed: PublishPolicy) -> None:
    base = node.repository.resolve("main", zone=ORG).id
    sign(node, 7)
    node.repository.create_branch("side", base.hex(), zone=ORG)
    other = node.repository.set("mail", A, 60, [bytes([192, 0, 2, 9])], zone=ORG, branch="side", who=ADA, sign=True)
    assert other.new is not None
    merged = node.repository.merge("side", zone=ORG, who=ADA)
    held = node.publish(signed).held
    assert held is not None and held.commit == merged.new


def test_an_automatic_merge_of_signed_commits_passes_and_a_forged_one_does_not(
    node: Node, signed: PublishPolicy
) -> None:
    base = node.repository.resolve("main", zone=ORG).id
    ours = sign(node, 7)
    node.repository.create_branch("side", base.hex(), zone=ORG)
    done = node.repository.set("mail", A, 60, [bytes([192, 0, 2, 9])], zone=ORG, branch="side", who=ADA, sign=True)
    assert done.new is not None
    node.repository.create_branch("evil", zone=ORG)
    node.repository.set("www", A, 60, [bytes([203, 0, 113, 1])], zone=ORG, branch="evil", who=EVE)
    context = Context.over(node.store, node.clock)
    tip, objects, _ = reconcile(context.nodes, ours, done.new)
    with node.store.write() as writer:
        writer.insert(objects)
        forged = Commit.decode(objects[-1])._replace(
            zone_root=node.repository.resolve("evil", zone=ORG).commit.zone_root
        )
        writer.insert([forged.encode()])
        writer.move_refs([RefUpdate(head(ORG, "main"), ours, object_id(forged.encode()))], Stamp("Eve", 1), "test")
    held = node.publish(signed).held
    assert held is not None and "is not the canonical merge" in held.detail
    with node.store.write() as writer:
        writer.move_refs([RefUpdate(head(ORG, "main"), object_id(forged.encode()), tip)], Stamp("Eve", 1), "test")
    assert node.publish(signed).held is None
    assert node.served_from() == tip.hex()


def test_a_judgement_reads_the_signers_once(
    node: Node, signed: PublishPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def reading(path: Path) -> AllowedSigners:
        read.append(path)
        return read_allowed_signers(path)

    monkeypatch.setattr(gate, "read_allowed_signers", reading)
    for last in range(5):
        sign(node, last)
    assert node.publish(signed).held is None
    assert read == [signed.allowed_signers]
