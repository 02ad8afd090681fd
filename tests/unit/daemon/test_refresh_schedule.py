"""When zones are transferred: timers, NOTIFY, failures, restarts. Primaries are in memory, and the clock jumps."""

import asyncio
from collections.abc import Coroutine, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from incomingkit import EXPIRE, ONE, REFRESH, RETRY, THREE, TWO, text_of
from refreshkit import START, ZONE, Node, address, notice
from virtualkit import run_virtual

HOUR = 3600


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path / "repo")
    yield made
    made.store.close()


def run(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


def test_a_new_zone_is_transferred_at_once_and_then_refreshed(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
            assert node.serial() == 1
            assert node.exchange.kinds() == ["axfr"]
            await asyncio.sleep(REFRESH)
            assert node.exchange.kinds() == ["axfr", "soa"]
            primary.versions += [TWO, THREE]
            await asyncio.sleep(REFRESH)
            assert node.exchange.kinds() == ["axfr", "soa", "soa", "ixfr"]
            assert node.serial() == 3

    run(main())
    assert node.counts.values["transfers_total", "axfr", "in", "ok"] == 1
    assert node.counts.values["transfers_total", "ixfr", "in", "ok"] == 1


def test_notify_brings_a_change_at_once(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            primary.versions.append(TWO)
            schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(0.1)
            assert node.serial() == 2
            assert node.exchange.kinds() == ["axfr", "ixfr"]

    run(main())


def test_a_storm_of_notifies_is_one_query(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)
    primary.seconds = 0.2

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            primary.versions.append(TWO)
            for _ in range(1000):
                schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(0.1)
            for _ in range(1000):
                schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(5)
            assert node.exchange.kinds() == ["axfr", "ixfr"]

    run(main())


def test_a_change_during_a_transfer_is_taken_after_it(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)
    primary.seconds = 0.2

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            primary.versions.append(TWO)
            schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(0.19)
            schedule.notified(notice(3), address("192.0.2.1"))
            await asyncio.sleep(0.02)
            primary.versions.append(THREE)
            await asyncio.sleep(1)
            assert node.serial() == 3

    run(main())


def test_notifies_without_news_cause_one_query_a_second(node: Node) -> None:
    """Whoever forges a primary's address can't have it asked more often."""
    node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            for _ in range(1000):
                schedule.notified(notice(77), address("192.0.2.1"))
                await asyncio.sleep(0.01)
            assert len(node.exchange.asked) <= 1 + 11

    run(main())


def test_a_notify_of_what_is_here_asks_nobody(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            schedule.notified(notice(1), address("192.0.2.1"))
            schedule.notified(notice(2, "other.org."), address("192.0.2.1"))
            await asyncio.sleep(10)
            assert node.exchange.kinds() == ["axfr"]
            schedule.notified(notice(None), address("192.0.2.1"))  # without a hint it may be newer
            await asyncio.sleep(1)
            assert node.exchange.kinds() == ["axfr", "ixfr"]

    run(main())


def test_the_next_primary_is_asked_if_one_fails(node: Node) -> None:
    first = node.exchange.add("192.0.2.1", ONE)
    node.exchange.add("192.0.2.2", ONE)
    first.down = True

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
            assert node.serial() == 1
            assert node.states[ZONE].primary == "192.0.2.2:53"
            assert node.states[ZONE].failing_since is None

    run(main())


def test_the_newest_serial_wins(node: Node) -> None:
    lagging = node.exchange.add("192.0.2.1", ONE)
    node.exchange.add("192.0.2.2", ONE, TWO)

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            assert node.serial() == 2
            lagging.versions.append(TWO)
            node.exchange.asked.clear()
            schedule.notified(notice(3), address("192.0.2.1"))  # it says 3, and has 2
            await asyncio.sleep(10)
            assert node.states[ZONE].primary == "192.0.2.1:53"
            lagging.versions.append(THREE)
            await asyncio.sleep(REFRESH)
            assert node.serial() == 3

    run(main())


def test_a_primary_that_lags_is_no_failure(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE)
    node.exchange.add("192.0.2.2", ONE, TWO)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(2 * REFRESH + 10)
            assert node.serial() == 2
            assert node.states[ZONE].failing_since is None

    run(main())


@pytest.mark.parametrize("why", ["refuses IXFR", "no journal", "does not fit"])
def test_the_whole_zone_is_transferred_where_differences_are_of_no_use(node: Node, why: str) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            primary.refuses_ixfr = why == "refuses IXFR"
            primary.journal = why != "no journal"
            if why == "does not fit":
                primary.versions[0] = text_of(1, "other A 192.0.2.9")
            primary.versions.append(TWO)
            schedule.notified(notice(2), address("192.0.2.1"))
            await asyncio.sleep(1)
            assert node.serial() == 2
            assert node.exchange.kinds() == ["axfr", "ixfr", *(["axfr"] if why != "no journal" else [])]

    run(main())
    counted = {result for name, kind, _, result in _transfers(node) if kind == "ixfr" and result != "ok"}
    assert counted == {"refuses IXFR": {"refused"}, "no journal": set(), "does not fit": {"unfit"}}[why]


def _transfers(node: Node) -> list[tuple[str, ...]]:
    return [key for key in node.counts.values if key[0] == "transfers_total"]


def test_failures_are_retried_soon_and_then_at_the_zone_s_retry(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(10)
            primary.down = True
            node.exchange.asked.clear()
            await asyncio.sleep(REFRESH + HOUR)
            times = node.exchange.times()
            pauses = [round(b - a) for a, b in pairwise(times)]
            assert pauses[:7] == [5, 10, 20, 40, 80, RETRY, RETRY]
            assert set(pauses[5:]) == {RETRY}
            state = node.states[ZONE]
            assert state.failing_since == int(START + times[0])
            assert state.error == "192.0.2.1:53: nothing listens there: the connection was refused"
            primary.down = False
            await asyncio.sleep(RETRY)
            assert node.states[ZONE].failing_since is None

    run(main())
    assert node.counts.values["transfers_total", "soa", "in", "unreachable"] > 10


def test_a_zone_expires_and_comes_back(node: Node) -> None:
    primary = node.exchange.add("192.0.2.1", ONE)

    async def main() -> None:
        async with node.running() as schedule:
            await asyncio.sleep(10)
            primary.down = True
            await asyncio.sleep(EXPIRE - 20)
            assert not node.expired
            await asyncio.sleep(30)
            assert node.expired == {ZONE}
            assert node.counts.values["transferred_zones", "expired"] == 1
            primary.down = False
            schedule.notified(notice(1), address("192.0.2.1"))
            await asyncio.sleep(3)
            assert not node.expired
            assert node.states[ZONE].checked is not None

    run(main())


def test_a_zone_with_a_short_expire_does_not_expire_between_two_refreshes(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE.replace("600 120 3600", "600 120 60"))

    async def main() -> None:
        async with node.running():
            for _ in range(30):
                await asyncio.sleep(60)
                assert not node.expired

    run(main())


def test_timers_of_a_zone_are_bounded(node: Node) -> None:
    node.exchange.add("192.0.2.1", ONE.replace("600 120 3600", "0 0 0"))

    async def main() -> None:
        async with node.running():
            await asyncio.sleep(600)
            assert 10 <= len(node.exchange.asked) <= 12

    run(main())
