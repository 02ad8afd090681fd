"""TLS records that cost a server something and bring it nothing, or next to nothing: counted, and in turns."""

import asyncio
import socket
import ssl
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from daemonkit import until
from httpkit import Running, served
from rawh2 import frame as h2_frame
from recordkit import ALERT, CHANGE_CIPHER_SPEC, DATA, HANDSHAKE, KEY_UPDATE, KEY_UPDATE_ASKED, Client, plain
from tcpkit import Echo, Wire, frame
from tlskit import Authority
from zonegit.dns.recipient import WaitingConnection
from zonegit.dns.wire.message import Transport
from zonegit.net.dns.tcp import TcpServer
from zonegit.net.server import frame_budget, h2_tls
from zonegit.net.server.frame_budget import READ, UNAUTHENTICATED_BURST
from zonegit.net.server.h2_frames import PREFACE
from zonegit.net.tls import Identity, client_context, dns_context, server_context
from zonegit.net.tls_stream import EMPTY, TlsStream
from zonegit.net.turns import TURN
from zonegit.ops import loop_slots

SECONDS = 30
LOOK = 0.00001
"""Seconds that a look at the clock takes here: what a record does elsewhere."""
PER_TURN = round(TURN / LOOK) + 2
"""Records; one more may have begun."""
HANDSHAKE_RECORDS = 4
"""Those of an honest client, at most."""
FLOOD = 300
"""More records than may bring nothing."""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of the records that were decrypted."""
    found: list[int] = []
    open_one = TlsStream._open

    def counted(self: TlsStream, length: int) -> bytes:
        found.append(length)
        return open_one(self, length)

    monkeypatch.setattr(TlsStream, "_open", counted)
    return found


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def ticking() -> Callable[[], float]:
    now = 0.0

    def look() -> float:
        nonlocal now
        now += LOOK
        return now

    return look


class Noting(Echo):
    """Says how many records had been decrypted when `honest` was asked."""

    def __init__(self, opened: list[int]) -> None:
        super().__init__()
        self._opened = opened
        self.before = 0

    def respond_tcp(
        self, packet: bytes, client: bytes, transport: Transport, connection: WaitingConnection
    ) -> bytes | Iterator[bytes] | None:
        if packet == b"honest":
            self.before = len(self._opened)
        return super().respond_tcp(packet, client, transport, connection)


@pytest.fixture
def echo(opened: list[int]) -> Noting:
    return Noting(opened)


@pytest.fixture
def dns(ca: Authority, echo: Noting) -> TcpServer:
    files = ca.issue("server")
    return TcpServer(
        [], echo, array("Q", bytes(8 * loop_slots.LOOP_SLOTS)), most=64, per_source=64, idle=60,
        log=lambda what, error: pytest.fail(f"{what}: {error}"), clock=ticking(),
        tls=dns_context(Identity(files.cert, files.key)),
    )  # fmt: skip


def trusting(ca: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca.cert))


def connected(server: TcpServer, client: Client) -> tuple[Wire, TlsStream]:
    """A connection behind its handshake."""
    protocol = server._secure()
    assert isinstance(protocol, TlsStream)
    wire = Wire(client="127.0.1.1")
    wire.begin(protocol)
    protocol.data_received(client.shake())
    protocol.data_received(client.shake(taken(wire)))
    client.read(taken(wire))
    return wire, protocol


def taken(wire: Wire) -> bytes:
    found = bytes(wire.written)
    wire.written.clear()
    return found


def in_loop(test: Callable[[], None]) -> None:
    async def inside() -> None:
        test()
        for _ in range(3):
            await asyncio.sleep(0)

    asyncio.run(inside())


NOTHING = {
    "key updates": (HANDSHAKE, KEY_UPDATE),
    "key updates that ask for one": (HANDSHAKE, KEY_UPDATE_ASKED),
    "empty records": (DATA, b""),
    "alerts that end nothing": (ALERT, b"\1\x5a"),
}


@pytest.mark.parametrize(("kind", "content"), NOTHING.values(), ids=NOTHING)
def test_records_that_bring_nothing_end_a_connection(
    dns: TcpServer, ca: Authority, tmp_path: Path, opened: list[int], kind: int, content: bytes
) -> None:
    client = Client(trusting(ca), tmp_path / "secrets")

    def test() -> None:
        wire, protocol = connected(dns, client)
        protocol.data_received(client.record(DATA, frame(b"a")) + client.record(kind, content))
        assert client.read(taken(wire)) == frame(b"A"), "a few of them are nothing"
        assert not wire.closing
        opened.clear()
        protocol.data_received(b"".join(client.record(kind, content) for _ in range(FLOOD)))
        assert wire.closing
        assert len(opened) <= EMPTY
        assert len(wire.written) <= EMPTY * 64
        protocol.connection_lost(None)

    in_loop(test)


@pytest.mark.parametrize("kind", ["pieces of a byte", "changes of the cipher"])
def test_a_handshake_in_many_records_ends(
    dns: TcpServer, ca: Authority, tmp_path: Path, opened: list[int], kind: str
) -> None:
    hello = Client(trusting(ca), tmp_path / "secrets").shake()
    sent = {
        "pieces of a byte": b"".join(plain(HANDSHAKE, bytes((byte,))) for byte in hello[5:]),
        "changes of the cipher": hello + plain(CHANGE_CIPHER_SPEC, b"\1") * FLOOD,
    }

    def test() -> None:
        protocol = dns._secure()
        wire = Wire()
        wire.begin(protocol)  # type: ignore[arg-type]
        protocol.data_received(sent[kind])  # type: ignore[attr-defined]
        for _ in range(20):
            dns.turns._go_round()
        assert wire.closing
        assert len(opened) <= EMPTY + 2
        protocol.connection_lost(None)

    in_loop(test)


def flood_of(client: Client, count: int, between: bytes) -> Iterator[bytes]:
    """Queries a byte a record, each behind a key update if so wanted."""
    for byte in frame(b"hostile") * count:
        if between:
            yield client.record(HANDSHAKE, between)
        yield client.record(DATA, bytes((byte,)))


@pytest.mark.parametrize(("queries", "between"), [(200, b""), (40, KEY_UPDATE)], ids=["bytes", "key updates too"])
def test_records_of_a_byte_take_turns(
    dns: TcpServer, echo: Noting, ca: Authority, tmp_path: Path, opened: list[int], queries: int, between: bytes
) -> None:
    """Another client waits for one turn, not for what a read brought; nothing more is read meanwhile."""
    client = Client(trusting(ca), tmp_path / "secrets")

    async def test() -> None:
        wire, protocol = connected(dns, client)
        sent = list(flood_of(client, queries, between))
        opened.clear()
        protocol.data_received(b"".join(sent))
        assert len(opened) <= PER_TURN
        assert not wire.reading
        before = len(opened)
        other, honest = Wire(), dns._plain()
        other.begin(honest)  # type: ignore[arg-type]
        honest.data_received(frame(b"honest"))  # type: ignore[attr-defined]
        while not wire.reading:
            await asyncio.sleep(0)
        assert other.written == frame(b"HONEST")
        assert echo.before - before <= PER_TURN
        assert len(opened) == len(sent) > 2 * PER_TURN
        assert client.read(taken(wire)) == frame(b"HOSTILE") * queries
        protocol.connection_lost(None)
        honest.connection_lost(None)

    asyncio.run(test())


def test_nothing_counts_behind_the_end(dns: TcpServer, ca: Authority, tmp_path: Path, opened: list[int]) -> None:
    """OpenSSL reads no more then; what comes all the same is kept by nobody."""
    client = Client(trusting(ca), tmp_path / "secrets")

    def test() -> None:
        wire, protocol = connected(dns, client)
        query = client.record(DATA, frame(b"xfr2"))
        opened.clear()
        protocol.data_received(query + client.record(ALERT, b"\1\0") + client.record(DATA, b"x") * FLOOD)
        protocol.data_received(client.record(DATA, b"x") * FLOOD)
        assert len(opened) == 2
        assert (len(protocol._came), protocol._incoming.pending) == (0, 0)
        assert wire.written
        protocol.connection_lost(None)

    in_loop(test)


MOST_RECORDS = int(UNAUTHENTICATED_BURST / READ) + 1
"""Of a connection of which no request has passed; the last one is refused."""


def greeted(port: int, ca: Authority, secrets: Path) -> tuple[socket.socket, Client]:
    """A connection behind its handshake with `/v0`."""
    client = Client(client_context(ca.cert, None), secrets)
    sock = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
    sock.sendall(client.shake())
    while client.tls.version() is None or not client.tls.cipher():
        sock.sendall(client.shake(sock.recv(65_536)))
    return sock, client


@pytest.mark.parametrize("piece", [0.0, 1.0], ids=["record by record", "at once"])
def test_strangers_records_are_charged_and_in_rounds(
    ca: Authority, tmp_path: Path, opened: list[int], monkeypatch: pytest.MonkeyPatch, piece: float
) -> None:
    """Key updates, and a frame in records of a byte: each has its price, and pieces of them their turn."""
    monkeypatch.setattr(h2_tls, "_PIECE", piece)
    monkeypatch.setattr(frame_budget, "PER_SECOND", 0.0)
    files = ca.issue("server")
    long = PREFACE + h2_frame(0x20, bytes(16_000))

    def updates(client: Client) -> list[bytes]:
        return [client.record(HANDSHAKE, KEY_UPDATE) for _ in range(FLOOD)]

    def bytewise(client: Client) -> list[bytes]:
        return [client.record(DATA, bytes((byte,))) for byte in long[: 2 * MOST_RECORDS]]

    def test(server: Running) -> None:
        server.server.tls = server_context(Identity(files.cert, files.key), None)
        for flood, most in ((updates, EMPTY + HANDSHAKE_RECORDS), (bytewise, MOST_RECORDS)):
            before, rounds = len(opened), server.server.fair_queue.taken
            sock, client = greeted(server.port, ca, tmp_path / flood.__name__)
            with sock:
                sent(sock, b"".join(flood(client)))
                until(lambda: server.server.open.total() == 0, "the end of the connection")
            assert len(opened) - before <= most
            assert piece or server.server.fair_queue.taken - rounds >= len(opened) - before
        sock, client = greeted(server.port, ca, tmp_path / "honest")
        with sock:
            sock.sendall(client.record(DATA, PREFACE + h2_frame(4)))
            while not client.read(sock.recv(65_536)):  # tickets come first
                pass

    served(test, seconds=SECONDS)


def sent(sock: socket.socket, data: bytes) -> None:
    """As much of it as the server takes."""
    with suppress(ConnectionError):
        sock.sendall(data)
