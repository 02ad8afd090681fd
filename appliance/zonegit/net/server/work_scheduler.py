"""Schedules long work of many requests on one event loop: keys take turns, a time slice each.

The loop runs between slices. A key's works are done one after the other, in the order of arrival, over whatever
connections they came. So one key delays another by one slice per round, and needs memory for one work at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final, NamedTuple, Protocol

from zonegit.sync.work import T, Work

SLICE: Final = 0.004
"""Seconds. A work checks the time after each step, so a slice may take a step longer."""
PASSES: Final = 8
"""Passes of the loop between two slices. A small request takes about 15 from its first byte to its last."""


class _Job(NamedTuple):
    work: Work[Any]
    done: "asyncio.Future[Any]"


class Queued(Protocol):
    """Awaits a work that is queued, and may abandon it by cancelling."""

    async def __call__(self, waiting: Coroutine[None, None, T], /) -> T: ...


async def _as_it_is(waiting: Coroutine[None, None, T], /) -> T:
    return await waiting


class WorkScheduler:
    """The scheduler of one event loop."""

    def __init__(self, seconds: float = SLICE, timer: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._timer = timer
        self._until = 0.0
        self._spent = 0.0
        """Seconds spent in this pass of the loop on works that were done at once."""
        self._waiting: dict[str, deque[_Job]] = {}
        """Works by key; the first key is next."""
        self._driver: asyncio.Task[None] | None = None

    def due(self) -> bool:
        """Whether the slice is over (`sync.work.Due`)."""
        return self._timer() >= self._until

    async def finish(self, key: str, work: Work[T], queued: Queued = _as_it_is) -> T:
        """The result of `work`, or its error. Cancelling this abandons it.

        While nothing is queued, it is done at once, within a slice. Otherwise `queued` awaits its turns.
        """
        if self._driver is None and self._spent < self._seconds:
            ended = self._at_once(work)
            if ended is not None:
                found: T = ended.value
                return found
        return await queued(self._wait(key, work))

    async def _wait(self, key: str, work: Work[T]) -> T:
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(_Job(work, done))
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive())
        return await done

    def _at_once(self, work: Work[Any]) -> StopIteration | None:
        """Run a work now, within the one slice that all such works share in a pass; its end if it finished."""
        began = self._timer()
        self._until = began + self._seconds - self._spent
        if not self._spent:
            asyncio.get_running_loop().call_soon(self._next_pass)
        try:
            next(work)
        except StopIteration as end:
            return end
        finally:
            self._spent += self._timer() - began
        return None

    def _next_pass(self) -> None:
        self._spent = 0.0

    async def _drive(self) -> None:
        while self._waiting:
            self._until = self._timer() + self._seconds
            while self._waiting and not self.due():
                self._turn()
            for _ in range(PASSES):
                await asyncio.sleep(0)
        self._driver = None

    def _turn(self) -> None:
        """Run the first key's first work until it is done or the slice is over; then that key is last."""
        key = next(iter(self._waiting))
        jobs = self._waiting.pop(key)
        job = jobs[0]
        if not job.done.done():
            _resume(job)
        if job.done.done():
            job.work.close()
            jobs.popleft()
        if jobs:
            self._waiting[key] = jobs


def _resume(job: _Job) -> None:
    try:
        next(job.work)
    except StopIteration as end:
        job.done.set_result(end.value)
    except Exception as error:
        job.done.set_exception(error)
