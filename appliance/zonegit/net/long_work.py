"""Long work of many requests on one event loop: keys take turns, a slice each, and the loop runs between slices.

A key's works are done one after the other, in the order in which they came, whatever connections they came over. So
what one key asks for makes another's wait for a slice in each round, and needs memory for one work at a time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from zonegit.sync.work import T, Work

SLICE: Final = 0.004
"""Seconds. A work looks at the time after each step, so that a slice may take a step longer."""
PASSES: Final = 8
"""Passes of the loop between two slices. A small request takes some 15 from its first byte to its last."""


@dataclass(frozen=True, slots=True)
class _Job:
    work: Work[Any]
    done: "asyncio.Future[Any]"


class LongWork:
    """Of one event loop."""

    def __init__(self, seconds: float = SLICE, timer: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._timer = timer
        self._until = 0.0
        self._waiting: dict[str, deque[_Job]] = {}
        """Works by their keys; the first key's turn is next."""
        self._driver: asyncio.Task[None] | None = None

    def due(self) -> bool:
        """Whether the slice is over (`sync.work.Due`)."""
        return self._timer() >= self._until

    async def finish(self, key: str, work: Work[T]) -> T:
        """What the work makes, or its error. Cancelled, it is given up."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(_Job(work, done))
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive())
        return await done

    async def _drive(self) -> None:
        while self._waiting:
            self._until = self._timer() + self._seconds
            while self._waiting and not self.due():
                self._turn()
            for _ in range(PASSES):
                await asyncio.sleep(0)
        self._driver = None

    def _turn(self) -> None:
        """Go on with the first key's first work until it is done or the slice is over; that key is last then."""
        key = next(iter(self._waiting))
        jobs = self._waiting.pop(key)
        job = jobs[0]
        if not job.done.done():
            _go_on(job)
        if job.done.done():
            job.work.close()
            jobs.popleft()
        if jobs:
            self._waiting[key] = jobs


def _go_on(job: _Job) -> None:
    try:
        next(job.work)
    except StopIteration as end:
        job.done.set_result(end.value)
    except Exception as error:
        job.done.set_exception(error)
