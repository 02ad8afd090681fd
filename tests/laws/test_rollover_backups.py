"""The key state, or the repository, is restored from a backup."""

from copy import deepcopy
from itertools import combinations

import pytest

from rolloverkit import APEX, HOUR, World
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.machine import first_state, imported_state
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import Part, from_json, to_json
from zonegit.dnssec.rollover.table import Kind
from zonegit.dnssec.rollover.values import Role

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
    """The looks after which something is different, the last one and some more included."""
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


def played(kind: Kind, layout: KeyLayout) -> list[World]:
    """The world as it is at each of these moments."""
    world = begun(kind, layout, is_strict=False)
    times = moments(kind, layout)
    found = {0: deepcopy(world)}
    for look in range(1, times[-1] + 1):
        world.look()
        world.edit()
        world.follow(0)
        world.pass_time(600)
        if look in times:
            found[look] = deepcopy(world)
    return list(found.values())


@EACH
def test_an_older_key_state_makes_nothing_bogus_while_the_keys_are_there(kind: Kind, layout: KeyLayout) -> None:
    """Any earlier state, at any later moment: only `is_strict` validators, of which there are none, may notice."""
    for early, late in combinations(played(kind, layout), 2):
        world = deepcopy(late)
        world.state = from_json(to_json(early.state))
        world.run()
        assert world.version.dnskeys == world.state.dnskeys
        assert set(world.parent) == {world.version.cds}


@EACH
def test_an_older_version_makes_nothing_else_bogus(kind: Kind, layout: KeyLayout) -> None:
    """What validators refuse because of the older version itself doesn't count; nothing is added to that."""
    for early, late in combinations(played(kind, layout), 2):
        if early.version == late.version:
            continue
        world = deepcopy(late)
        world.restore(early.version)
        world.run()
        assert world.version.dnskeys == world.state.dnskeys


def test_an_older_version_whose_ksk_is_lost_is_replaced_at_once() -> None:
    """The parent doesn't know that key any more: validators refuse the version as long as it is served."""
    first, *_, last = played(Kind.KSK, KeyLayout.SPLIT)
    for dnskey in set(last.private) - last.state.dnskeys:
        del last.private[dnskey]
    last.restore(first.version)
    last.look()
    assert last.version.dnskeys >= {key.dnskey for key in last.state.having(Part.NEW)}
    last.run()


def test_a_lost_zsk_is_replaced_by_one_that_signs_at_once() -> None:
    world, *_ = played(Kind.KSK, KeyLayout.SPLIT)
    world.state = imported_state(APEX, world.state.having(Part.KEPT, Part.OLD))
    zsk = next(held.key for held in world.state.keys if held.key.role is Role.ZSK)
    del world.private[zsk.dnskey]
    world.look()
    assert world.is_frozen(world.state)
    world.state = requested(world.state, Kind.ZSK, world.policy, world.clock)
    world.excuses = True
    assert not world.is_frozen(world.look())
    world.run()
    assert zsk.dnskey not in world.version.dnskeys


def test_a_lost_state_file_is_replaced_by_new_keys() -> None:
    """As after `first_state` for a zone that is signed: the published keys stay until new ones have taken over."""
    world, *_ = played(Kind.ZSK, KeyLayout.SPLIT)
    old = world.version.dnskeys
    world.state = first_state(APEX, world.policy, world.clock)
    world.run()
    assert not world.version.dnskeys & old
