"""What operators ask for, and why it is refused."""

import pytest

from rolloverkit import APEX, START, World
from zonegit.dnssec.policy import Algorithm, DnssecPolicy, KeyLayout
from zonegit.dnssec.rollover.machine import first_state
from zonegit.dnssec.rollover.requests import requested
from zonegit.dnssec.rollover.state import State
from zonegit.dnssec.rollover.table import Kind
from zonegit.errors import DnssecError

POLICY = DnssecPolicy()
SPLIT = DnssecPolicy(keys=KeyLayout.SPLIT)


def steady(policy: DnssecPolicy) -> World:
    world = World(policy)
    world.run(lambda state: state.process is None)
    return world


def kind_of(state: State) -> Kind | None:
    return state.process.kind if state.process is not None else None


@pytest.mark.parametrize("kind", [Kind.KSK, Kind.ZSK])
def test_a_zone_with_a_csk_rolls_the_csk(kind: Kind) -> None:
    assert kind_of(requested(steady(POLICY).state, kind, POLICY, START)) is Kind.CSK


@pytest.mark.parametrize("kind", [Kind.KSK, Kind.ZSK])
def test_a_zone_with_two_keys_rolls_the_one_that_is_meant(kind: Kind) -> None:
    assert kind_of(requested(steady(SPLIT).state, kind, SPLIT, START)) is kind


def test_a_request_is_refused_while_another_process_is_under_way() -> None:
    state = requested(steady(SPLIT).state, Kind.KSK, SPLIT, START)
    for kind in (Kind.ZSK, Kind.DISABLE, Kind.ALGORITHM):
        with pytest.raises(DnssecError, match="the rollover of the KSK is under way, at step publish: wait for it"):
            requested(state, kind, SPLIT, START)


def test_a_request_that_is_repeated_changes_nothing() -> None:
    state = requested(steady(SPLIT).state, Kind.KSK, SPLIT, START)
    assert requested(state, Kind.KSK, SPLIT, START + 5) == state


def test_an_algorithm_rollover_needs_a_change_of_the_policy() -> None:
    state = steady(POLICY).state
    with pytest.raises(DnssecError, match=r"as the policy says \(csk of ecdsap256sha256\): set another algorithm"):
        requested(state, Kind.ALGORITHM, POLICY, START)
    changed = POLICY._replace(algorithm=Algorithm.ED25519)
    assert kind_of(requested(state, Kind.ALGORITHM, changed, START)) is Kind.ALGORITHM


def test_nothing_can_be_asked_of_a_zone_that_is_not_signed() -> None:
    for kind in (Kind.KSK, Kind.ALGORITHM, Kind.DISABLE):
        with pytest.raises(DnssecError, match=r"^example\.org\. isn't signed"):
            requested(State(APEX), kind, POLICY, START)


def test_signing_can_be_ended_before_the_parent_knows_of_it() -> None:
    assert requested(first_state(APEX, POLICY, START), Kind.DISABLE, POLICY, START).is_disabled
    world = World(POLICY)
    world.look()
    assert kind_of(requested(world.state, Kind.DISABLE, POLICY, START)) is Kind.DISABLE


def test_a_zone_that_waits_for_its_ds_can_roll() -> None:
    world = World(SPLIT)
    world.parent = []
    world.servers = 0
    state = world.run(lambda state: state.process is not None and state.process.step == "ds")
    assert kind_of(requested(state, Kind.ZSK, SPLIT, START)) is Kind.ZSK


def test_an_ended_zone_is_signed_again_on_request_only() -> None:
    world = steady(POLICY)
    world.state = requested(world.state, Kind.DISABLE, POLICY, START)
    world.run(lambda state: state.is_disabled)
    assert world.version.dnskeys == frozenset()
    for _ in range(3):
        assert world.look().is_disabled
    world.state = requested(world.state, Kind.ENABLE, POLICY, world.clock)
    assert world.run(lambda state: state.process is None).keys


def test_the_end_of_signing_can_be_taken_back_until_the_signatures_go() -> None:
    world = steady(POLICY)
    keys = world.state.dnskeys
    world.state = requested(world.state, Kind.DISABLE, POLICY, START)
    world.look()
    world.delegate(0)
    world.state = requested(world.state, Kind.ENABLE, POLICY, START)
    assert world.run(lambda state: state.process is None).dnskeys == keys
    world.state = requested(world.state, Kind.DISABLE, POLICY, START)
    state = world.run(lambda state: state.process is not None and state.process.step == "unsign")
    with pytest.raises(DnssecError, match="the signatures are being removed: wait"):
        requested(state, Kind.ENABLE, POLICY, START)
