"""Laws of UPDATEs, over sequences of them with commits by hand and merges in between.

Each does what the pseudocode of RFC 2136 §3 says (`updatemodel`), and its commit's message says what its difference
is. What is served is the tree of the tip, and the history replays to it.
"""

import re
from itertools import takewhile
from pathlib import Path
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from repokit import Clock, parsed
from updatekinds import APEX, ZONE, Maker
from updatekit import ALL, KEY, PLACE
from updatemodel import Model, RRsets, has_data_below_a_dname
from zonegit.dns.update.message import Unreadable, read_update
from zonegit.model.names import from_text, owner_text
from zonegit.model.rdata import SOA, A, with_serial
from zonegit.repo import Repository
from zonegit.repo.changes import differences
from zonegit.repo.results import Change, Revision
from zonegit.repo.updating.apply import apply_updates
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.zonefile.types import type_text

STEPS = st.lists(
    st.sampled_from(["updates", "updates", "updates", "joined", "set", "merge"]), min_size=1, max_size=12
)
JOINED = UpdatePolicy(ALL.rules, coalesce=1.0)


@given(st.integers(0, 1 << 32), STEPS)
def test_updates_and_commits_and_merges(seed: int, steps: list[str]) -> None:
    life = Life(seed)
    for step in steps:
        life.do(step)
    life.check_history()


class Life:
    """A repository whose zone is changed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.maker = Maker(seed)
        self.store = MemoryStore()
        self.repository = Repository(Path("/nowhere"), self.store, Clock())
        self.repository.import_zone(parsed(ZONE), source="zone")
        self.first = self.repository.resolve("HEAD")
        self.made = 0

    def do(self, step: str) -> None:
        match step:
            case "updates":
                self.update(self.random.randint(1, 5), ALL)
            case "joined":
                self.update(self.random.randint(2, 5), JOINED)
            case "set":
                self.set("main")
            case _:
                self.repository.create_branch("side")
                self.set("side")
                self.update(1, ALL)
                self.repository.merge("side")
                self.repository.delete_branch("side", force=True)
        assert fsck(self.store).problems == [], "the view is that of the tip"

    def set(self, branch: str) -> None:
        self.made += 1
        self.repository.set(f"s{self.made}", A, 60, [bytes([10, 0, 0, 1])], branch=branch)

    def update(self, count: int, policy: UpdatePolicy) -> None:
        model = self.model()
        messages = [self.maker.message(model.serial) for _ in range(count)]
        asked, rcodes = [], []
        for each in messages:
            try:
                asked.append(Asked(read_update(each.wire(1)), KEY, 1_767_225_600))
                rcodes.append(None)
            except Unreadable as error:
                rcodes.append(int(error.rcode))
        done = iter(apply_updates(self.repository._context, PLACE, policy, asked))
        for message, known in zip(messages, rcodes, strict=True):
            rcode, after, serial = model.update(message)
            if known is not None:
                assert (known, rcode) == (1, 1), message
                continue
            outcome = next(done)
            if outcome.rcode == 5 and has_data_below_a_dname(after):
                continue
            assert outcome.rcode == rcode, (message, outcome)
            self.check_commit(outcome, model, after, serial, joined=policy is JOINED)
        assert self.model().rrsets == model.rrsets

    def check_commit(self, outcome: Done, model: Model, after: RRsets, serial: int | None, *, joined: bool) -> None:
        if joined:
            model.rrsets = after
            model.serial = model.serial if serial is None else serial
            return
        assert (outcome.committed is not None) == (after != model.rrsets or serial is not None)
        model.rrsets = after
        if outcome.committed is not None:
            model.serial = outcome.committed.serial
            assert serial in (None, model.serial)

    def model(self) -> Model:
        """The zone as it is served."""
        tip = self.repository.resolve("HEAD")
        apex = from_text(APEX)
        rrsets = {
            (each.owner + apex, each.rtype): (each.ttl, frozenset(map(_unnumbered(each.rtype), each.rdatas)))
            for each in self.repository.rrsets()
        }
        return Model(rrsets, tip.commit.serial)

    def check_history(self) -> None:
        """The differences along first parents, replayed on the first version, come to the last one."""
        line = list(takewhile(lambda each: each.id != self.first.id, self._line()))
        state = {(each.owner, each.rtype): each.encode() for each in self.repository.rrsets(self.first.id.hex())}
        state = {key: payload for key, payload in state.items() if key[1] != SOA}
        for revision in reversed(line):
            before = self.repository.resolve(revision.commit.parents[0].hex())
            changes = list(
                differences(self.repository._context.nodes, before.commit.zone_root, revision.commit.zone_root)
            )
            for change in changes:
                if change.rtype == SOA:
                    continue
                if change.new is None:
                    del state[change.owner, change.rtype]
                else:
                    state[change.owner, change.rtype] = change.new.encode()
            if revision.commit.author.name == "tester":
                self.check_message(revision, changes)
        assert state == {
            (each.owner, each.rtype): each.encode() for each in self.repository.rrsets() if each.rtype != SOA
        }

    def _line(self) -> list[Revision]:
        found = [self.repository.resolve("HEAD")]
        while found[-1].commit.parents:
            found.append(self.repository.resolve(found[-1].commit.parents[0].hex()))
        return found

    def check_message(self, revision: Revision, changes: list[Change]) -> None:
        said = re.fullmatch(r"update: (.*?)(?: and ([0-9]+) more)?", revision.commit.subject)
        assert said
        parts = [] if said[1] == "SOA serial" else said[1].split(", ")
        words = [
            f"{'add' if each.old is None else 'delete' if each.new is None else 'change'} "
            f"{owner_text(each.owner)} {type_text(each.rtype)}"
            for each in changes
        ]
        assert parts == words[:3]
        assert int(said[2] or 0) == max(0, len(words) - 3)


def _unnumbered(rtype: int):
    return (lambda rdata: with_serial(rdata, 0)) if rtype == SOA else (lambda rdata: rdata)
