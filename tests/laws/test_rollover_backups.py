"""The key state, or the repository, is restored from a backup."""

from itertools import pairwise

import pytest

from rolloverkit import HOUR, World
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import State, from_json, to_json
from zonegit.dnssec.rollover.table import Kind

POLICIES = [
    (Kind.ZSK, KeyLayout.SPLIT),
    (Kind.KSK, KeyLayout.SPLIT),
    (Kind.CSK, KeyLayout.CSK),
    (Kind.ALGORITHM, KeyLayout.CSK),
    (Kind.ALGORITHM, KeyLayout.SPLIT),
]
EACH = pytest.mark.parametrize(("kind", "layout"), POLICIES)


def begun(kind: Kind, layout: KeyLayout, *, is_strict: bool) -> World:
    world = World(DnssecPolicy(keys=layout, dnskey_ttl=HOUR), 2 * HOUR, 3 * HOUR, is_strict=is_strict)
    world.run()
    if kind is Kind.ALGORITHM:
        world.policy = world.policy._replace(algorithm=Algorithm.ED25519)
    else:
        world.state = requested(world.state, kind, world.policy, world.clock)
    return world


def moments(kind: Kind, layout: KeyLayout) -> list[int]:
    """The looks at which a process takes a step, the last one and some after it included."""
    world = begun(kind, layout, is_strict=True)
    found, look = [0], 0
    while not found[1:] or world.state.process is not None:
        before = world.state.process
        after = world.look().process
        if (before and before.step) != (after and after.step):
            found += [look, look + 3]
        world.follow(0)
        world.pass_time(600)
        look += 1
    return found


def played(kind: Kind, layout: KeyLayout, looks: int) -> tuple[World, list[State]]:
    """The world after so many looks, and the states that it had."""
    world = begun(kind, layout, is_strict=False)
    states = [world.state]
    for _ in range(looks):
        states.append(world.look())
        world.edit()
        world.follow(0)
        world.pass_time(600)
    return world, states


@EACH
def test_an_older_key_state_makes_nothing_bogus_while_the_keys_are_there(kind: Kind, layout: KeyLayout) -> None:
    """Any earlier state, at any later moment: only `is_strict` validators, of which there are none, may notice."""
    times = moments(kind, layout)
    for late in times[1:]:
        for early in (time for time in times if time < late):
            world, states = played(kind, layout, late)
            world.state = from_json(to_json(states[early]))
            world.run()
            assert world.state.process is None
            assert world.version.dnskeys == world.state.dnskeys
            assert set(world.parent) == {world.version.cds}


@EACH
def test_an_older_version_makes_nothing_else_bogus(kind: Kind, layout: KeyLayout) -> None:
    """What validators refuse because of the older version itself doesn't count; nothing is added to that."""
    times = moments(kind, layout)
    for late in times[1:]:
        world, _ = played(kind, layout, late)
        versions = [played(kind, layout, early)[0].version for early in times if early < late]
        for version in dict.fromkeys(versions):
            world, _ = played(kind, layout, late)
            world.restore(version)
            world.run()
            assert world.version.dnskeys == world.state.dnskeys


def test_a_lost_state_file_is_replaced_by_new_keys() -> None:
    """As after `first_state` for a zone that is signed: the published keys stay until new ones have taken over."""
    world, states = played(Kind.ZSK, KeyLayout.SPLIT, 0)
    old = world.version.dnskeys
    world.state = World(world.policy).state
    world.run()
    assert not world.version.dnskeys & old
    assert len({state.dnskeys for state in states}) == 1
    assert all(before < after for before, after in pairwise([0, len(world.parent)]))
