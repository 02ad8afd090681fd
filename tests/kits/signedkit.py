"""A repository whose zone is signed as it is published, with a clock and a parent zone that tests move."""

from collections.abc import Sequence
from pathlib import Path

from repokit import ZONE, Clock, parsed
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.policy import DAY, Algorithm, DnssecPolicy
from zonegit.dnssec.rollover.values import Parent, ParentAnswer
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.dnssec.parents import Parents
from zonegit.repo.dnssec.stage import SigningStage
from zonegit.repo.dnssec.status import DnssecStatus
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish
from zonegit.repo.publishing.reading import Publication
from zonegit.repo.results import Position
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.tree import walk

ORG = "example.org."
MAIN = Position(ORG, "main")


class SignedNode:
    """A repository, the directory of its keys, and the process that publishes."""

    def __init__(
        self,
        path: Path,
        policy: DnssecPolicy | None = None,
        *,
        zone: str = ZONE,
        store: Store | None = None,
        repo: Path | None = None,
    ) -> None:
        """`repo`: the directory of `store`, with which large versions are signed in processes of their own."""
        self.clock = Clock()
        self.repo = repo
        self.path = path
        self.policy = PublishPolicy(dnssec=(policy or DnssecPolicy(algorithm=Algorithm.ED25519)))
        self.policy = self.with_policy(directory=path / "keys")
        self.store: Store = MemoryStore() if store is None else store
        self.repository = Repository(path, self.store, self.clock)
        self.repository.import_zone(parsed(zone), source="test.zone")
        self.context = Context.over(self.store, self.clock)
        self.servers: dict[str, frozenset[bytes] | None] = {"ns1.org": frozenset(), "ns2.org": frozenset()}
        """The DS records that each server of the parent has; None: it doesn't answer."""
        self.restart()

    def with_policy(self, **fields: object) -> PublishPolicy:
        """The policy, with other settings from now on."""
        assert self.policy.dnssec is not None
        self.policy = self.policy._replace(dnssec=self.policy.dnssec._replace(**fields))  # type: ignore[arg-type]
        return self.policy

    def restart(self) -> None:
        """A new process publishes from now on: it knows nothing but what is on the disk."""
        self.stage = SigningStage(self.context, Parents(self._ask, waits=True), self.repo)

    def publish(self, place: Position = MAIN) -> Publication:
        return publish(self.context, place, self.policy, _no_validator, sign=self.stage)

    def settle(self, seconds: float = 0) -> DnssecStatus:
        """Publish as often as there is something to do, until so many seconds have passed; returns the status."""
        end = self.clock.now + seconds
        while True:
            done = self.publish()
            assert done.dnssec is not None, done
            if done.again is None or done.again > end:
                self.clock.now = max(end, self.clock.now)
                return done.dnssec
            self.clock.now = max(done.again, self.clock.now + 0.001)

    def delegate(self) -> None:
        """Have all servers of the parent take the DS records that the zone wants."""
        status = self.repository.dnssec_status(ORG)
        assert status is not None
        self.servers = dict.fromkeys(self.servers, frozenset(status.ds))

    def set(self, name: str, last: int) -> None:
        self.repository.set(name, A, 60, [bytes([192, 0, 2, last])], zone=ORG)

    def served(self, place: Position = MAIN) -> Content:
        """What is answered from."""
        done = self.publish(place).published
        assert done is not None
        return Content.of(self.context.nodes, done.version)

    def published(self) -> ObjectId | None:
        """The version that is served."""
        with self.store.read() as reader:
            return reader.ref(refs.published(ORG, "main"))

    def _ask(self, zone: str, servers: Sequence[str]) -> Parent:
        answers = (ParentAnswer(name, ds, 3600) for name, ds in self.servers.items())
        return Parent(int(self.clock.now), tuple(answers))


def findings(node: SignedNode) -> list[str]:
    """What a validator finds wrong with what is served now."""
    served = node.served()
    entries = list(walk.entries(served.tree.nodes, served.tree.root))
    serial = served.revision.commit.serial
    return [str(found) for found in check_signatures(served.apex, serial, entries, node.clock.now)]


def content(node: SignedNode) -> Content:
    """What people wrote."""
    return node.context.content("main", ORG)


def delegated(path: Path, policy: DnssecPolicy | None = None) -> SignedNode:
    """A zone that is signed, and whose parent has its DS."""
    node = SignedNode(path, policy)
    node.publish()
    node.settle(DAY)
    node.delegate()
    assert node.settle(DAY).under_way == ""
    return node


def _no_validator(*_: object) -> None:
    raise AssertionError("no validator is to be asked")
