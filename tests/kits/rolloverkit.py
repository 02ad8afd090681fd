"""A zone whose keys are managed, its parent, and every cache that RFC 7583 allows, in simulated time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2s
from itertools import product
from math import inf
from random import Random
from typing import Any, NamedTuple

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


def is_steady(state: State) -> bool:
    """Whether no process is under way."""
    return state.process is None


class Bogus(AssertionError):
    """A validator refuses the zone."""


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

    content: Any
    end: float = inf


@dataclass
class World:
    """The zone, its parent and all caches. `policy`'s TTLs and delay are the real ones."""

    policy: DnssecPolicy
    max_ttl: int = 2 * HOUR
    ds_ttl: int = 3 * HOUR
    seed: int = 0
    servers: int = 2
    time: int = START
    offset: int = 0
    """The error of the clock."""
    is_strict: bool = True
    """Whether validators want a signature by each algorithm of the DNSKEY RRset (RFC 4035 §2.2)."""

    slice_gap: int = 0
    """Seconds between two versions that sign another name anew."""

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.version = Version()
        self.parent: list[frozenset[bytes]] = [frozenset()] * self.servers
        self.state = first_state(APEX, self.policy, self.clock)
        self.private: dict[bytes, ManagedKey] = {}
        self.caches: dict[str, list[Cached]] = {"ds": [], "dnskey": [], **{f"name{n}": [] for n in range(NAMES)}}
        self.followed: frozenset[bytes] = frozenset()
        self.changed = self.time
        self.next_slice = self.time
        self.steps: list[tuple[str, str]] = []
        self.foreign: frozenset[bytes] = frozenset()
        """DNSKEY records that people wrote into the zone."""
        self.silent: set[int] = set()
        """Servers of the parent that don't answer."""
        self.excuses = False
        self.excused: set[tuple[Any, ...]] = set()
        self._cache("ds", frozenset({frozenset()}), self.ds_ttl)
        self._cached()

    @property
    def clock(self) -> int:
        return self.time + self.offset

    def facts(self, state: State, *, parent: bool = True) -> Facts:
        keys = published_keys(state)
        signers = set(keys.zone_signers)
        unsigned = {each for each in signers if any(each not in name for name in self.version.names)}
        return Facts(
            now=self.clock,
            published=self.version.dnskeys | self.foreign,
            foreign=self.foreign,
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
        before = state = self.state
        state, wants = next_state(state, self.facts(state), self.policy)
        if wants:
            state = with_keys(state, [self.generate(want) for want in wants])
        crash = crash or self.mishap(before, state)
        if crash == "state":
            return before
        self.state = from_json(to_json(state)) if crash else state
        if process := state.process:
            step = (process.kind.value, process.step)
            if self.steps[-1:] != [step]:
                self.steps.append(step)
        if crash != "publish":
            self.publish(state)
        if crash == "lost":
            self.state = before
        return self.state

    def mishap(self, before: State, after: State) -> str:
        """Whether a look that isn't told to crash does so: as `crash`."""
        return ""

    def generate(self, want: Wanted) -> ManagedKey:
        while True:
            made = key(want.role, self.random.getrandbits(32), want.algorithm, self.clock)
            if tag_of(made.dnskey) not in map(tag_of, self.private):
                self.private[made.dnskey] = made
                return made

    def publish(self, state: State) -> None:
        """The version that the state wants, but for names that are signed anew in a later one."""
        keys = published_keys(state)
        if self.is_frozen(state):
            return
        wanted = frozenset(keys.zone_signers)
        names = list(self.version.names)
        stale = [number for number, name in enumerate(names) if name != wanted]
        if stale and self.time >= self.next_slice:
            self.next_slice = self.time + self.slice_gap
            names[stale[0]] = wanted
        signers = frozenset(keys.dnskey_signers)
        self.version = Version(frozenset(keys.dnskeys), signers, frozenset(keys.cds), tuple(names))
        self._cached()

    def is_frozen(self, state: State) -> bool:
        """Whether nothing can be published, because nobody can sign it."""
        keys = published_keys(state)
        return bool(keys.dnskeys) and not (keys.zone_signers and keys.dnskey_signers)

    def edit(self) -> None:
        """A change to a name: all keys that sign sign it."""
        if self.is_frozen(self.state):
            return
        wanted = frozenset(published_keys(self.state).zone_signers)
        names = list(self.version.names)
        names[self.random.randrange(NAMES)] = wanted
        self.version = self.version._replace(names=tuple(names))
        self._cached()

    def delegate(self, server: int) -> None:
        """A server of the parent gets what CDS says; what the operator adds, if CDS can't be changed."""
        if self.is_frozen(self.state):
            self.set_ds(server, self.parent[server] | frozenset(published_keys(self.state).cds))
        elif self.version.cds:
            ds = frozenset() if DELETE_CDS in self.version.cds else self.version.cds
            self.set_ds(server, ds)

    def set_ds(self, server: int, ds: frozenset[bytes]) -> None:
        self.parent[server] = ds
        self._cache("ds", frozenset(self.parent), self.ds_ttl)

    def pass_time(self, seconds: int) -> None:
        self.time += seconds

    def run(self, until: Callable[[State], bool] = is_steady, *, every: int = 600, lag: int = 0) -> State:
        """Look until the state is so. Each server of the parent takes over CDS `lag` seconds later."""
        for _ in range(5000):
            state = self.look()
            if until(state):
                return state
            self.follow(lag)
            self.pass_time(every)
        raise AssertionError(f"still at {self.state.process}")

    def follow(self, lag: int) -> None:
        """The parent's servers follow CDS, each so many seconds later than the one before."""
        asked = frozenset(published_keys(self.state).cds)
        if asked != self.followed:
            self.followed, self.changed = asked, self.time
        for server in range(self.servers):
            if self.time >= self.changed + lag * (server + 1):
                self.delegate(server)

    def restore(self, version: Version) -> None:
        """An older version is served again. What validators refuse from that moment on is nobody's fault here."""
        self.version = version
        self.excuses = True
        self._cached()
        self.excuses = False

    def _cached(self) -> None:
        delay = self.policy.propagation_delay
        dnskeys = (self.version.dnskeys, self.version.dnskey_signers)
        self._cache("dnskey", frozenset({dnskeys}), self._dnskey_ttl() + delay)
        for number, signers in enumerate(self.version.names):
            self._cache(f"name{number}", frozenset({signers}), self.max_ttl + delay)

    def _dnskey_ttl(self) -> int:
        """How long caches keep what was there before: that there is none, as long as the SOA's TTL at most."""
        held = [each.content for each in self.caches["dnskey"] if each.end == inf]
        return self.policy.dnskey_ttl if held and held[0][0] else self.max_ttl

    def _cache(self, kind: str, contents: frozenset[Any], lasting: int) -> None:
        """From now on caches get one of these; what they got before stays as long as it lasts."""
        known = self.caches[kind]
        if contents == {each.content for each in known if each.end == inf}:
            return
        self.caches[kind] = known = [each for each in known if each.end >= self.time]
        for each in known:
            if each.content in contents:
                each.end = inf
            elif each.end == inf:
                each.end = self.time + lasting
        known += [Cached(each) for each in contents - {each.content for each in known}]
        self.check()

    def check(self) -> None:
        """No validator, whatever it has in its cache, finds the zone bogus."""
        for ds, (dnskeys, signers) in product(self._held("ds"), self._held("dnskey")):
            if not ds:
                continue
            entry = frozenset(dnskey for dnskey in dnskeys & signers if ds_rdata(APEX, dnskey) in ds)
            wanted = {record[2] for record in ds}
            self._assert(bool(entry), "no key that the DS names signs the DNSKEY RRset", ds, dnskeys, signers)
            if self.is_strict:
                has_all = {dnskey[3] for dnskey in entry} >= wanted
                self._assert(has_all, "an algorithm of the DS is missing", ds, dnskeys, signers)
                wanted |= {dnskey[3] for dnskey in dnskeys}
            for by in {by for number in range(NAMES) for by in self._held(f"name{number}")}:
                self._assert(bool(by & dnskeys), "no signature by a key of the DNSKEY RRset", ds, dnskeys, by)
                if self.is_strict:
                    has_all = {dnskey[3] for dnskey in by & dnskeys} >= wanted
                    self._assert(has_all, "a signature by one of the algorithms is missing", ds, dnskeys, by)

    def _held(self, kind: str) -> Iterator[Any]:
        return (each.content for each in self.caches[kind] if each.end >= self.time)

    def _assert(self, is_well: bool, what: str, *cached: frozenset[bytes]) -> None:
        if not is_well and self.excuses:
            self.excused.add((what, *cached))
        elif not is_well and (what, *cached) not in self.excused:
            tags = [sorted(tag_of(each) if len(each) < 36 else each[:3].hex() for each in some) for some in cached]
            at = f"after {(self.time - START) / DAY:.2f} days, {self.steps[-3:]}, seed {self.seed}"
            raise Bogus(f"{at}: {what}: {tags}")
