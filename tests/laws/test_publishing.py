"""Laws of publishing, over random sequences of commits, resets, removals, limits, `gc`, and a policy that comes and
goes.

The served serial rises whenever what is served changes. What is served while a policy is on passed its gate. A
branch that gets back to what is served is never held. `gc` changes nothing of that, and keeps the commit that is
served and the differences between the versions that it keeps.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repokit import ZONE, Clock, parsed
from zonegit.dns.transfer.versions import Versions
from zonegit.errors import Conflict, NotFound, Refused, RevisionError
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import SOA, A
from zonegit.model.refs import head, published
from zonegit.repo import Repository
from zonegit.repo.batch import Step
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.gc import HOOKS
from zonegit.repo.history import read_commit
from zonegit.repo.publishing.in_force import note_policies
from zonegit.repo.publishing.policy import Proposed, PublishPolicy
from zonegit.repo.publishing.publish import publish, stop_publishing
from zonegit.repo.results import Position, Revision
from zonegit.repo.serials import is_ahead
from zonegit.store import gc as collector
from zonegit.store import retention
from zonegit.store.fsck import fsck
from zonegit.store.gc import gc
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.served import served_ref

ORG = "example.org."
MAIN = Position(ORG, "main")
POLICY = PublishPolicy(max_deletes=2, validator=("check",))
QUICK = PublishPolicy(max_deletes=1)
"""A policy by which commits are published in their own transactions."""
STEPS = st.lists(
    st.sampled_from(
        [
            *("www", "publish") * 3,
            "bad",
            "clear",
            "empty",
            "later",
            "reset",
            "back",
            "astray",
            "remove",
            "begin",
            "restore",
            "off",
            "tick",
            "gc",
        ]
    ),
    min_size=3,
    max_size=30,
)


def validate(policy: PublishPolicy, proposed: Proposed) -> str | None:
    """The validator: no name `bad`. It isn't asked about what is served."""
    assert policy == POLICY
    assert proposed.old is None or proposed.old.tree.root != proposed.new.tree.root
    return "it has a bad name" if _is_bad(proposed.new) else None


def _is_bad(content: Content) -> bool:
    return any(rrset.owner.startswith(b"\3bad") for rrset in content.rrsets())


class World:
    """A repository whose zone may be published, and what DNS clients saw of it."""

    policy = POLICY

    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore()
        self.repository = Repository(Path("nowhere"), self.store, self.clock)
        self.context = Context.over(self.store, self.clock)
        self.repository.import_zone(parsed(ZONE), source="test.zone")
        self.made = 0
        self.on = False
        self.deleted = False
        """Whether the zone was removed, and `gc` deleted its history."""
        self.accepted: set[ObjectId] = set()
        """Content that was served without passing the gate: that of the branch when the policy was switched on."""
        self.seen: tuple[int, ObjectId] | None = None

    def served(self) -> Revision | None:
        """The version that clients get."""
        with self.store.read() as reader:
            oid = reader.live(served_ref(reader, ORG, "main"))
            return None if oid is None else read_commit(reader, oid)

    def do(self, step: str) -> None:
        here = ORG in self.repository.zone_names()
        if step == "publish":
            self.publish()
        elif step == "off":
            stop_publishing(self.context, MAIN)
            self.on = False
        elif step == "tick":
            self.clock.now += 100
        elif step == "gc":
            self.collect()
        elif step == "begin":
            if not here:
                self.repository.import_zone(parsed(ZONE), source="test.zone")
        elif step == "restore":
            with suppress(Conflict, NotFound):
                self.repository.restore_zone(ORG)
        elif here:
            self.change(step)

    def change(self, step: str) -> None:
        self.made += 1
        value = [bytes([192, 0, 2, self.made])]
        if step in ("www", "bad"):
            self.repository.set(step, A, 60, value, zone=ORG)
        elif step == "later":
            self.repository.set("www", A, 60, value, zone=ORG, not_before=int(self.clock.now) + 150)
        elif step == "clear":
            for name in ("www", "bad"):
                with suppress(NotFound):
                    self.repository.delete(name, zone=ORG)
        elif step == "empty":
            with suppress(NotFound):
                self.repository.batch(Step("delete", name, zone=ORG) for name in ("www", "mail"))
        elif step == "reset":
            with suppress(RevisionError, NotFound, Refused):
                self.repository.reset("main~1", zone=ORG)
        elif step == "astray":
            self.move()
        elif step == "back":
            served = self.served()
            if served is not None and (of := served.commit.publishes):
                with suppress(NotFound, Refused, RevisionError):
                    self.repository.reset(of.hex(), zone=ORG)
                    assert publish(self.context, MAIN, self.policy, validate).held is None, "the way back is locked"
        else:
            self.repository.remove_zone(ORG, tombstone=bool(self.made % 2))

    def move(self) -> None:
        """Somebody else moves the branch to a commit that it was at. Only a policy sees to the serial then."""
        name = head(ORG, "main")
        with self.store.write() as writer:
            places = sorted({entry.new for entry in writer.reflog(name) if entry.new is not None})
            if self.on:
                update = RefUpdate(name, writer.ref(name), places[self.made % len(places)])
                writer.move_refs([update], Stamp("Eve", 1), "pull: test")

    def publish(self) -> None:
        done = publish(self.context, MAIN, self.policy, validate)
        if not self.on:
            self.on = True
            self.accepted = {done.published.version.commit.zone_root} if done.published else set()
        here = ORG in self.repository.zone_names()
        served = self.served()
        if here and done.held is None:
            assert served is not None
            assert served.commit.zone_root == self.repository.resolve("main", zone=ORG).commit.zone_root
        again = publish(self.context, MAIN, self.policy, validate)
        assert (again.published, again.held) == (done.published, done.held), "publishing again changes nothing"

    def collect(self) -> None:
        """What no ref needs goes, and versions that are older than a tick."""
        self.deleted = ORG not in self.repository.zone_names()
        before, now = self.repository.publications(), int(self.clock.now)
        gc(self.store, now, HOOKS, published_since=now - 50)
        assert self.repository.publications() == before
        if self.on:
            self.publish()
        name = published(ORG, "main")
        with self.store.read() as reader:
            tip, found = reader.live(name), Versions(reader)
            if tip is None:
                return
            shown = read_commit(reader, tip).commit.publishes
            assert shown is not None and reader.has(shown)
            moves = [(entry.old, entry.new) for entry in reader.reflog(name)]
            for _, new in moves:
                assert new is None or reader.has(new)
            # Not one that shows nothing, and none from before a policy was switched off.
            for _, new in takewhile(lambda move: None not in move, moves):
                assert new is not None
                version = found(new)
                line = found.back_to(version.serial, found(tip), moves)
                assert not version.records or (line is not None and line[-1].seq == version.seq)

    def has_a_number(self) -> bool:
        """Whether a published version tells which serial was served last."""
        with self.store.read() as reader:
            oid = reader.ref(published(ORG, "main"))
            return oid is not None and read_commit(reader, oid).commit.seq > 0

    def look(self) -> None:
        """What a client sees that asks after every step."""
        if self.deleted and not self.has_a_number():
            self.seen = None  # then it begins like a new one
        now = self.served()
        if now is None:
            return
        self.deleted = False
        content = (now.commit.serial, now.commit.zone_root)
        if self.seen is not None and content != self.seen:
            assert is_ahead(content[0], self.seen[0])
        self.seen = content
        if self.policy is POLICY and self.on and now.commit.zone_root not in self.accepted:
            assert not _is_bad(Content.of(self.context.nodes, now)), "what is served passed the gate"


class QuickWorld(World):
    """The same where commits publish themselves. Instead of bad names, deletions don't pass."""

    policy = QUICK

    def do(self, step: str) -> None:
        if step == "publish":
            note_policies(self.store, {MAIN: QUICK})
        elif step == "off":
            note_policies(self.store, {})
        super().do(step)

    def look(self) -> None:
        super().look()
        with self.store.read() as reader:
            entry = next(reader.reflog(published(ORG, "main")), None)
            if entry is None or entry.old is None or entry.new is None or not reader.has(entry.old):
                return
            old, new = read_commit(reader, entry.old), read_commit(reader, entry.new)
        if not new.commit.is_tombstone:
            gone = set(records(self.context, old)) - set(records(self.context, new))
            assert len(gone) <= 1, "no version deletes more than the policy permits"


def records(context: Context, version: Revision) -> Iterator[tuple[bytes, int, bytes]]:
    for rrset in Content.of(context.nodes, version).rrsets():
        if rrset.rtype != SOA:
            yield from ((rrset.owner, rrset.rtype, rdata) for rdata in rrset.rdatas)


@pytest.fixture(autouse=True, scope="module")
def few_versions() -> Iterator[None]:
    """Of fewer versions than usual, the same is kept; and nobody sleeps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "FEWEST", 2)
        patch.setattr(collector, "sleep", lambda _: None)
        yield


@given(STEPS)
def test_the_same_where_commits_publish_themselves(steps: list[str]) -> None:
    world = QuickWorld()
    for step in steps:
        world.do(step)
        world.look()
    assert fsck(world.store).problems == []


@given(STEPS)
def test_what_is_served_passed_the_gate_and_its_serial_rises(steps: list[str]) -> None:
    world = World()
    for step in steps:
        world.do(step)
        world.look()
    assert fsck(world.store).problems == []
