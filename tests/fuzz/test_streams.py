"""TCP and TLS streams against the protocol objects of the server, in-process: cut anywhere, damaged, held up.

However a stream is cut and however slowly its client takes the answers, they are the same; no stream raises or
leaves the protocol in a state from which it doesn't go on.
"""

import asyncio
import random
import ssl
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from fuzzkit import TIMES, corpus, damaged, serving
from tcpkit import Wire
from tlskit import Authority
from zonegit.daemon.live_zones import LiveZones
from zonegit.net import turns
from zonegit.net.dns import tcp
from zonegit.net.dns.tcp import TcpServer
from zonegit.net.tls import Identity, dns_context
from zonegit.net.tls_stream import TlsStream
from zonegit.ops import loop_slots

STREAMS = max(TIMES // 40, 1)
HANDSHAKES = max(TIMES // 500, 1)
TSIG = b"\0\xfa\0\xff"

pytestmark = pytest.mark.timeout(3600)


@pytest.fixture
def server(tmp_path) -> Iterator[TcpServer]:
    with serving(tmp_path / "repo", cookies=False) as (zones, log):
        yield made(zones, log)
        assert log == []


def made(zones: LiveZones, log: list[str]) -> TcpServer:
    return TcpServer(
        [],
        zones,
        array("Q", bytes(8 * loop_slots.LOOP_SLOTS)),
        most=8,
        per_source=8,
        idle=60,
        log=lambda what, error: log.append(f"{what}: {error!r}"),
    )


async def answered(server: TcpServer, pieces: Sequence[bytes], room: int, *, ends: bool) -> list[bytes]:
    """The messages that a stream in these pieces gets from a client that takes them in when it gets round to."""
    wire = Wire(room)
    protocol = server._plain()
    assert isinstance(protocol, tcp._Connection)
    wire.begin(protocol)
    for piece in pieces:
        for _ in range(10_000):
            if wire.reading or wire.closing:
                break
            wire.take()
            await asyncio.sleep(0)
        assert wire.reading, "it reads on when its answers were taken in"
        protocol.data_received(piece)
    if ends:
        protocol.eof_received()
    while protocol._waiting or protocol._paused:
        await asyncio.sleep(0)
        wire.take()
    assert wire.closing == ends
    protocol.connection_lost(None)
    return messages(wire.written)


def messages(data: bytes | bytearray) -> list[bytes]:
    """Whole frames, and nothing behind them."""
    found = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        assert end <= len(data)
        found.append(bytes(data[at + 2 : end]))
        at = end
    return found


def cut(rng: random.Random, stream: bytes) -> list[bytes]:
    """The stream in up to eight pieces; now and then byte by byte."""
    if rng.random() < 0.02:
        return [stream[at : at + 1] for at in range(len(stream))]
    places = sorted(rng.randrange(len(stream) + 1) for _ in range(rng.randrange(8)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]


def stream_of(rng: random.Random, samples: Sequence[bytes]) -> bytes:
    packets = [
        rng.choice(samples) if rng.random() < 0.5 else damaged(rng, samples) for _ in range(rng.randint(1, 12))
    ]
    packets = [packet for packet in packets if TSIG not in packet]  # what is signed has the time in it
    stream = b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)
    return damaged(rng, [stream]) if rng.random() < 0.3 else stream


@pytest.mark.parametrize("bounds", [{}, {"_TRANSFERS": 1, "JOINED": 100}])
def test_streams(server, monkeypatch, bounds):
    """Also with bounds that every stream runs into."""
    for name, value in bounds.items():
        monkeypatch.setattr(tcp, name, value)
        monkeypatch.setattr(turns, "TURN", 1e-9)  # one answer in each
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    samples = [packet for packet in corpus() if TSIG not in packet]

    async def all_of_them() -> None:
        for number in range(STREAMS):
            stream = stream_of(rng, samples)
            if TSIG in stream:
                continue  # what is signed has the time in it
            try:
                whole = await answered(server, [stream], 1 << 30, ends=True)
                pieces = await answered(server, cut(rng, stream), rng.choice((0, 100, 5000, 1 << 30)), ends=True)
                assert Counter(whole) == Counter(pieces)
            except Exception as error:
                raise AssertionError(f"seed {seed}, stream {number}: {stream.hex()}") from error

    asyncio.run(all_of_them())
    assert len(server._connections) == 0


def test_streams_that_stay_open(server):
    """As many connections as there may be at once, closed by the server when others come."""
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    samples = corpus()

    async def all_of_them() -> None:
        wires: list[Wire] = []
        for _ in range(STREAMS):
            wire = Wire(rng.choice((0, 1000)))
            protocol = server._plain()
            wire.begin(protocol)
            wires.append(wire)
            for piece in cut(rng, stream_of(rng, samples)):
                each = rng.choice(wires)
                if each.reading and not each.closing and each.protocol is not None:
                    each.protocol.data_received(piece)
                if rng.random() < 0.3:
                    each.take()
                if rng.random() < 0.05:
                    await asyncio.sleep(0)
            for each in [each for each in wires if each.closing or rng.random() < 0.02]:
                wires.remove(each)
                assert each.protocol is not None
                each.protocol.connection_lost(None)
            assert len(server._connections) <= 8
        for each in wires:
            assert each.protocol is not None
            each.protocol.connection_lost(None)
        await asyncio.sleep(0)

    try:
        asyncio.run(all_of_them())
    except Exception as error:
        raise AssertionError(f"seed {seed}") from error
    assert len(server._connections) == 0


def test_tls_streams(server, tmp_path):
    """A client's bytes damaged in the handshake or behind it: an alert, an end, or the right answers."""
    seed = random.getrandbits(32)
    rng = random.Random(seed)
    authority = Authority(tmp_path)
    files = authority.issue("server")
    server.tls = dns_context(Identity(files.cert, files.key))
    client = ssl.create_default_context(cafile=str(authority.cert))
    samples = [packet for packet in corpus() if TSIG not in packet]

    async def all_of_them() -> None:
        for _ in range(HANDSHAKES):
            protocol = server._secure()
            assert isinstance(protocol, TlsStream)
            wire = Wire(1 << 30)
            wire.begin(protocol)
            await exchange(rng, client, wire, protocol, stream_of(rng, samples))
            protocol.connection_lost(None)

    try:
        asyncio.run(all_of_them())
    except Exception as error:
        raise AssertionError(f"seed {seed}") from error
    assert len(server._connections) == 0


async def exchange(
    rng: random.Random, client: ssl.SSLContext, wire: Wire, protocol: TlsStream, stream: bytes
) -> None:
    """A few rounds of TLS, the client's side damaged at one of them."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    harm = rng.randrange(6)
    for turn in range(6):
        try:
            if turn < 2:
                tls.do_handshake()
            if turn == 2:
                tls.write(stream or b"\0\0")
            if turn == 4:
                tls.unwrap()
            tls.read(1 << 16)
        except ssl.SSLError:
            pass
        data = outgoing.read()
        if turn == harm and data:
            data = damaged(rng, [data])
        for piece in cut(rng, data):
            if not wire.closing:
                protocol.data_received(piece)
            await asyncio.sleep(0)
        incoming.write(bytes(wire.written))
        wire.written.clear()
    if not wire.closing:
        protocol.eof_received()
        for _ in range(100):
            await asyncio.sleep(0)
    assert wire.closing
