"""Long work on one event loop: keys take turns, and one key's works wait for each other."""

import asyncio
from collections.abc import Callable

import pytest

from httpkit import run
from zonegit.net.server.work_scheduler import PASSES, WorkScheduler
from zonegit.sync.work import Work


class Clock:
    """Moves by 1 when it is asked for the time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def turns() -> WorkScheduler:
    return WorkScheduler(3.0, Clock())


def steps(name: str, count: int, due: Callable[[], bool], told: list[str]) -> Work[str]:
    for _ in range(count):
        told.append(name)
        if due():
            yield
    return name


def slices(told: list[str]) -> str:
    return "".join(name for at, name in enumerate(told) if at == 0 or told[at - 1] != name)


def test_keys_take_turns_and_one_keys_works_wait_for_each_other() -> None:
    async def test() -> None:
        long, told = turns(), list[str]()
        works = [("k1", "a"), ("k1", "b"), ("k1", "c"), ("k2", "x")]
        found = await asyncio.gather(*(long.finish(key, steps(name, 12, long.due, told)) for key, name in works))
        assert found == ["a", "b", "c", "x"]
        assert slices(told).startswith("axaxaxax"), "a slice of each, however many works one key has"
        assert slices([name for name in told if name != "x"]) == "abc"

    run(test())


def test_the_loop_runs_between_two_slices() -> None:
    async def test() -> None:
        long, told = turns(), list[str]()

        async def other() -> None:
            while True:
                told.append("-")
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        await long.finish("k1", steps("a", 30, long.due, told))
        task.cancel()
        assert "-" * PASSES in "".join(told)
        assert "a" * 7 not in "".join(told), "one slice at once, and one when its turn comes"

    run(test())


def test_small_works_share_a_slice() -> None:
    async def test() -> None:
        long, told = WorkScheduler(1_000.0, Clock()), list[str]()
        await asyncio.gather(*(long.finish(f"k{at}", steps("a", 2, long.due, told)) for at in range(40)))
        assert long._driver is None or not long._waiting

    run(test())


def test_an_error_is_raised_where_the_work_was_asked_for() -> None:
    def broken(due: Callable[[], bool]) -> Work[None]:
        if due():
            yield
        raise ValueError("no")

    async def test() -> None:
        long, told = turns(), list[str]()
        other = asyncio.create_task(long.finish("k1", steps("a", 9, long.due, told)))
        with pytest.raises(ValueError, match="no"):
            await long.finish("k1", broken(long.due))
        assert await other == "a"

    run(test())


def test_work_that_nobody_waits_for_is_given_up() -> None:
    async def test() -> None:
        long, told = turns(), list[str]()
        ended = []

        def endless() -> Work[None]:
            try:
                while True:
                    if long.due():
                        yield
            finally:
                ended.append(True)

        task = asyncio.create_task(long.finish("k1", endless()))
        waiting = asyncio.create_task(long.finish("k1", steps("never", 1, long.due, told)))
        await asyncio.sleep(0.01)
        task.cancel()
        waiting.cancel()
        assert await long.finish("k1", steps("a", 1, long.due, told)) == "a"
        assert (ended, told) == ([True], ["a"])

    run(test())
