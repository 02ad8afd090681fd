"""A repository whose zone has a policy."""

from pathlib import Path

from repokit import ZONE, Clock, parsed
from zonegit.model.commit import Commit
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.publishing.policy import Proposed, PublishPolicy
from zonegit.repo.publishing.reading import Publication
from zonegit.store.lmdb import LmdbStore
from zonegit.store.served import served_ref

ORG = "example.org."
OPEN = PublishPolicy()
ADA, BOB, EVE = "Ada <ada@example.org>", "Bob <bob@example.org>", "Eve <eve@example.net>"


class Node:
    """A repository whose zone has a policy."""

    def __init__(self, path: Path) -> None:
        self.clock = Clock()
        self.store = LmdbStore.create(path)
        self.repository = Repository(path, self.store, self.clock)
        self.repository.import_zone(parsed(ZONE), source="test.zone")
        self.asked: list[Proposed] = []
        self.complaint: str | None = None

    def validate(self, policy: PublishPolicy, proposed: Proposed) -> str | None:
        self.asked.append(proposed)
        return self.complaint

    def publish(self, policy: PublishPolicy = OPEN, *, dry_run: bool = False) -> Publication:
        return self.repository.publish(policy, self.validate, zone=ORG, branch="main", dry_run=dry_run)

    def set(self, name: str, last: int, not_before: int | None = None) -> str:
        done = self.repository.set(name, A, 60, [bytes([192, 0, 2, last])], zone=ORG, not_before=not_before)
        assert done.new is not None
        return done.new.hex()

    def served(self) -> Commit | None:
        with self.store.read() as reader:
            oid = reader.live(served_ref(reader, ORG, "main"))
            return None if oid is None else Commit.decode(reader.get(oid))

    def served_from(self) -> str | None:
        """The commit whose content is served, by way of a version."""
        served = self.served()
        return None if served is None or served.publishes is None else served.publishes.hex()
