"""Proposals of a branch `move`, and a team that reviews them."""

from pathlib import Path

from publishkit import ADA, BOB, EVE, ORG, Node
from sshkit import private_key, write_key
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.rdata import A
from zonegit.repo.proposals.reading import Proposal
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.review_refs import ref_of
from zonegit.repo.reviews import Opinion
from zonegit.repo.signatures import mail_of
from zonegit.ssh.files import read_allowed_signers
from zonegit.ssh.signing import public_key
from zonegit.store.port import RefUpdate


def change(node: Node, branch: str, last: int, name: str = "www", who: str = ADA) -> ObjectId:
    done = node.repository.set(name, A, 60, [bytes([192, 0, 2, last])], zone=ORG, branch=branch, who=who)
    assert done.new is not None
    return done.new


def propose(node: Node, branch: str = "move", who: str = ADA, message: str | None = None) -> Proposal:
    return node.repository.propose(zone=ORG, branch=branch, who=who, message=message).proposal


def again(node: Node, proposal: Proposal) -> Proposal:
    return node.repository.proposal(proposal.name, zone=ORG)


def tip(node: Node, branch: str = "main") -> ObjectId:
    return node.repository.branches(zone=ORG)[branch]


def put(node: Node, tag: Tag) -> None:
    """Store a proposal as a peer may send it."""
    data = tag.encode()
    with node.store.write() as writer:
        writer.insert([data])
        writer.move_refs([RefUpdate(ref_of(tag), None, object_id(data))], tag.tagger, "test")


class Team:
    """Ada writes; Bob and Eve may approve."""

    def __init__(self, node: Node, directory: Path) -> None:
        self.node = node
        keys = {who: private_key(number=number) for number, who in enumerate((ADA, BOB, EVE))}
        self.files = {who: write_key(directory / f"key{mail_of(who)}", key) for who, key in keys.items()}
        lines = [f"{mail_of(who)} {public_key(key).line}\n" for who, key in keys.items()]
        (directory / "allowed_approvers").write_text("".join(lines))
        self.approvers = read_allowed_signers(directory / "allowed_approvers")
        self.policy = PublishPolicy(approvals=1, allowed_approvers=directory / "allowed_approvers")
        node.publish(self.policy)

    def review(self, who: str, commit: ObjectId, opinion: Opinion = Opinion.APPROVE) -> None:
        repository = self.node.repository
        repository.configure("user.signingkey", str(self.files[who]))
        repository.review(repository.resolve(commit.hex(), zone=ORG), opinion, who=who, message="I looked")


def with_branch(node: Node) -> Node:
    """Beside main, a branch `move` with a commit of Ada's."""
    node.repository.create_branch("move", "main", zone=ORG)
    change(node, "move", 7)
    return node
