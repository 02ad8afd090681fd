"""Wakes long-polls when refs move, whichever process moved them.

LMDB tells nobody about a commit, so the root of the ref index is looked at a hundred times a second, and only while
somebody waits: one short read transaction, some microseconds. (The last transaction id alone won't do: it moves a
moment before readers get that version, and a look in between would be the last one.)
"""

import asyncio
import logging
from typing import Final

from zonegit.errors import ZonegitError
from zonegit.sync.server import Endpoint

INTERVAL: Final = 0.01
"""Seconds between two looks."""

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
        """Return when the refs' root is no longer `root`, after so many seconds, or when the server stops."""
        self._waiting += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look())
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
        """Let everybody go who waits, now and later."""
        self._closed = True
        self._wake()

    async def _look(self) -> None:
        while self._waiting:
            try:
                root = self._endpoint.index_root()
            except ZonegitError as error:
                log.warning("can't look for moved refs: %s", error)
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
