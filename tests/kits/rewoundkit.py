"""A repository with a policy, of which somebody else moves the branch."""

from pathlib import Path

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
