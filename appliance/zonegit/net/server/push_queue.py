"""Runs pushes in one thread beside the event loop: keys take turns, a time slice each.

A push waits for the disk, and for other writers of the repository; the loop must not. A key's pushes are done one
after the other, in the order of arrival.
"""

import asyncio
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from zonegit.sync.work import T, Work

SLICE: Final = 0.008
"""Seconds after which a transaction is committed, if its work can be split."""


class _Job(NamedTuple):
    work: Work[Any]
    done: "asyncio.Future[Any]"


class PushQueue:
    """The queue of one event loop."""

    def __init__(self, seconds: float = SLICE) -> None:
        self._seconds = seconds
        self._until = 0.0
        self._waiting: dict[str, deque[_Job]] = {}
        """Works by key; the first key is next."""
        self._driver: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "pushes")

    def due(self) -> bool:
        """Whether the slice is over (`sync.work.Due`)."""
        return time.monotonic() >= self._until

    async def finish(self, key: str, work: Work[T]) -> T:
        """The result of `work`, or its error. Cancelling this abandons it between two slices."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(_Job(work, done))
        if self._driver is None:
            self._driver = asyncio.create_task(self._drive())
        return await done

    def close(self) -> None:
        """Start no further slice."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _drive(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            key = next(iter(self._waiting))
            jobs = self._waiting.pop(key)
            job = jobs[0]
            step = _abandon if job.done.done() else self._slice
            ended = await loop.run_in_executor(self._thread, step, job.work)
            if ended is not None:
                ended.resolve(job.done)
                jobs.popleft()
            if jobs:
                self._waiting[key] = jobs + self._waiting.pop(key, deque())
        self._driver = None

    def _slice(self, work: Work[Any]) -> "_Ended | None":
        """Run a work until its next pause; how it ended, if it did."""
        self._until = time.monotonic() + self._seconds
        try:
            next(work)
        except StopIteration as end:
            return _Ended(end.value)
        except Exception as error:
            return _Ended(error=error)
        return None


class _Ended(NamedTuple):
    value: Any = None
    error: Exception | None = None

    def resolve(self, done: "asyncio.Future[Any]") -> None:
        if done.done():
            return
        if self.error is not None:
            done.set_exception(self.error)
        else:
            done.set_result(self.value)


def _abandon(work: Work[Any]) -> _Ended:
    work.close()
    return _Ended()
