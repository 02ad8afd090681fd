"""A repository served over `/v0` by a thread of the test, for callers with an event loop of their own."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

from httpkit import running
from synckit import PEER
from zonegit.auth.budget import FailureBudget
from zonegit.auth.gate import Gate
from zonegit.auth.keyring import Keyring
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.policy import Policy


class Served:
    """A repository that a thread of this process serves; `url` leads to it."""

    def __init__(
        self,
        path: Path,
        keys: Path,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        name: str = PEER,
    ) -> None:
        self.path = path
        self.keys = keys
        self.url = ""
        self.policy = Policy.FF_ONLY
        """What becomes of pushes to each zone."""
        self._tls = tls
        self._clock = clock
        self._name = name
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(60)

    async def _serve(self) -> None:
        store = LmdbStore.open(self.path)
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        gate = Gate(self._name, Keyring.load(self.keys), self._clock, budget=FailureBudget(burst=10_000))
        async with running(store, gate, clock=self._clock, policy_of=lambda kid, zone: self.policy) as server:
            server.server.tls = self._tls
            self.url = server.url.replace("http:", "https:") if self._tls else server.url
            self._ready.set()
            await self._stop.wait()
        store.close()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
