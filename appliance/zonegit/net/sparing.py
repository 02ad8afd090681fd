"""Work in a thread that anybody can ask for: done once for all who wait, and not more than a fifth of the time.

Where once takes longer than half a second, the rest isn't longer than two all the same.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

REST: Final = 4.0
LONGEST_REST: Final = 2.0
"""How much longer than it took the work rests, and how many seconds at most."""


class Rests:
    """What works of one kind share: one at a time, and their rest."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.until = 0.0
        """By the monotonic clock."""


class Sparing(Generic[T]):
    """A function that is called for many: nobody gets what was begun before he asked."""

    def __init__(self, make: Callable[[], T], rests: Rests) -> None:
        self._make = make
        self._rests = rests
        self._next: asyncio.Task[T] | None = None
        """The next call, as long as it hasn't begun."""

    async def get(self) -> T:
        """What the next call returns or raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._call())
        return await asyncio.shield(self._next)

    async def _call(self) -> T:
        rests = self._rests
        async with rests.lock:
            await asyncio.sleep(rests.until - time.monotonic())
            self._next = None
            began = time.monotonic()
            try:
                return await asyncio.to_thread(self._make)
            finally:
                ended = time.monotonic()
                rests.until = ended + min(REST * (ended - began), LONGEST_REST)
