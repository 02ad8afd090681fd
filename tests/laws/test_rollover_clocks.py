"""Clocks that jump, and looks that didn't happen."""

from collections.abc import Callable

import pytest

from rolloverkit import HOUR, Bogus, World
from zonegit.dnssec.policy import DAY, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover import counting, machine
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.table import TABLES, Kind

POLICY = DnssecPolicy(keys=KeyLayout.SPLIT, dnskey_ttl=2 * HOUR, propagation_delay=0)
STEPS = [(kind, row.step) for kind in (Kind.ZSK, Kind.KSK, Kind.DISABLE) for row in TABLES[kind] if row.until]
LOOKS = 200
"""Seconds between two."""


def at_step(kind: Kind, step: str) -> World:
    """A world where that step was just entered, and its version published."""
    world = World(POLICY, 2 * HOUR, 2 * HOUR)
    world.run()
    world.state = requested(world.state, kind, POLICY, world.clock)
    world.run(lambda state: state.process is not None and state.process.step == step)
    return world


def length(kind: Kind, step: str, jump: Callable[[World, int], None]) -> int:
    """Seconds of true time that the step takes, with something happening at each look of it."""
    world = at_step(kind, step)
    began, look = world.time, 0
    while (process := world.state.process) is not None and process.step == step:
        world.follow(0)
        world.pass_time(LOOKS)
        jump(world, look)
        world.look()
        look += 1
        assert look < 1000
    return world.time - began


@pytest.mark.parametrize(("kind", "step"), STEPS)
@pytest.mark.parametrize("jump", [HOUR, DAY, 365 * DAY])
def test_one_jump_forward_leaves_the_wait_as_long_as_caches_need(kind: Kind, step: str, jump: int) -> None:
    def forward(world: World, look: int) -> None:
        world.offset += jump if look == 3 else 0

    assert length(kind, step, forward) >= 2 * HOUR


@pytest.mark.parametrize(("kind", "step"), STEPS)
@pytest.mark.parametrize("every", [1, 2, 5])
def test_clocks_that_go_back_never_shorten_a_wait(kind: Kind, step: str, every: int) -> None:
    def back(world: World, look: int) -> None:
        world.offset -= HOUR if look % every == 0 and look < 20 else 0

    assert length(kind, step, back) >= length(kind, step, lambda *_: None)


def test_a_clock_that_goes_back_and_forth_counts_as_one_that_goes_forward() -> None:
    def away(world: World, look: int) -> None:
        world.offset = {2: -30 * DAY, 3: 0}.get(look, world.offset)

    assert length(Kind.KSK, "ds", away) >= 2 * HOUR


def test_nothing_is_counted_while_nobody_looks() -> None:
    def asleep(world: World, look: int) -> None:
        world.pass_time(DAY if look == 2 else 0)

    assert length(Kind.ZSK, "publish", asleep) >= DAY + 2 * HOUR


def test_what_the_parent_had_while_nobody_looked_is_not_known() -> None:
    """It might have gone back to the old DS records: the wait for their TTL begins again."""

    def blind(world: World, look: int) -> None:
        world.silent = {1} if 8 <= look < 40 else set()

    times = [length(Kind.KSK, "ds", blind), length(Kind.KSK, "ds", lambda *_: None)]
    assert times[0] >= times[1] + 35 * LOOKS


@pytest.mark.parametrize(("limit", "value"), [("MARGIN", 0), ("LOOK", 10 * DAY)])
def test_the_limits_are_needed(limit: str, value: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, limit, value)
    if hasattr(machine, limit):
        monkeypatch.setattr(machine, limit, value)
    with pytest.raises((AssertionError, Bogus)):
        test_one_jump_forward_leaves_the_wait_as_long_as_caches_need(Kind.ZSK, "publish", DAY)
