"""Primaries that never finish, for many zones: they hold up no zone of another primary."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from incomingkit import ONE
from refreshkit import Node
from virtualkit import run_virtual
from zonegit.daemon.refresh_turns import LONG, MOST_LONG, ROUNDS, SAME, Turns
from zonegit.ops.config import Config, ZoneConfig


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "repo")
    yield made
    made.store.close()


def from_each(node: Node, zones: int) -> Config:
    """So many zones from each primary, which has no others."""
    found = {
        f"z{number}.{primary.address.host}.example.": ZoneConfig(primaries=(primary,))
        for primary in node.exchange.primaries
        for number in range(zones)
    }
    return replace(node.config(), zones=found)


@pytest.mark.parametrize("bad", [1, 4])
def test_primaries_that_never_finish_hold_up_no_zone_of_another(node: Node, bad: int) -> None:
    for number in range(bad):
        node.exchange.add(f"192.0.2.{number}", ONE).seconds = 3600.0
    node.exchange.add("198.51.100.1", ONE)

    async def main() -> None:
        async with node.running(from_each(node, 50)):
            await asyncio.sleep(LONG * bad + 1)
            for number in range(50):
                assert node.serial(f"z{number}.198.51.100.1.example.") == 1
            assert node.exchange.open <= SAME * bad

    run_virtual(main())


def test_there_are_never_more_than_the_most() -> None:
    now = [0.0]
    turns: Turns[int] = Turns(lambda: now[0])
    for number in range(1000):
        turns.wait(number, number)
    begun = []
    for _ in range(50):
        while (found := turns.next()) is not None:
            begun.append(found)
        now[0] += LONG
    assert [zone for zone, _ in begun] == list(range(ROUNDS + MOST_LONG))
    assert (turns.running, turns.waiting) == (256, 744)
    turns.pause(begun[0][1])
    assert turns.next() is not None
    assert turns.next() is None


def test_zones_of_different_primaries_take_turns() -> None:
    turns: Turns[str] = Turns(lambda: 0.0)
    for number in range(40):
        turns.wait(f"a{number}", "a")
    turns.wait("b", "b")
    order = []
    while (found := turns.next()) is not None:
        order.append(found[0])
    assert order == ["a0", "b", *(f"a{number}" for number in range(1, SAME))]
