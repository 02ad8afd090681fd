"""Pushes take turns in one thread, slice by slice, and each has its end or its error."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from httpkit import run
from zonegit.net.server.push_queue import PushQueue
from zonegit.sync.work import Work


def work(name: str, slices: int, done: list[str], error: Exception | None = None) -> Work[str]:
    for _ in range(slices):
        done.append(name)
        yield
    if error:
        raise error
    return f"{name} in {threading.current_thread().name.partition('_')[0]}"


def test_keys_take_turns_and_a_key_s_pushes_wait_for_each_other() -> None:
    async def test() -> None:
        queue, done = PushQueue(), list[str]()
        found = await asyncio.gather(
            queue.finish("a", work("a1", 3, done)),
            queue.finish("a", work("a2", 2, done)),
            queue.finish("b", work("b1", 2, done)),
        )
        assert done == ["a1", "b1", "a1", "b1", "a1", "a2", "a2"]
        assert found == ["a1 in pushes", "a2 in pushes", "b1 in pushes"]

    run(test())


def test_an_error_is_its_own_push_s_alone() -> None:
    async def test() -> None:
        queue, done = PushQueue(), list[str]()
        bad = asyncio.create_task(queue.finish("a", work("bad", 1, done, ValueError("no"))))
        good = asyncio.create_task(queue.finish("a", work("good", 1, done)))
        with pytest.raises(ValueError, match="no"):
            await bad
        assert (await good).startswith("good")

    run(test())


def test_one_that_is_given_up_is_closed_and_the_next_goes_on() -> None:
    async def test() -> None:
        queue, done, closed = PushQueue(), list[str](), threading.Event()
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def endless() -> Iterator[None]:
            try:
                while True:
                    loop.call_soon_threadsafe(begun.set)
                    yield
            finally:
                closed.set()

        task = asyncio.create_task(queue.finish("a", endless()))  # type: ignore[arg-type]
        await begun.wait()
        task.cancel()
        assert (await queue.finish("a", work("next", 1, done))).startswith("next")
        assert closed.is_set()

    run(test())
