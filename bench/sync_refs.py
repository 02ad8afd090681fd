"""What it costs to learn which of very many refs differ: round trips, bytes, time, and memory for the refs.

Server and client stand in this process with stores in memory, and talk HTTP/2 through a counting relay over one
connection. Between two exchanges refs are moved at the server, and written down at the client as it learned them.
`--candidates` prints instead what the ways that weren't chosen would take (decision 39).
"""

import asyncio
import os
import time
from argparse import Namespace
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from socket import create_server
from typing import Final

import ref_candidates
from figures import Figure, at_most
from relay import Relay
from report import Cell, Report, Table, options
from script import run
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.key import Key
from zonegit.auth.keyring import Keyring
from zonegit.auth.scope import parse_scope
from zonegit.errors import Unreachable
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head
from zonegit.net.client.peer import PeerClient
from zonegit.net.client.pull import latest_refs
from zonegit.net.embedded.server import NoMetrics
from zonegit.net.server.h2_server import H2Server
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.store import journal, layout
from zonegit.store.memory import MemoryStore
from zonegit.store.tables import Table as Stored
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.peers import remember
from zonegit.sync.wire import PeerRefs

_PEER: Final = "bench-primary"
_TURNS: Final = 5
_TRIES: Final = 5
_DIFFERING: Final = (1, 5, 20, 100, 1000)
_AT_ONCE: Final = 256
"""Refs of one transaction: the journal names no more."""
_MB: Final = 1e6

Exchange = tuple[int, int, float]
"""Requests, bytes, seconds."""


def ref(number: int) -> RefName:
    return head(f"z{number:07}.example.", "main")


def tracking(name: RefName) -> RefName:
    return RefName(name.replace("refs/heads/", f"refs/remotes/{_PEER}/"))


def put(store: MemoryStore, refs: list[tuple[RefName, ObjectId]]) -> None:
    """Have refs point to objects that aren't there: nothing here looks at objects."""
    for at in range(0, len(refs), _AT_ONCE if len(refs) < 1 << 16 else len(refs)):
        some = refs[at : at + _AT_ONCE] if len(refs) < 1 << 16 else refs
        with store.write() as writer:
            draft = writer.draft
            draft.put_many(Stored.REFS, ((name.encode(), tip) for name, tip in some))
            draft.put(Stored.META, layout.SEQ, layout.U64.pack(writer.seq + 1))
            journal.note(draft, [name for name, _ in some])


@asynccontextmanager
async def served(store: MemoryStore, key: Key) -> AsyncIterator[int]:
    listener = create_server(("127.0.0.1", 0))
    app = ReplicationApp(store, Gate(_PEER, Keyring((key,)), time.time), NoMetrics())
    stop = asyncio.Event()
    task = asyncio.create_task(H2Server(app).serve([listener], stop, app.drain))
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        await task
        listener.close()


class Exchanges:
    """Of one client with one server."""

    def __init__(self, count: int) -> None:
        self._rng = Random(count)
        self._count = count
        self._server, self._client = MemoryStore(), MemoryStore()
        self._key = Key.derive(_PEER, self._rng.randbytes(32), scopes=(parse_scope("read:*"),))
        self._tracked = KnownRefs(_PEER)
        refs = [(ref(number), ObjectId(self._rng.randbytes(32))) for number in range(count)]
        put(self._server, refs)
        put(self._client, [(tracking(name), tip) for name, tip in refs])
        with self._server.read() as reader, self._client.write() as writer:
            remember(writer, _PEER, PeerRefs(reader.epoch, reader.seq, "0" * 64))

    def move(self, count: int) -> None:
        numbers = self._rng.sample(range(self._count), count)
        put(self._server, [(ref(number), ObjectId(self._rng.randbytes(32))) for number in numbers])

    async def measure(self, differing: Iterable[int]) -> tuple[dict[int, list[Exchange]], float, float]:
        """Exchanges by how many refs differ; seconds and MB of the first one."""
        found: dict[int, list[Exchange]] = {}
        async with served(self._server, self._key) as port:
            with Relay(port) as relay:
                signer = Signer(_PEER, self._key, time.time, os.urandom)
                peer = PeerClient(f"http://127.0.0.1:{relay.port}", signer)
                before, start = resident(), time.perf_counter()
                for _ in range(_TRIES):
                    with suppress(Unreachable):  # a server that is still reading its refs goes on at the next try
                        await latest_refs(peer, self._client, _PEER, tracked=self._tracked)
                        break
                first, memory = time.perf_counter() - start, resident() - before
                for count in differing:
                    for _ in range(_TURNS):
                        self.move(count)
                        relay.taken()
                        start = time.perf_counter()
                        refs = await latest_refs(peer, self._client, _PEER, tracked=self._tracked)
                        seconds = time.perf_counter() - start
                        assert refs is not None
                        assert len(refs.branches) == count
                        found.setdefault(count, []).append((*relay.taken(), seconds))
                        put(self._client, [(tracking(head(*tip[:2])), tip.oid) for tip in refs.branches])
                await peer.close()
        return found, first, memory / _MB


def resident() -> float:
    """Bytes of this process in memory."""
    return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bench(args: Namespace, place: Path) -> Report:
    if args.candidates:
        return Report("sync_refs", [], ref_candidates.tables())
    differing = [count for count in _DIFFERING if count * 2 < args.refs]
    found, first, memory = asyncio.run(Exchanges(args.refs).measure((0, *differing)))
    what = f"{args.refs:,} refs"
    figures, rows = [], list[list[Cell]]()
    for count, turns in found.items():
        requests, size, seconds = sorted(turns)[len(turns) // 2]
        rows.append([count, requests, size, round(1000 * seconds, 1)])
        if count in (0, 5, 100):
            figures.append(Figure(f"{what}, {count} differ: round trips", requests, "", at_most(1 + (count > 5))))
            figures.append(Figure(f"{what}, {count} differ", size / 1000, "KB", at_most(1 + 0.12 * count)))
    figures.append(Figure(f"{what}: the first exchange of both sides' processes", first, "s"))
    figures.append(Figure(f"{what}: memory of both sides for them", memory, "MB"))
    columns = ("refs that differ", "round trips", "bytes both ways", "ms")
    return Report("sync_refs", figures, [Table("Exchanges, the middle one of five", columns, rows)])


if __name__ == "__main__":
    parser = options("sync_refs", "which of very many refs differ")
    parser.add_argument("--refs", type=int, default=1_000_000, help="refs (1,000,000)")
    parser.add_argument("--candidates", action="store_true", help="the ways that were not chosen")
    run(bench, parser)
