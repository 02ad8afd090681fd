"""A server of `/v0` that holds the right key and answers as a script says, byte for byte if it likes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import pytest
from blake3 import blake3

from connkit import ended, talking
from httpkit import peer_of, pull_once, run, running
from synckit import KEY, PEER, WHO, answer, local_refs, refs_of, seal_for
from zonegit.auth.key import Key
from zonegit.auth.scheme import parse_authorization, sign_response, signature_header
from zonegit.errors import NotFound, ZonegitError
from zonegit.model.ids import Kind
from zonegit.model.node import node_level
from zonegit.net.client.peer import PATIENCE, PeerClient
from zonegit.net.client.pull import latest_refs, pull
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync.frames import CONTENT_TYPE, Seal
from zonegit.sync.limits import CLIENT, ClientLimits
from zonegit.sync.session import Ask, Session
from zonegit.sync.wire import JSON_TYPE

Fields = list[tuple[str, str]]
Script = Callable[["Asked"], Awaitable[None]]


class Asked:
    """One request, and the means to answer it."""

    def __init__(self, line: "_Line", stream: int, headers: Fields) -> None:
        self.line = line
        self.stream = stream
        fields = dict(headers)
        self.path = fields[":path"]
        self.fields = fields
        self.body = b""
        self.mac = parse_authorization([fields["authorization"].encode()]).mac

    @property
    def seal(self) -> Seal:
        return seal_for(self.mac)

    async def head(self, status: int | str, *more: tuple[str, str], end: bool = False) -> None:
        self.line.h2.send_headers(self.stream, [(":status", str(status)), *more], end_stream=end)
        await self.line.flush()

    async def data(self, data: bytes, *, end: bool = False, step: int = 16_384) -> None:
        """Send bytes of the body, as far as the client's window lets them through."""
        for at in range(0, len(data), step):
            part = data[at : at + step]
            await self.line.window(self.stream, len(part))
            self.line.h2.send_data(self.stream, part)
            await self.line.flush()
        if end:
            self.line.h2.end_stream(self.stream)
            await self.line.flush()

    async def reply(
        self, status: int, body: bytes = b"", content_type: str = JSON_TYPE, *, mac: str = "", key: Key = KEY
    ) -> None:
        """A signed answer, to the request with this MAC, or to this one."""
        ts = int(time.time())
        digest = blake3(body).digest()
        signed = sign_response(key, mac or self.mac, status=status, ts=ts, content_type=content_type, digest=digest)
        await self.head(
            status,
            ("content-type", content_type),
            ("zg-signature", signature_header(key, ts, signed)),
            end=not body,
        )
        if body:
            await self.data(body, end=True)

    async def unsigned(self, status: int, body: bytes = b"", *more: tuple[str, str]) -> None:
        await self.head(status, *more, end=not body)
        if body:
            await self.data(body, end=True)

    async def frames(self, data: bytes, *, step: int = 16_384) -> None:
        """A stream of frames, as it is given."""
        await self.head(200, ("content-type", CONTENT_TYPE))
        await self.data(data, end=True, step=step)

    def truth(self, store: Store) -> bytes:
        """What an honest server of this store would stream."""
        return answer(store, Ask(1, self.path, "", self.body), self.mac)

    async def honest(self, store: Store) -> None:
        """Answer as an honest server of this store."""
        if self.path == "/v0/refs":
            await self.reply(200, refs_of(store).encode())
        else:
            await self.frames(self.truth(store))


class _Line:
    """One connection."""

    def __init__(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        config = h2.config.H2Configuration(
            client_side=False,
            header_encoding="utf-8",
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.h2 = h2.connection.H2Connection(config)
        self.reader = reader
        self.writer = writer
        self._script = script
        self._asked: dict[int, Asked] = {}
        self._opened = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        self.h2.initiate_connection()
        try:
            await self.flush()
            while data := await self.reader.read(65_536):
                for event in self.h2.receive_data(data):
                    self._take(event)
                await self.flush()
        except (ConnectionError, h2.exceptions.ProtocolError):
            pass
        finally:
            await ended(self._tasks)

    def _take(self, event: h2.events.Event) -> None:
        self._opened.set()
        if isinstance(event, h2.events.RequestReceived):
            self._asked[event.stream_id] = Asked(self, event.stream_id, list(event.headers))
        elif isinstance(event, h2.events.DataReceived):
            self._asked[event.stream_id].body += event.data
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self._tasks.add(asyncio.create_task(self._answer(self._asked[event.stream_id])))

    async def _answer(self, asked: Asked) -> None:
        try:
            await self._script(asked)
        except NotFound:
            await asked.reply(404, b'{"error":"not_found"}')
        except (ConnectionError, h2.exceptions.ProtocolError):
            self.writer.close()

    async def window(self, stream: int, size: int) -> None:
        while self.h2.local_flow_control_window(stream) < size:
            self._opened.clear()
            await self._opened.wait()

    async def flush(self) -> None:
        await self.raw(self.h2.data_to_send())

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@asynccontextmanager
async def lying(script: Script) -> AsyncIterator[str]:
    """The URL of a server that answers every request by this script."""
    async with talking(lambda reader, writer: _Line(script, reader, writer).run()) as url:
        yield url


QUICK = ClientLimits(slowest_over=0.8)
"""For a liar that is slow: to wait for it as long as for others would take minutes."""


def objects_of(store: MemoryStore) -> list[bytes]:
    with store.read() as reader:
        return [reader.get(oid) for oid in reader.object_ids()]


def leaves_of(store: MemoryStore) -> list[bytes]:
    return [data for data in objects_of(store) if data[0] == Kind.NODE and not node_level(data)]


async def once(peer: PeerClient, store: MemoryStore) -> None:
    """One exchange, as the puller makes it."""
    refs = await latest_refs(peer, store, PEER)
    assert refs is not None
    await pull(peer, Session(store, PEER, refs, bounds=peer.bounds), WHO)


def refused(
    script: Script,
    primary: MemoryStore,
    error: type[ZonegitError] | tuple[type[ZonegitError], ...],
    match: str = ".",
    bounds: ClientLimits = CLIENT,
    patience: float = PATIENCE,
) -> MemoryStore:
    """A pull from a liar fails with a declared error and moves nothing; the next, from an honest one, moves all.

    `bounds` and `patience` are for the liar alone.
    """
    secondary = MemoryStore()

    async def test() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("zonegit.net.client.peer.PATIENCE", patience)
            async with lying(script) as url, peer_of(url) as peer:
                peer.bounds = bounds
                with pytest.raises(error, match=match):
                    await once(peer, secondary)
        assert local_refs(secondary) == {}
        async with running(primary) as server, peer_of(server.url) as peer:
            await pull_once(peer, secondary)
        assert local_refs(secondary) == local_refs(primary)

    run(test(), 60)
    return secondary


def instead(primary: MemoryStore, path: str, lie: Callable[[Asked], Awaitable[None]]) -> Script:
    """An honest server but for one path."""

    async def script(asked: Asked) -> None:
        await (lie(asked) if asked.path.startswith(path) else asked.honest(primary))

    return script
