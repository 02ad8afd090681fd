"""Inserts what the streams of one session bring, in a thread.

A transaction takes all batches that come while it is open. So where inserting is slower than the network, few of
them wait for the disk.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from typing import Final

from zonegit.errors import InvalidData
from zonegit.sync.incoming import Batch
from zonegit.sync.session import Session

_MOST: Final = 8 << 20
"""Bytes of objects after which a transaction is committed."""


class BatchWriter:
    """For one event loop."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[Batch, asyncio.Future[None]]] = deque()
        self._writing = asyncio.Lock()
        self._failure: Exception | None = None
        self.newest: asyncio.Future[None] | None = None
        """What the last `add` returned."""

    @property
    def is_idle(self) -> bool:
        """Whether no `write` runs, which would also insert what is added now."""
        return not self._writing.locked()

    def add(self, batch: Batch) -> asyncio.Future[None]:
        """Have a batch inserted by a `write` that follows or runs. The result: that it is no longer waiting."""
        taken = self._loop.create_future()
        self._waiting.append((batch, taken))
        self.newest = taken
        return taken

    async def write(self) -> None:
        """Return when everything that was added is durable. `StoreError`, `InvalidData`.

        If an object is refused, so is its whole transaction, and no cursor is kept: one may be the reason. Nothing
        is inserted after a failure: a cursor of what follows would leave out what was lost.
        """
        async with self._writing:
            while self._waiting:
                if self._failure is not None:
                    raise self._failure
                try:
                    await asyncio.to_thread(self._session.insert, self._taken())
                except Exception as error:
                    self._failure = error
                    if isinstance(error, InvalidData):
                        await asyncio.to_thread(self._session.forget_cursors)
                    raise

    def _taken(self) -> Iterator[Batch]:
        """The batches of one transaction, which its thread takes."""
        size = 0
        while self._waiting and size < _MOST:
            batch, taken = self._waiting.popleft()
            self._loop.call_soon_threadsafe(_resolve, taken)
            size += sum(map(len, batch.objects))
            yield batch


def _resolve(taken: asyncio.Future[None]) -> None:
    if not taken.done():  # else whoever waited was cancelled
        taken.set_result(None)
