"""No validator finds a zone bogus at any step of any process, whatever RFC 7583 allows its cache to hold."""

import os

import pytest

from rolloverkit import World, key
from rolloverlife import Life
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.table import TABLES, Kind
from zonegit.dnssec.rollover.values import Role

LIVES = 200 if os.environ.get("ZONEGIT_DNSSEC") == "all" else 4
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


@BOTH
@pytest.mark.parametrize("kind", [Kind.ZSK, Kind.KSK, Kind.ALGORITHM])
def test_dnskey_records_of_the_zone_itself_stay_and_stop_nothing(layout: KeyLayout, kind: Kind) -> None:
    """Those of another signer (RFC 8901), and a copy of a key that goes."""
    world = World(DnssecPolicy(keys=layout))
    world.foreign = frozenset({key(Role.KSK, 7).dnskey})
    world.foreign |= world.run().dnskeys
    if kind is Kind.ALGORITHM:
        world.policy = world.policy._replace(algorithm=Algorithm.ED25519)
        world.look()
    else:
        world.state = requested(world.state, kind, world.policy, world.clock)
    world.run()
    assert ("recover", "publish") not in world.steps
    assert not world.foreign & world.version.dnskeys or layout is KeyLayout.SPLIT


@pytest.mark.parametrize("seed", range(LIVES))
def test_three_years(seed: int) -> None:
    """Crashes, clocks that jump, changes of policy, and a parent that is late, silent or goes back."""
    life = Life(seed)
    life.live(3 * 365)
    assert len(life.finished) > 10
