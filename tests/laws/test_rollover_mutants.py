"""Each wait of each step is there for a reason: without it, some validator finds the zone bogus."""

from collections.abc import Iterator
from itertools import product
from typing import Final

import pytest

from rolloverkit import APEX, HOUR, Bogus, World, is_steady, key
from zonegit.dnssec.policy import DAY, Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover import machine, recovery
from zonegit.dnssec.rollover.delegation import Seen
from zonegit.dnssec.rollover.machine import imported_state
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import Part, State, Ttls
from zonegit.dnssec.rollover.table import TABLES, Kind, Row, Until
from zonegit.dnssec.rollover.values import Facts, Role

TTLS: Final = ((DAY, 300, 300), (300, DAY, 300), (300, 300, DAY))
"""Of DNSKEY, of the zone, of DS."""
_NOT_FOR_VALIDATORS: Final = {(Kind.ENABLE, "ds")}
"""It says when the zone is secure; until then it is insecure, which isn't bogus."""
WAITS: Final = [
    (kind, row, until)
    for kind, rows in TABLES.items()
    for row in rows
    for until in row.until
    if (kind, row.step) not in _NOT_FOR_VALIDATORS and (kind is not Kind.LOST or row.adds)  # others: `RECOVER`
]
MUTANTS: Final = [
    (kind, row, until, what)
    for kind, row, until in WAITS
    for what in (("time",) if until is Until.DNSKEY else ("condition", "time", "both"))
]
"""What is missing: that the condition is so, the time that it has to be, or both."""
_IDS: Final = [f"{kind}-{row.step}-{until}-{what}" for kind, row, until, what in MUTANTS]
_holds, _needed = machine.holds, machine.needed


def worlds(kind: Kind) -> Iterator[World]:
    """Steady zones with that process ahead of them, each with another TTL that is long."""
    layout = KeyLayout.CSK if kind is Kind.CSK else KeyLayout.SPLIT
    for (dnskey_ttl, max_ttl, ds_ttl), (delay, gap) in product(TTLS, ((HOUR, 0), (0, 6 * HOUR))):
        policy = DnssecPolicy(keys=layout, dnskey_ttl=dnskey_ttl, propagation_delay=delay)
        world = World(policy, max_ttl, ds_ttl, slice_gap=gap)
        if kind is not Kind.ENABLE:
            world.run()
        yield world


def begin(world: World, kind: Kind) -> None:
    match kind:
        case Kind.ALGORITHM:
            world.policy = world.policy._replace(algorithm=Algorithm.ED25519)
        case Kind.LAYOUT:
            world.policy = world.policy._replace(keys=KeyLayout.CSK)
        case Kind.RECOVER:  # the state is an older one, from before a rollover of the algorithm
            world.policy = world.policy._replace(algorithm=Algorithm.ED25519)
            old = [key(role, number) for number, role in enumerate((Role.KSK, Role.ZSK))]
            world.private |= {each.dnskey: each for each in old}
            world.state, world.is_strict = imported_state(APEX, old), False
        case Kind.ENABLE:  # and once more, while caches may hold the DNSKEY records of the first time
            world.run()
            world.state = requested(world.state, Kind.DISABLE, world.policy, world.clock)
            world.run()
            world.state = requested(world.state, Kind.ENABLE, world.policy, world.clock)
        case Kind.LOST:
            for each in world.state.having(Part.KEPT):
                if each.role is Role.KSK:
                    del world.private[each.dnskey]
            world.look()
            world.state = requested(world.state, Kind.KSK, world.policy, world.clock)
        case _:
            world.state = requested(world.state, kind, world.policy, world.clock)


def live(world: World, kind: Kind, lag: int) -> None:
    """The process, and two days more."""
    begin(world, kind)
    end = None
    while end is None or world.time < end:
        state = world.look()
        if world.random.random() < 0.2:
            world.edit()
        world.is_strict = kind is not Kind.RECOVER or (kind.value, "ds") in world.steps
        if is_steady(state) and end is None:
            end = world.time + 2 * DAY
        world.follow(lag)
        world.pass_time(800)


def is_caught(kind: Kind) -> bool:
    for lag in (30 * HOUR, 0):
        for world in worlds(kind):
            try:
                live(world, kind, lag)
            except Bogus:
                return True
    return False


@pytest.mark.parametrize("kind", list(Kind))
def test_no_validator_finds_fault_with_the_table_as_it_is(kind: Kind) -> None:
    assert not is_caught(kind)


@pytest.mark.parametrize(("kind", "row", "until", "what"), MUTANTS, ids=_IDS)
def test_without_a_wait_the_zone_is_bogus(
    kind: Kind, row: Row, until: Until, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def holds(state: State, at: Row, condition: Until, facts: Facts) -> Seen:
        return Seen.YES if (at, condition) == (row, until) else _holds(state, at, condition, facts)

    def needed(at: Row, ttls: Ttls, policy: DnssecPolicy) -> int:
        others = tuple(each for each in at.until if (at, each) != (row, until))
        return _needed(at._replace(until=others), ttls, policy)

    if what != "time":
        monkeypatch.setattr(machine, "holds", holds)
        monkeypatch.setattr(recovery, "is_older", lambda *_: False)  # it would notice some of it, too
    if what != "condition":
        monkeypatch.setattr(machine, "needed", needed)
    assert is_caught(kind)
