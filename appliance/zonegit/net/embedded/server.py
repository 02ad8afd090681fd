"""`zonegit.ReplicationServer`: `/v0` of a repository as an ASGI application inside your own program.

It writes to the repository only if pushes are enabled. All keys may be replaced together at any time. It refuses
what the daemon refuses, in the same order (docs/protocol.md).
"""

import asyncio
import socket
import ssl
import time
from pathlib import Path
from typing import Final

from zonegit.auth.gate import Gate
from zonegit.auth.keyring import Keyring
from zonegit.net.server.asgi import Receive, Scope, Send
from zonegit.net.server.hypercorn_versions import check_versions
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.net.server.pushes import Pushes
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.store.lmdb import LmdbStore
from zonegit.sync.push_server import PolicyOf


class NoMetrics:
    """Discards every metric."""

    def inc(self, name: str, value: float = 1, **labels: str) -> None:
        """Discard it."""

    def set(self, name: str, value: float, **labels: str) -> None:
        """Discard it."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Discard it."""


_NO_METRICS: Final = NoMetrics()


class ReplicationServer:
    """An ASGI application (3.0, with lifespan). One event loop; close it when done."""

    def __init__(
        self,
        path: Path,
        keys: Keyring,
        name: str,
        samples: MetricsSink = _NO_METRICS,
        *,
        pushes: PolicyOf | None = None,
    ) -> None:
        """Serve the repository at `path` to the keys' holders, under the name (`aud`) that they sign for.

        `pushes`: accept pushes from keys with that scope; `pushes(kid, zone)` is the policy.
        `StoreError` when there is no repository.
        """
        self._store = LmdbStore.open(path, readonly=pushes is None)
        self._policy_of = pushes
        self._gate = Gate(name, keys, time.time)
        self._samples = samples
        self._app: ReplicationApp | None = None

    @property
    def keys(self) -> Keyring:
        """The keys whose requests are accepted; assign another keyring to replace them all at once."""
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
        """Serve on a listening socket, as the daemon does, until `stop` is set and answers in flight are sent.

        `tls`: TLS 1.3 with ALPN h2; without it, cleartext: then keep it on loopback. `UsageError` with versions of
        Hypercorn or h2 that this server wasn't written for.
        """
        check_versions()
        from zonegit.net.server.h2_server import H2Server

        app = self._started()
        await H2Server(app, tls=tls).serve([listener], stop, app.drain)

    def close(self) -> None:
        self._store.close()

    def _started(self) -> ReplicationApp:
        if self._app is None:
            policy_of = self._policy_of
            pushes = Pushes(self._store, self._samples, policy_of) if policy_of else None
            self._app = ReplicationApp(self._store, self._gate, self._samples, pushes=pushes)
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
