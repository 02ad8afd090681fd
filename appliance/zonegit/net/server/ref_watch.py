"""Wakes long-polls when refs move, whichever process moved them.

LMDB does not announce commits, so the root of the ref index is read a hundred times a second, and only while
somebody waits: one short read transaction of a few microseconds. (The last transaction id alone is not enough: it
changes a moment before readers see that version, so a check in between would miss the move.)
"""

import asyncio
import logging
from typing import Final

from zonegit.errors import ZonegitError
from zonegit.sync.server import Endpoint

INTERVAL: Final = 0.01
"""Seconds between two checks."""

log = logging.getLogger(__name__)


class RefWatch:
    """Shared by all requests of one server."""

    def __init__(self, endpoint: Endpoint, interval: float = INTERVAL) -> None:
        self._endpoint = endpoint
        self._interval = interval
        self._moved = asyncio.Event()
        self._waiting = 0
        self._seen = ""
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    async def wait(self, root: str, seconds: float) -> None:
        """Return when the refs' root is no longer `root`, after `seconds`, or when the server stops."""
        self._waiting += 1
        if self._task is None:
            self._task = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(seconds):
                while not self._closed:
                    moved = self._moved  # before the comparison, so that no move falls between the two
                    if self._endpoint.index_root() != root:
                        return
                    await moved.wait()
        except TimeoutError:
            return
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Return from every `wait`, now and later."""
        self._closed = True
        self._wake()

    async def _poll(self) -> None:
        while self._waiting:
            try:
                root = self._endpoint.index_root()
            except ZonegitError as error:
                log.warning("cannot check for moved refs: %s", error)
                await asyncio.sleep(1)
                continue
            if root != self._seen:
                self._seen = root
                self._wake()
            await asyncio.sleep(self._interval)
        self._task = None

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()
