"""A zone whose keys are managed, its parent, and every cache that RFC 7583 allows, in simulated time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2s
from itertools import product
from random import Random
from typing import NamedTuple

from zonegit.dnssec.policy import DAY, Algorithm, DnssecPolicy
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.rollover.delegation import DELETE_CDS, ds_rdata
from zonegit.dnssec.rollover.machine import first_state, next_state, published_keys, with_keys
from zonegit.dnssec.rollover.state import State, Wanted, from_json, to_json
from zonegit.dnssec.rollover.values import Facts, ManagedKey, Parent, ParentAnswer, Role
from zonegit.model.names import from_text

APEX = from_text("example.org.")
START = 1_800_000_000
NAMES = 3
HOUR = 3600


def key(role: Role, number: int, algorithm: Algorithm = Algorithm.ED25519, created: int = START) -> ManagedKey:
    """A key that nobody has the private part of."""
    flags = 256 if role is Role.ZSK else 257
    head = flags.to_bytes(2, "big") + bytes((3, algorithm))
    return ManagedKey(head + blake2s(number.to_bytes(4, "big"), digest_size=8).digest(), role, created)


class Version(NamedTuple):
    """What the zone serves."""

    dnskeys: frozenset[bytes] = frozenset()
    dnskey_signers: frozenset[bytes] = frozenset()
    cds: frozenset[bytes] = frozenset()
    names: tuple[frozenset[bytes], ...] = (frozenset(),) * NAMES
    """Who signs each of its names."""


@dataclass
class Cached:
    """Something that caches may hold: since when, and until when, in true time."""

    content: object
    end: float = float("inf")


@dataclass
class World:
    """The zone, its parent and all caches. `policy`'s TTLs and delay are the real ones."""

    policy: DnssecPolicy
    max_ttl: int = 2 * HOUR
    ds_ttl: int = 3 * HOUR
    random: Random = field(default_factory=lambda: Random(0))
    servers: int = 2
    time: int = START
    offset: int = 0
    """The error of the clock."""
    is_strict: bool = True
    """Whether validators want a signature by each algorithm of the DNSKEY RRset (RFC 4035 §2.2)."""

    def __post_init__(self) -> None:
        self.version = Version()
        self.parent: list[frozenset[bytes]] = [frozenset()] * self.servers
        self.stored = to_json(first_state(APEX, self.policy, self.clock))
        self.private: dict[bytes, ManagedKey] = {}
        self.caches: dict[str, list[Cached]] = {"ds": [], "dnskey": [], **{f"name{n}": [] for n in range(NAMES)}}
        self.steps: list[tuple[str, str]] = []
        self.silent: set[int] = set()
        """Servers of the parent that don't answer."""
        self._cache("ds", frozenset(), self.ds_ttl)
        self._cached()

    @property
    def clock(self) -> int:
        return self.time + self.offset

    @property
    def state(self) -> State:
        return from_json(self.stored)

    def facts(self, state: State, *, parent: bool = True) -> Facts:
        keys = published_keys(state)
        signers = set(keys.zone_signers)
        unsigned = {each for each in signers if any(each not in name for name in self.version.names)}
        return Facts(
            now=self.clock,
            published=self.version.dnskeys,
            published_cds=self.version.cds,
            unsigned_by=frozenset(unsigned),
            signed_by=frozenset().union(*self.version.names),
            max_ttl=self.max_ttl,
            parent=self.ask() if parent else None,
            keys=frozenset(self.private),
        )

    def ask(self) -> Parent:
        answers = [
            ParentAnswer(f"ns{number}", None, error="timed out")
            if number in self.silent
            else ParentAnswer(f"ns{number}", ds, self.ds_ttl if ds else 0)
            for number, ds in enumerate(self.parent)
        ]
        return Parent(self.clock, tuple(answers))

    def look(self, crash: str = "") -> State:
        """One look of the publisher. `crash`: `state` (nothing is stored), `publish` (nothing is published), or
        `lost` (the stored state is lost once it is published)."""
        before = self.stored
        state = self.state
        state, wants = next_state(state, self.facts(state), self.policy)
        if wants:
            state = with_keys(state, [self.generate(want) for want in wants])
        if crash == "state":
            return self.state
        self.stored = to_json(state)
        if process := state.process:
            step = (process.kind.value, process.step)
            if self.steps[-1:] != [step]:
                self.steps.append(step)
        if crash != "publish":
            self.publish(state)
        if crash == "lost":
            self.stored = before
        return self.state

    def generate(self, want: Wanted) -> ManagedKey:
        while True:
            made = key(want.role, self.random.getrandbits(32), want.algorithm, self.clock)
            if tag_of(made.dnskey) not in map(tag_of, self.private):
                self.private[made.dnskey] = made
                return made

    def publish(self, state: State) -> None:
        """The version that the state wants, but for names that are signed anew in a later one."""
        keys = published_keys(state)
        wanted = frozenset(keys.zone_signers)
        names = list(self.version.names)
        stale = [number for number, name in enumerate(names) if name != wanted]
        if stale:
            names[stale[0]] = wanted
        signers = frozenset(keys.dnskey_signers)
        self.version = Version(frozenset(keys.dnskeys), signers, frozenset(keys.cds), tuple(names))
        self._cached()

    def edit(self) -> None:
        """A change to a name: all keys that sign sign it."""
        wanted = frozenset(published_keys(self.state).zone_signers)
        names = list(self.version.names)
        names[self.random.randrange(NAMES)] = wanted
        self.version = self.version._replace(names=tuple(names))
        self._cached()

    def delegate(self, server: int) -> None:
        """A server of the parent gets what CDS says."""
        if self.version.cds:
            ds = frozenset() if DELETE_CDS in self.version.cds else self.version.cds
            self.set_ds(server, ds)

    def set_ds(self, server: int, ds: frozenset[bytes]) -> None:
        self.parent[server] = ds
        self._cache("ds", *(frozenset(self.parent),), self.ds_ttl)

    def pass_time(self, seconds: int) -> None:
        self.time += seconds

    def run(self, until: Callable[[State], bool], *, every: int = 600, most: int = 5000) -> State:
        """Look until the state is so; the parent takes over CDS at once, and at all servers."""
        for _ in range(most):
            state = self.look()
            if until(state):
                return state
            for server in range(self.servers):
                self.delegate(server)
            self.pass_time(every)
        raise AssertionError(f"still at {self.state.process}")

    def _cached(self) -> None:
        delay = self.policy.propagation_delay
        dnskeys = (self.version.dnskeys, self.version.dnskey_signers)
        self._cache("dnskey", dnskeys, self.policy.dnskey_ttl + delay)
        for number, signers in enumerate(self.version.names):
            self._cache(f"name{number}", signers, self.max_ttl + delay)

    def _cache(self, kind: str, content: object, lasting: int) -> None:
        """From now on caches get this; what they got before stays as long as it lasts."""
        self.caches[kind] = [each for each in self.caches[kind] if each.end >= self.time]
        contents = content if kind == "ds" and isinstance(content, frozenset) else frozenset({content})
        for each in self.caches[kind]:
            if each.content in contents:
                each.end = float("inf")
            elif each.end == float("inf"):
                each.end = self.time + lasting
        present = {each.content for each in self.caches[kind]}
        self.caches[kind] += [Cached(each) for each in contents if each not in present]
        self.check()

    def check(self) -> None:
        """No validator, whatever it has in its cache, finds the zone bogus."""
        if not self.caches["dnskey"]:
            return
        for ds, (dnskeys, signers) in product(self._held("ds"), self._held("dnskey")):
            if not ds:
                continue
            algorithms = {record[2] for record in ds}
            entry = {dnskey for dnskey in dnskeys & signers if ds_rdata(APEX, dnskey) in ds}
            assert entry, f"{self._at()}: no DNSKEY that the DS names signs the DNSKEY RRset"
            if self.is_strict:
                assert {dnskey[3] for dnskey in entry} >= algorithms, (
                    f"{self._at()}: an algorithm of the DS is missing"
                )
                algorithms |= {dnskey[3] for dnskey in dnskeys}
            for number in range(NAMES):
                for by in self._held(f"name{number}"):
                    assert by & dnskeys, (
                        f"{self._at()}: name {number} has no signature by a key of the DNSKEY RRset"
                    )
                    if self.is_strict:
                        missing = algorithms - {dnskey[3] for dnskey in by & dnskeys}
                        assert not missing, f"{self._at()}: name {number} has no signature by {missing}"

    def _held(self, kind: str) -> Iterator:  # type: ignore[type-arg]
        return (each.content for each in self.caches[kind])

    def _at(self) -> str:
        return f"after {(self.time - START) / DAY:.2f} days, {self.steps[-3:]}"
