"""Transferred zones through restarts, reloads, requests and crashes. Primaries are in memory; the clock jumps."""

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from incomingkit import EXPIRE, ONE, REFRESH, THREE, TWO
from refreshkit import ZONE, Node, address, notice
from virtualkit import run_virtual
from zonegit.errors import Refused
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.incoming.state import Asked, ask_for_transfer

HOUR = 3600


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "repo")
    yield made
    made.store.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


def test_a_restart_continues_where_it_was(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(100)
        node.exchange.asked.clear()
        async with node.running():
            await asyncio.sleep(REFRESH - 200)
            assert not node.exchange.asked, "it isn't due yet"
            await asyncio.sleep(200)
            assert node.exchange.kinds() == ["soa"]
            primary.down = True
        await asyncio.sleep(EXPIRE + 10)
        async with node.running():
            await asyncio.sleep(2)
            assert node.expired == {ZONE}

    run(main())


def test_a_serial_that_goes_back_is_kept_out_until_it_is_asked_for(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", THREE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
            primary.versions = [ONE]
            await asyncio.sleep(REFRESH)
            assert node.serial() == 3
            error = node.states[ZONE].error
            assert "serial 1, which isn't ahead of 3 here" in error
            assert f"'zonegit transfer --any-serial {ZONE}'" in error
            ask_for_transfer(node.store, ZONE, Asked.WHOLE)
            await asyncio.sleep(2)
            assert node.serial() == 1
            assert node.states[ZONE].failing_since is None

    run(main())


def test_an_operator_may_have_the_primaries_asked_now(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
            primary.versions.append(TWO)
            ask_for_transfer(node.store, ZONE, Asked.CHECK)
            await asyncio.sleep(1)
            assert node.serial() == 2
            assert node.exchange.kinds() == ["axfr", "soa", "ixfr"]

    run(main())


def test_thousands_of_zones_begin_without_a_storm(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE)
    zones = [f"z{number}.example." for number in range(400)]

    async def main() -> None:
        async with node.running(node.config(*zones)):
            await asyncio.sleep(30)
            assert node.exchange.most_open <= 32
            assert len(node.states) == 400
            assert all(state.serial == 1 for state in node.states.values())
        await asyncio.sleep(HOUR)
        node.exchange.asked.clear()
        began = asyncio.get_running_loop().time()
        async with node.running(node.config(*zones)):
            await asyncio.sleep(60)
            times = [when - began for when in node.exchange.times()]
            assert len(times) == 400
            assert sum(when < 1 for when in times) < 150
            assert max(times) < 6

    run(main())


def test_reloads_change_zones_and_primaries(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE)
    second = node.exchange.add("192.0.2.2", ONE, TWO)
    first_only, second_only = node.exchange.primaries

    async def main() -> None:
        both = node.config()
        settings = both.zones[ZONE]
        one = type(both)(node.path, zones={ZONE: settings._replace(primaries=(first_only,))})
        two = type(both)(node.path, zones={ZONE: settings._replace(primaries=(second_only,))})
        async with node.running(one) as schedule:
            await asyncio.sleep(10)
            assert node.serial() == 1
            schedule.configure(two)
            await asyncio.sleep(10)
            assert node.serial() == 2
            assert node.states[ZONE].primaries == ("192.0.2.2:53",)
            schedule.configure(type(both)(node.path))
            await asyncio.sleep(10)
            assert node.states == {}
            second.versions.append(THREE)
            await asyncio.sleep(HOUR)
            assert node.serial() == 2
        with Repository.open(node.path) as repository:
            repository.set("www", A, 60, [bytes(4)], zone=ZONE)
        assert node.serial() == 3

    run(main())


def test_the_branch_is_closed_to_others_from_the_start(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
        with Repository.open(node.path) as repository, pytest.raises(Refused, match="is transferred from 192"):
            repository.set("www", A, 60, [bytes(4)], zone=ZONE)

    run(main())


def test_a_crash_between_transfer_and_commit_loses_nothing(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
        primary.versions.append(TWO)
        primary.seconds = 0.5
        async with node.running() as schedule:
            schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(0.4)
        assert node.serial() == 1
        async with node.running() as schedule:
            schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(1)
        assert node.serial() == 2
        assert node.states[ZONE].serial == 2

    run(main())
