"""What it costs to learn of changes: round trips, and bytes on the wire counted by a proxy in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from httpkit import Running, peer_of, run, running
from synckit import PEER, WHO, commit, move, names
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import head, remote
from zonegit.model.zone import Zone
from zonegit.net.http_client import HttpPeer
from zonegit.net.http_pull import latest_refs, pull
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.peers import remember
from zonegit.sync.session import Session
from zonegit.sync.tips import Tips
from zonegit.sync.wire import PeerRefs

ZONES = 10_000


class Proxy:
    """Passes bytes on, and counts them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()
        self.bytes = 0
        self.url = ""

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        except asyncio.CancelledError:
            return
        finally:
            back.close()
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.bytes += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()


class Cost:
    """Requests and bytes since it was made."""

    def __init__(self, server: Running, proxy: Proxy) -> None:
        self._server, self._proxy = server, proxy
        self._requests, self._bytes = self._count(), proxy.bytes

    def _count(self) -> int:
        return sum(
            int(n) for name, n in self._server.samples.values.items() if name.startswith("http_requests_total")
        )

    @property
    def requests(self) -> int:
        return self._count() - self._requests

    @property
    def bytes(self) -> int:
        return self._proxy.bytes - self._bytes


@pytest.fixture(scope="module")
def stores() -> tuple[MemoryStore, MemoryStore]:
    """A primary of 10,000 zones, and a secondary that has them all."""
    primary, secondary = MemoryStore(), MemoryStore()
    tip = commit(primary, "model.example.", names("model.example.", 2))
    with primary.read() as reader:
        model = Commit.decode(reader.get(tip))
        zone = reader.get(model.zone_root)
        tree = reader.get(Zone.decode(zone).tree)
    move(primary, "model.example.", "main", None)
    made: dict[str, ObjectId] = {}
    objects = [tree, zone]
    for at in range(ZONES):
        apex = f"zone-{at:05}.example.org."
        made[apex] = object_id(raw := Commit(model.zone_root, (), apex, 1, 1, WHO, WHO, apex).encode())
        objects.append(raw)
    for store in (primary, secondary):
        with store.write() as writer:
            writer.insert(objects)
            updates = [RefUpdate(head(apex, "main"), None, oid) for apex, oid in made.items()]
            if store is secondary:
                updates += [RefUpdate(remote(PEER, apex, "main"), None, oid) for apex, oid in made.items()]
            writer.move_refs(updates, WHO, "commit: test")
    with primary.read() as reader:
        state = PeerRefs(reader.epoch, reader.seq, reader.index_root.hex(), Tips(), Tips())
    with secondary.write() as writer:
        remember(writer, PEER, state)
    return primary, secondary


async def sync(peer: HttpPeer, secondary: MemoryStore, root: str = "") -> tuple[str, int]:
    """`(root, bytes of objects)`; the root is empty when nothing moved."""
    refs = await latest_refs(peer, secondary, PEER, root)
    if refs is None:
        return "", 0
    session = Session(secondary, PEER, refs)
    await pull(peer, session, WHO)
    return refs.root, session.size


def test_three_of_ten_thousand_zones(stores: tuple[MemoryStore, MemoryStore]) -> None:
    primary, secondary = stores

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            for at in (17, 4_711, 9_999):
                apex = f"zone-{at:05}.example.org."
                commit(primary, apex, names(apex, 3, seed=at))
            cost = Cost(server, proxy)
            root, objects = await sync(peer, secondary)
            assert cost.requests == 2
            assert objects > 0
            assert cost.bytes - objects <= 20_000
            with primary.read() as one, secondary.read() as two:
                assert dict(one.refs("refs/heads/zone")) == dict(two.refs("refs/heads/zone"))
            cost = Cost(server, proxy)
            assert await sync(peer, secondary, root) == ("", 0)
            assert cost.requests == 1
            assert cost.bytes <= 1_000
            commit(primary, "zone-00001.example.org.", names("example.org.", 3))
            cost = Cost(server, proxy)
            assert await sync(peer, secondary, root) != ("", 0)
            assert cost.requests == 3  # told that something moved, what, and the objects
            assert cost.bytes <= 20_000

    run(test())


def test_nothing_new_to_a_small_mirror() -> None:
    async def test() -> None:
        primary, secondary = MemoryStore(), MemoryStore()
        commit(primary, "example.org.", names("example.org.", 3))
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            root, _ = await sync(peer, secondary)
            cost = Cost(server, proxy)
            assert await sync(peer, secondary, root) == ("", 0)
            assert cost.requests == 1
            assert cost.bytes <= 1_000

    run(test())
