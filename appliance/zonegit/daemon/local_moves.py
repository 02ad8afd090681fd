"""Wakes the tasks of one process when refs of the local repository move, whichever process moved them.

LMDB does not announce commits, so the id of its last transaction is read a hundred times a second, which takes a
few microseconds each time.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from zonegit.errors import StorePanicked, ZonegitError
from zonegit.ops import log
from zonegit.store.port import Store

INTERVAL: Final = 0.01
"""Seconds between two checks."""
_AGAIN: Final = 1.0
"""Seconds until the next check while the store can't be read."""

_logger: Final = logging.getLogger(__name__)


class LocalMoves:
    """Watches one store: `run` it in a task of its own, and `wait` for moves in others."""

    def __init__(self, store: Store, interval: float = INTERVAL) -> None:
        self._store = store
        self._interval = interval
        self._txn = -1
        self._moved = asyncio.Event()
        self.seq = -1
        """The number of ref moves at the last check."""

    async def run(self) -> None:
        """Check until cancelled. Ends with `StorePanicked` only."""
        seldom = log.Seldom(_logger)
        while True:
            try:
                self.look()
            except StorePanicked:
                raise
            except ZonegitError as error:
                seldom("cannot check for moved refs", error)
                await asyncio.sleep(_AGAIN)
            await asyncio.sleep(self._interval)

    def look(self) -> None:
        """Wake the waiting tasks if refs have moved since the last check."""
        txn = self._store.txn_id()
        if txn == self._txn:
            return
        with self._store.read() as reader:
            seq = reader.seq
        self._txn = txn
        if seq != self.seq:
            self.seq = seq
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    async def wait(self, seq: int, seconds: float) -> None:
        """Return once refs have moved since `seq`, or after `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.seq == seq:
                    await self._moved.wait()
