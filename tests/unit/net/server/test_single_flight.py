"""Work that many ask for: done once for those who wait, never from before they asked, and with a rest."""

import asyncio
import threading
import time
from itertools import pairwise

import pytest

from httpkit import run
from zonegit.net.server.single_flight import LONGEST_REST, REST, DutyCycle, SingleFlight


def test_all_who_wait_get_one_result_and_the_next_gets_a_new_one() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    async def test() -> None:
        shared = SingleFlight(make, DutyCycle())
        assert await asyncio.gather(*(shared.get() for _ in range(100))) == [0] * 100
        assert await shared.get() == 1
        assert len(made) == 2

    run(test())


def test_who_asks_while_it_is_made_gets_the_next_one() -> None:
    state = ["old"]
    begun, asked = threading.Event(), threading.Event()

    def make() -> str:
        found = state[0]
        begun.set()
        asked.wait(20)
        return found

    async def test() -> None:
        shared = SingleFlight(make, DutyCycle())
        first = asyncio.create_task(shared.get())
        await asyncio.to_thread(begun.wait, 20)
        state[0] = "new"
        second = asyncio.create_task(shared.get())
        await asyncio.sleep(0)  # it has asked
        asked.set()
        assert await second == "new"
        assert await first == "old"

    run(test())


def test_it_rests_longer_than_it_works() -> None:
    spans: list[tuple[float, float]] = []

    def make() -> None:
        began = time.monotonic()
        time.sleep(0.02)
        spans.append((began, time.monotonic()))

    async def test() -> None:
        rests = DutyCycle()
        one, other = SingleFlight(make, rests), SingleFlight(make, rests)
        for _ in range(2):
            await asyncio.gather(one.get(), other.get())

    run(test())
    assert len(spans) == 4
    for (began, ended), (then, _) in pairwise(spans):
        assert then - ended >= min(REST * (ended - began), LONGEST_REST) * 0.9


def test_a_failure_is_told_to_all_who_wait_and_the_next_call_is_made() -> None:
    found = iter([ValueError("not now")])

    def make() -> str:
        for error in found:
            raise error
        return "again"

    async def test() -> None:
        shared = SingleFlight(make, DutyCycle())
        results = await asyncio.gather(*(shared.get() for _ in range(3)), return_exceptions=True)
        assert [str(each) for each in results] == ["not now"] * 3
        assert await shared.get() == "again"
        gone = asyncio.create_task(shared.get())
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        assert await shared.get() == "again"

    run(test())
