"""No validator finds a zone bogus at any step of any process, whatever RFC 7583 allows its cache to hold."""

import os

import pytest

from rolloverkit import World
from rolloverlife import Life
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.table import TABLES, Kind

BOTH = pytest.mark.parametrize("layout", list(KeyLayout))


@BOTH
def test_a_life_in_order(layout: KeyLayout) -> None:
    """The world checks all caches after each publication and each change at the parent."""
    world = World(DnssecPolicy(keys=layout))
    world.run(lambda state: state.process is None)
    for kind in (Kind.ZSK, Kind.KSK):
        world.state = requested(world.state, kind, world.policy, world.clock)
        world.run(lambda state: state.process is None)
    world.policy = world.policy._replace(algorithm=Algorithm.ED25519)
    world.look()
    world.run(lambda state: state.process is None)
    world.state = requested(world.state, Kind.DISABLE, world.policy, world.clock)
    world.run(lambda state: state.is_disabled)
    rolled = (Kind.ZSK, Kind.KSK) if layout is KeyLayout.SPLIT else (Kind.CSK, Kind.CSK)
    kinds = (Kind.ENABLE, *rolled, Kind.ALGORITHM, Kind.DISABLE)
    assert world.steps == [(kind.value, row.step) for kind in kinds for row in TABLES[kind]]


@pytest.mark.parametrize("seed", range(int(os.environ.get("ZONEGIT_ROLLOVER_LIVES", "6"))))
def test_three_years(seed: int) -> None:
    """Crashes, clocks that jump, changes of policy, and a parent that is late, silent or goes back."""
    life = Life(seed)
    life.live(3 * 365)
    assert len(life.finished) > 10
