"""`zonegit.ReplicationServer`: `/v0` of a repository as an ASGI application for a program of one's own.

It reads the repository and never writes. The keys may be replaced at any time, as a whole. Refused: what the daemon
refuses, in the same order (docs/protocol.md).
"""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Final

from zonegit.auth.gate import Gate
from zonegit.auth.keyring import Keyring
from zonegit.net.asgi import Receive, Scope, Send
from zonegit.net.http_server import ReplicationApp, Samples
from zonegit.store.lmdb import LmdbStore


class Uncounted:
    """Samples that nobody keeps."""

    def inc(self, name: str, value: float = 1, **labels: str) -> None:
        """Forget it."""

    def set(self, name: str, value: float, **labels: str) -> None:
        """Forget it."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Forget it."""


_UNCOUNTED: Final = Uncounted()


class ReplicationServer:
    """An ASGI application (3.0, with lifespan). One event loop; close it when done."""

    def __init__(self, path: Path, keys: Keyring, name: str, samples: Samples = _UNCOUNTED) -> None:
        """Serve the repository at `path` to the keys' holders, under the name (`aud`) that they sign for.

        `StoreError` when there is no repository.
        """
        self._store = LmdbStore.open(path, readonly=True)
        self._gate = Gate(name, keys, time.time)
        self._samples = samples
        self._app: ReplicationApp | None = None

    @property
    def keys(self) -> Keyring:
        """Whose requests are taken; assign another keyring to change them all at once."""
        return self._gate.keyring

    @keys.setter
    def keys(self, keys: Keyring) -> None:
        self._gate.keyring = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._started()(scope, receive, send)

    async def serve(
        self, listener: socket.socket, stop: asyncio.Event, *, tls: ssl.SSLContext | None = None
    ) -> None:
        """Serve on a listening socket, as the daemon does, until `stop` is set and what is in flight is sent.

        `tls`, TLS 1.3 with ALPN h2, or else cleartext: then keep it on loopback.
        """
        from zonegit.net.h2_serving import H2Server

        app = self._started()
        await H2Server(app, tls=tls).serve([listener], stop, app.drain)

    def close(self) -> None:
        self._store.close()

    def _started(self) -> ReplicationApp:
        if self._app is None:
            self._app = ReplicationApp(self._store, self._gate, self._samples)
        return self._app

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._started()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._started().drain()
                await send({"type": "lifespan.shutdown.complete"})
                return
