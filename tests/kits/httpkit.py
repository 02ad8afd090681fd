"""A `/v0` server in the test's own event loop, and clients for it."""

import asyncio
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from synckit import KEY, PEER, SMALL_NODES, WHO, commit, names
from zonegit.auth.budget import FailureBudget
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.key import Key
from zonegit.auth.keyring import Keyring
from zonegit.net.client.peer import PeerClient
from zonegit.net.client.pull import pull
from zonegit.net.server.asgi import Receive, Scope, Send
from zonegit.net.server.h2_server import H2Server
from zonegit.net.server.pushes import Pushes
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.net.server.updates import Updates
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync.limits import SERVER, ServerLimits
from zonegit.sync.mirror import Moved
from zonegit.sync.push_server import PolicyOf, ff_only
from zonegit.sync.session import Session

T = TypeVar("T")


class Counted:
    """Samples in a dictionary."""

    def __init__(self) -> None:
        self.values: Counter[str] = Counter()

    def inc(self, name: str, value: float = 1, **labels: str) -> None:
        self.values[_series(name, labels)] += value  # type: ignore[assignment]

    def set(self, name: str, value: float, **labels: str) -> None:
        self.values[_series(name, labels)] = value  # type: ignore[assignment]

    def observe(self, name: str, value: float, **labels: str) -> None:
        self.inc(name + "_count", 1, **labels)


def _series(name: str, labels: dict[str, str]) -> str:
    return name + "".join(f",{key}={labels[key]}" for key in sorted(labels))


class Running:
    """A server that is being served."""

    def __init__(self, port: int, gate: Gate, app: ReplicationApp, samples: Counted, server: H2Server) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.gate = gate
        self.app = app
        self.samples = samples
        self.server = server
        self.requests = 0
        """That have begun. `samples` counts those that are over, which may be after their answer was read."""
        self.stop = asyncio.Event()


def generous_gate(keys: tuple[Key, ...] = (KEY,), clock: Callable[[], float] = time.time) -> Gate:
    """A gate that forgives many failures, for tests that make many."""
    return Gate(PEER, Keyring(keys), clock, budget=FailureBudget(burst=10_000))


@asynccontextmanager
async def running(
    store: Store,
    gate: Gate | None = None,
    *,
    connections: int = 64,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    bounds: ServerLimits = SERVER,
    clock: Callable[[], float] = time.time,
    policy_of: PolicyOf = ff_only,
    updates: Callable[[], Updates] | None = None,
) -> AsyncIterator[Running]:
    """`updates` is called inside the event loop."""
    listener = socket.create_server(("127.0.0.1", port))
    gate = gate or generous_gate(clock=clock)
    samples = Counted()
    pushes = Pushes(store, samples, policy_of, bounds, clock=clock)
    taken = None if updates is None else updates()
    app = ReplicationApp(store, gate, samples, clock=clock, bounds=bounds, pushes=pushes, updates=taken)

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        found.requests += 1
        await app(scope, receive, send)

    server = H2Server(counted, connections=connections, bounds=bounds, tls=tls)
    found = Running(listener.getsockname()[1], gate, app, samples, server)
    task = asyncio.create_task(server.serve([listener], found.stop, app.drain))
    try:
        yield found
    finally:
        found.stop.set()
        await task
        listener.close()


@asynccontextmanager
async def peer_of(url: str, key: Key = KEY, clock: Callable[[], float] = time.time) -> AsyncIterator[PeerClient]:
    peer = PeerClient(url, Signer(PEER, key, clock, os.urandom))
    try:
        yield peer
    finally:
        await peer.close()


async def pull_once(peer: PeerClient, store: Store, split: int = 20_000) -> Moved:
    refs = await peer.refs()
    assert refs is not None
    return await pull(peer, Session(store, PEER, refs, split), WHO)


def small_store() -> MemoryStore:
    """With a zone of 20 names."""
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 20), shape=SMALL_NODES)
    return store


def served(
    test: Callable[[Running], None], store: Store | None = None, *, seconds: float = 60, **options: Any
) -> None:
    """Run a blocking test beside a server: of this store, or of one with a small zone."""

    async def both() -> None:
        async with running(store or small_store(), **options) as server:
            await asyncio.to_thread(test, server)

    run(both(), seconds)


def run(test: Awaitable[T], seconds: float = 60) -> T:
    """Run a test's coroutine, with a bound; what it returns."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await test

    return asyncio.run(bounded())
