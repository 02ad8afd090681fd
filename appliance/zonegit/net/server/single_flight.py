"""Work in a thread that anybody may request: one call serves all who wait, within a duty cycle of a fifth.

The rest after a call is at most two seconds, also when the call took longer than half a second.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

REST: Final = 4.0
LONGEST_REST: Final = 2.0
"""The rest after a call, as a multiple of its duration, and its maximum in seconds."""


class DutyCycle:
    """What functions of one kind share: they run one at a time, and rest together."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.until = 0.0
        """The end of the rest, by the monotonic clock."""


class SingleFlight(Generic[T]):
    """A function whose callers share calls; none gets the result of a call that began before it asked."""

    def __init__(self, make: Callable[[], T], duty: DutyCycle) -> None:
        self._make = make
        self._duty = duty
        self._next: asyncio.Task[T] | None = None
        """The next call, until it begins."""

    async def get(self) -> T:
        """The result of the next call, or its error."""
        if self._next is None:
            self._next = asyncio.create_task(self._call())
        return await asyncio.shield(self._next)

    async def _call(self) -> T:
        duty = self._duty
        async with duty.lock:
            await asyncio.sleep(duty.until - time.monotonic())
            self._next = None
            began = time.monotonic()
            try:
                return await asyncio.to_thread(self._make)
            finally:
                ended = time.monotonic()
                duty.until = ended + min(REST * (ended - began), LONGEST_REST)
