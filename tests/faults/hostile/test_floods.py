"""Clients that send frames for their own sake: each is cut off, or ignored, and the next client is served."""

import struct
import time
from collections.abc import Callable, Iterator

import pytest

from daemonkit import until
from httpkit import Running, served
from rawh2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    frame,
)
from zonegit.net.server import frame_budget, h2_frames, hypercorn_patches
from zonegit.sync.limits import SERVER

CALM, PROTOCOL_ERROR = 11, 1
"""Errors of RFC 9113 §7. The other one comes first where a flood of requests has too many streams open at once."""
Script = Callable[[RawClient], Iterator[bytes]]


def still_serves(server: Running) -> None:
    with RawClient(server.port) as client:
        assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200


def send(client: RawClient, data: bytes) -> bool:
    """Send bytes that h2 knows nothing of; False when the server has closed the connection."""
    try:
        client.sock.sendall(data)
    except OSError:
        return False
    return True


def goaway_of(client: RawClient) -> int | None:
    """The error in the server's GOAWAY; None when the connection ended without one."""
    found = None
    data = b""
    try:
        while part := client.sock.recv(65536):
            data += part
            while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
                size = int.from_bytes(data[:3], "big")
                if data[3] == 7:
                    found = struct.unpack(">I", data[13:17])[0]
                data = data[9 + size :]
    except OSError:
        pass
    return found


def request(client: RawClient, *more: tuple[str, str], signed: bool = True) -> bytes:
    """The header block of a request for refs."""
    headers = [(":method", "GET"), (":path", "/v0/refs"), (":scheme", "http"), (":authority", "x"), *more]
    return client.h2.encoder.encode(headers + (client.signed("GET", "/v0/refs") if signed else []))


def pings(_: RawClient) -> Iterator[bytes]:
    while True:
        yield frame(PING, b"12345678") * 100


def settings(_: RawClient) -> Iterator[bytes]:
    while True:
        yield frame(SETTINGS, struct.pack(">HI", 4, 65_535)) * 100


def windows(_: RawClient) -> Iterator[bytes]:
    while True:
        yield frame(WINDOW_UPDATE, struct.pack(">I", 1)) * 100


def unknown(_: RawClient) -> Iterator[bytes]:
    while True:
        yield frame(200, b"what?") * 100


def rapid_reset(client: RawClient) -> Iterator[bytes]:
    for at in range(1, 1 << 30, 2):
        yield frame(HEADERS, request(client), END_HEADERS | END_STREAM, at) + frame(RST_STREAM, bytes(4), 0, at)


def strangers(client: RawClient) -> Iterator[bytes]:
    """Requests that nobody signed."""
    for at in range(1, 1 << 30, 2):
        yield frame(HEADERS, request(client, signed=False), END_HEADERS | END_STREAM, at)


def empty_data(client: RawClient) -> Iterator[bytes]:
    yield frame(HEADERS, request(client), END_HEADERS, 1)
    while True:
        yield frame(DATA, b"", 0, 1) * 100


def tiny_data(client: RawClient) -> Iterator[bytes]:
    yield frame(HEADERS, request(client), END_HEADERS, 1)
    for _ in range(600):
        yield frame(DATA, b"x", 0, 1) * 100
    while True:
        yield frame(PING, b"12345678") * 100


def priorities(_: RawClient) -> Iterator[bytes]:
    for at in range(1, 1 << 30, 2):
        yield frame(PRIORITY, struct.pack(">IB", at + 2, 255), 0, at) * 2


FLOODS: list[Script] = [
    pings,
    settings,
    windows,
    unknown,
    rapid_reset,
    strangers,
    empty_data,
    tiny_data,
    priorities,
]


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.__name__)
def test_a_flood_is_told_to_calm_down(flood: Script) -> None:
    sent = 0

    def test(server: Running) -> None:
        nonlocal sent
        with RawClient(server.port) as client:
            client.sock.settimeout(20)
            deadline = time.monotonic() + 20
            script = flood(client)
            while send(client, next(script)):
                sent += 1
                assert time.monotonic() < deadline, "nobody stopped it"
            assert goaway_of(client) in (CALM, PROTOCOL_ERROR, None), "it may be lost with what nobody read"
        still_serves(server)

    served(test)


def test_what_resets_leave_behind_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[hypercorn_patches.BoundedH2Protocol] = []

    class Kept(hypercorn_patches.BoundedH2Protocol):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)
            made.append(self)

    monkeypatch.setattr("hypercorn.protocol.H2Protocol", Kept)
    monkeypatch.setattr(h2_frames, "cost_of", lambda kind, length: 0.0)

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            script = rapid_reset(client)
            for _ in range(100):
                assert send(client, next(script))
            stream = 201
            assert send(client, frame(HEADERS, request(client), END_HEADERS | END_STREAM, stream))
            while b"epoch" not in client.sock.recv(65536):
                pass
            (found,) = made
            until(lambda: {*found.streams, *found.stream_buffers} <= {stream}, "the end of what was reset")

    served(test)
    assert made[0].connection.MAX_CLOSED_STREAMS == hypercorn_patches.CLOSED_STREAMS


def test_an_honest_client_never_meets_the_budget() -> None:
    """As many requests as it likes, one after the other, with the window updates and pings that they bring."""

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            for _ in range(400):
                assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200
                client.h2.ping(b"12345678")

    served(test)


BROKEN = {
    "continuations": lambda client: frame(HEADERS, b"", 0, 1) + frame(CONTINUATION, b"", 0, 1) * 100,
    "large continuations": lambda client: frame(HEADERS, b"", 0, 1) + frame(CONTINUATION, bytes(16_384), 0, 1) * 70,
    "another frame in between": lambda client: frame(HEADERS, b"", 0, 1) + frame(PING, b"12345678"),
    "a bomb of 64 KiB in 6": lambda client: frame(
        HEADERS, b"\x40\x01a\x7f\x81\x1f" + b"v" * 4_000 + b"\xbe" * 2_000, END_HEADERS, 1
    ),
    "headers of 17 KiB": lambda client: b"".join(
        split(request(client, *[(f"x-{at}", "v" * 1_000) for at in range(17)]))
    ),
    "a table that isn't allowed": lambda client: frame(HEADERS, b"\x3f\xe1\xff\xff\x07", END_HEADERS, 1),
    "an index that isn't there": lambda client: frame(HEADERS, b"\xff\xff\xff\x7f", END_HEADERS, 1),
    "window beyond 2^31": lambda client: frame(WINDOW_UPDATE, struct.pack(">I", 0x7FFFFFFF)) * 2,
    "window of nothing": lambda client: frame(WINDOW_UPDATE, bytes(4)),
    "initial window beyond 2^31": lambda client: frame(SETTINGS, struct.pack(">HI", 4, 1 << 31)),
    "frame beyond 16 KiB": lambda client: frame(DATA, bytes(16_385), 0, 1),
    "data for nobody": lambda client: frame(DATA, b"x", 0, 1),
    "data for the connection": lambda client: frame(DATA, b"x"),
    "settings of 5 bytes": lambda client: frame(SETTINGS, b"12345"),
    "ping of 7 bytes": lambda client: frame(PING, b"1234567"),
    "a stream of the server's": lambda client: frame(HEADERS, request(client), END_HEADERS, 2),
    "a promise": lambda client: frame(5, struct.pack(">I", 2) + request(client), END_HEADERS, 1),
    "an old stream": lambda client: (
        frame(HEADERS, request(client), END_HEADERS | END_STREAM, 5)
        + frame(HEADERS, request(client), END_HEADERS | END_STREAM, 3)
    ),
    "no path": lambda client: headers(client, (":method", "GET"), (":scheme", "http")),
    "two paths": lambda client: headers(
        client, (":path", "/v0/refs"), (":path", "/"), (":method", "GET"), (":scheme", "http")
    ),
    "a pseudo-header behind": lambda client: headers(
        client, (":method", "GET"), ("x", "y"), (":path", "/"), (":scheme", "http")
    ),
    "a pseudo-header of an answer": lambda client: headers(client, (":status", "200")),
    "uppercase": lambda client: frame(HEADERS, request(client, ("Upper", "case")), END_HEADERS, 1),
    "connection": lambda client: frame(HEADERS, request(client, ("connection", "close")), END_HEADERS, 1),
    "chunked": lambda client: frame(HEADERS, request(client, ("transfer-encoding", "chunked")), END_HEADERS, 1),
    "a length that is too short": lambda client: (
        frame(HEADERS, request(client, ("content-length", "1")), END_HEADERS, 1)
        + frame(DATA, b"xyz", END_STREAM, 1)
    ),
    "a method of other letters": lambda client: headers(
        client, (":method", "G\xc9T"), (":path", "/"), (":scheme", "http"), (":authority", "x")
    ),
    "a path of other letters": lambda client: headers(
        client, (":method", "GET"), (":path", "/\xe9"), (":scheme", "http"), (":authority", "x")
    ),
    "a connect without a path": lambda client: headers(client, (":method", "CONNECT"), (":authority", "x")),
}


def headers(client: RawClient, *fields: tuple[str, str]) -> bytes:
    block = client.h2.encoder.encode([(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields])
    return frame(HEADERS, block, END_HEADERS | END_STREAM, 1)


def split(block: bytes) -> Iterator[bytes]:
    """A header block in as many frames as it takes."""
    yield frame(HEADERS, block[:16_000], 0, 1)
    yield frame(CONTINUATION, block[16_000:], END_HEADERS, 1)


@pytest.mark.parametrize("fault", BROKEN)
def test_what_breaks_the_rules_of_http_2_ends_the_connection(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            client.sock.settimeout(20)
            send(client, BROKEN[fault](client))
            assert goaway_of(client) != 0
        still_serves(server)

    served(test)
    assert not [record for record in caplog.records if record.levelname == "ERROR"], "a client's fault is no error"


def test_one_stream_too_many_ends_the_connection() -> None:
    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            root = client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).headers["etag"]
            for _ in range(SERVER.streams):
                fields = client.signed("GET", "/v0/refs")
                client.send("GET", "/v0/refs", [*fields, ("if-none-match", root), ("prefer", "wait=30")])
            send(client, frame(HEADERS, request(client), END_HEADERS | END_STREAM, 201))
            assert goaway_of(client) != 0
        still_serves(server)

    served(test)


def test_a_client_that_reads_nothing_at_all_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypercorn_patches, "WRITE_SECONDS", 0.2)
    monkeypatch.setattr(hypercorn_patches, "CLOSE_SECONDS", 0.2)
    monkeypatch.setattr(frame_budget, "PER_SECOND", 1e9)

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            client.sock.settimeout(20)
            script = (frame(PING, b"12345678") * 1_000 for _ in range(100_000))
            assert not all(send(client, data) for data in script), "its answers would fill the memory"
        still_serves(server)

    served(test)
