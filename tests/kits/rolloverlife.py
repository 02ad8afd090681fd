"""Years of a zone: renewals, rollovers, changes of policy, crashes, clocks that jump, and a parent with moods."""

from typing import Final

from rolloverkit import HOUR, START, World
from zonegit.dnssec.policy import DAY, Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.delegation import DELETE_CDS
from zonegit.dnssec.rollover.machine import needed
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import State
from zonegit.dnssec.rollover.table import Kind, Until
from zonegit.dnssec.rollover.uses import row_of

TTLS: Final = (300, 2 * HOUR, DAY)
_ALGORITHMS: Final = (Algorithm.ECDSAP256SHA256, Algorithm.ED25519)
_YEAR: Final = 365 * DAY
_APART: Final = 10 * DAY
"""Between two jumps forward of the clock: longer than any wait."""


class Life(World):
    """A world in which things happen, chosen by the seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(DnssecPolicy(), seed=seed)
        draw = self.random
        self.policy = DnssecPolicy(
            algorithm=draw.choice(_ALGORITHMS),
            keys=draw.choice(list(KeyLayout)),
            zsk_lifetime=draw.choice([None, 90 * DAY]),
            dnskey_ttl=draw.choice(TTLS),
            propagation_delay=draw.choice([0, HOUR]),
        )
        self.max_ttl, self.ds_ttl = draw.choice(TTLS), draw.choice(TTLS)
        self.servers, self.slice_gap = draw.choice([1, 2, 3]), draw.choice([0, HOUR])
        self.__post_init__()
        self.due: dict[int, int] = {}
        """When each server of the parent follows CDS."""
        self.flaps: dict[int, list[tuple[int, frozenset[bytes]]]] = {}
        """By server: when it gets other DS records, and which."""
        self.step: object = None
        """During which they do that."""
        self.jumped = START
        self.finished: list[Kind] = []

    def live(self, days: int) -> None:
        end = self.time + days * DAY
        while self.time < end:
            before = self.state
            state = self.look()
            if before.process is not None and state.process is None:
                self.finished.append(before.process.kind)
            self._jump()
            self._answer(state)
            if state.process is None:
                self._decide(state)
            else:
                self.pass_time(self._pause())
            if self.random.random() < 0.1:
                self.edit()

    def mishap(self, before: State, after: State) -> str:
        """How this look ends early, if it does: often where a step begins."""
        is_new = (before.process and before.process.step) != (after.process and after.process.step)
        is_hit = self.random.random() < (0.2 if is_new else 0.01)
        return self.random.choice(["state", "publish", "lost"]) if is_hit else ""

    def _pause(self) -> int:
        if self.random.random() < 0.01:
            return self.random.choice([2 * HOUR, DAY, 3 * DAY])
        return self.random.randint(60, 900)

    def _decide(self, state: State) -> None:
        """After some days: nothing, a request, or another policy."""
        if any(name != self.version.names[0] for name in self.version.names):
            self.pass_time(self._pause())  # signatures of the last process are still being removed
            return
        self.pass_time(self.random.randint(HOUR, 20 * DAY))
        what = self.random.choice([*Kind, None])
        if what is Kind.ALGORITHM:
            algorithm, keys = self.random.choice(_ALGORITHMS), self.random.choice(list(KeyLayout))
            self.policy = self.policy._replace(algorithm=algorithm, keys=keys)
        elif what in (Kind.ZSK, Kind.KSK) or state.is_disabled or (what is Kind.DISABLE and self._is_rare()):
            kind = Kind.ENABLE if state.is_disabled else what
            self.state = requested(state, kind, self.policy, self.clock)

    def _is_rare(self) -> bool:
        return self.random.random() < 0.3

    def _jump(self) -> None:
        """The clock goes back at any time; or forward, but once in a wait."""
        chance = self.random.random()
        if chance < 0.005:
            self.offset -= self.random.choice([HOUR, DAY, 30 * DAY])
        elif chance < 0.02 and self.time - self.jumped > _APART:
            self.offset += self.random.choice([HOUR, DAY, _YEAR])
            self.jumped = self.time

    def _answer(self, state: State) -> None:
        """The parent's servers follow CDS late and one by one, don't answer for a while, or go back once more."""
        for server in range(self.servers):
            if not self._differs(server):
                self.due.pop(server, None)
                continue
            due = self.due.setdefault(server, self.time + self.random.choice([0, HOUR, 2 * DAY]))
            if due <= self.time:
                before = self.parent[server]
                self.delegate(server)
                if self._may_flap(state):
                    self.flaps[server] = [(self.time + HOUR, before), (self.time + 4 * HOUR, self.parent[server])]
        if (step := state.process and (state.process.began, state.process.step)) != self.step:
            self.flaps, self.step = {}, step
        for server, changes in list(self.flaps.items()):
            if changes and changes[0][0] <= self.time:
                self.set_ds(server, changes.pop(0)[1])
            if not changes:
                del self.flaps[server]
        if self.random.random() < (0.05 if self.silent else 0.002):
            self.silent = set() if self.silent else {self.random.randrange(self.servers)}

    def _differs(self, server: int) -> bool:
        wanted = frozenset() if DELETE_CDS in self.version.cds else self.version.cds
        return bool(self.version.cds) and self.parent[server] != wanted and server not in self.flaps

    def _may_flap(self, state: State) -> bool:
        """Whether a server may have the new records for an hour, then the old ones again for three."""
        row = row_of(state)
        is_long = row is not None and Until.PARENT in row.until and needed(row, state.ttls, self.policy) > 3 * HOUR
        return is_long and self.random.random() < 0.3
