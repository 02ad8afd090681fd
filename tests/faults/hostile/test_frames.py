"""What frames cost before anybody has shown a key, and what is left for others meanwhile: counted, not timed."""

import asyncio
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from typing import Any

import h2.connection
import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemonkit import until
from httpkit import Running, run, served
from rawh2 import (
    CONTINUATION,
    END_HEADERS,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    frame,
)
from synckit import KEY, PEER
from zonegit.auth.gate import Gate
from zonegit.auth.keyring import Keyring
from zonegit.net.server import frame_budget, hypercorn_patches
from zonegit.net.server.fair_queue import FairQueue
from zonegit.net.server.frame_budget import BURST, UNAUTHENTICATED_BURST, FrameBudget
from zonegit.net.server.h2_frames import PREFACE, REQUEST, TURN, FrameMeter, cost_of
from zonegit.net.server.request import Request

HANDLED: int = UNAUTHENTICATED_BURST
"""Frames of one stranger's connection that h2 may see, where no unit comes back with time."""
DELAY = 200
"""Turns of 8 flooding connections during an honest stranger's one request, which has a handful itself."""
AT_ONCE = 12
"""Failures that are answered in one round: those of a source's burst, and one that waited."""
HONEST = UNAUTHENTICATED_BURST / 4
"""Units that a client uses at most before its first request has passed."""


def fields(*more: tuple[str, str]) -> bytes:
    pseudo = [(":method", "GET"), (":path", "/v0/refs"), (":scheme", "http"), (":authority", "x")]
    return hpack.Encoder().encode([*pseudo, *more])


OPENED = frame(HEADERS, fields(), END_HEADERS, 1)
RESET = frame(RST_STREAM, bytes(4), 0, 1)
FLOODS: dict[str, tuple[bytes, bytes]] = {
    "windows of a stream that was reset": (OPENED + RESET, frame(WINDOW_UPDATE, struct.pack(">I", 1), 0, 1)),
    "resets of a stream that was reset": (OPENED + RESET, RESET),
    "empty data": (OPENED, frame(0, b"", 0, 1)),
    "data for a stream that was reset": (OPENED + RESET, frame(0, bytes(1_000), 0, 1)),
    "requests on a stream that was reset": (OPENED + RESET, OPENED),
    "alternative services": (b"", frame(10, b"\0\1xyy")),
    "large header blocks": (OPENED + RESET, frame(HEADERS, fields(("x", "v" * 9_000)), END_HEADERS, 1)),
    "blocks of many fields": (OPENED + RESET, frame(HEADERS, fields() + b"\x90" * 200, END_HEADERS, 1)),
    "pings": (b"", frame(6, b"12345678")),
    "large settings": (b"", frame(SETTINGS, b"".join(struct.pack(">HI", at, 1) for at in range(256, 2_500)))),
}
"""What comes first, and what comes again and again then."""


@pytest.fixture
def handled(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The frames that h2 has seen."""
    seen: list[object] = []
    receive = h2.connection.H2Connection._receive_frame

    def counted(self: h2.connection.H2Connection, frame: object) -> list[h2.events.Event]:
        if not self.config.client_side:
            seen.append(frame)
        return receive(self, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(h2.connection.H2Connection, "_receive_frame", counted)
    return seen


def pour(port: int, first: bytes, again: bytes, count: int = 1 << 30) -> int:
    """Send so much until the server closes the connection; how many bytes it took."""
    taken = 0
    block = again * (16_384 // len(again) + 1)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        try:
            sock.sendall(PREFACE + frame(SETTINGS) + first)
            while taken < count:
                taken += sock.send(block)
        except ConnectionError:
            pass
    return taken


@pytest.mark.parametrize("flood", FLOODS)
def test_no_frame_is_handled_that_was_not_paid_for(
    flood: str, handled: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_budget, "PER_SECOND", 0.0)

    def test(server: Running) -> None:
        taken = pour(server.port, *FLOODS[flood], count=64 << 20)
        assert taken < 64 << 20, "nobody stopped it"
        until(lambda: not server.server.open.total(), "the end of the connection")

    served(test)
    assert len(handled) <= HANDLED


def test_priorities_of_very_many_streams_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    """RFC 9113 §5.3.2: as shipped each of them is kept, up to a thousand, and one more is an exception."""

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200
            client.sock.sendall(b"".join(frame(PRIORITY, bytes(5), 0, at) for at in range(101, 2_301, 2)))
            assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200

    served(test)
    assert not caplog.records


def test_what_follows_an_error_has_no_turns() -> None:
    """RFC 9113 §5.4.1: the connection is over with the frame that breaks a rule, whatever else one read brought."""

    def test(server: Running) -> None:
        broken, pings = frame(HEADERS, bytes(5), END_HEADERS, 0), frame(PING, bytes(8)) * 450
        before = server.server.fair_queue.taken
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            sock.sendall(PREFACE + frame(SETTINGS) + broken + pings)
            until(lambda: not server.server.open.total(), "the end of the connection")
        # One for each read up to the error, in however many segments that came; the pings would have 450.
        assert server.server.fair_queue.taken - before < 45

    served(test)


def test_settings_that_nobody_knows_are_not_remembered(handled: list[object]) -> None:
    def test(server: Running) -> None:
        known = b"".join(struct.pack(">HI", at, 1) for at in range(256, 300))
        taken = pour(server.port, frame(SETTINGS, known), frame(SETTINGS))
        assert taken
        until(lambda: not server.server.open.total(), "the end of the connection")

    served(test)
    assert len(handled) <= 10, "the connection ends with what comes behind them"


@pytest.mark.parametrize("flood", ["pings", "empty data", "requests on a stream that was reset"])
def test_a_flood_of_eight_connections_delays_others_by_some_turns(flood: str) -> None:
    def test(server: Running) -> None:
        first, again = FLOODS[flood]
        socks = []
        try:
            for _ in range(8):
                sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
                socks.append(sock)
                sock.sendall(PREFACE + frame(SETTINGS) + first)
                sock.setblocking(False)
                sock.send(again * (65_536 // len(again)))
            with RawClient(server.port) as client:  # not counted: how long this thread waits for the interpreter
                headers = client.signed("GET", "/v0/refs")
                before = server.server.fair_queue.taken
                assert client.ask("GET", "/v0/refs", headers).status == 200
                assert server.server.fair_queue.taken - before <= DELAY
        finally:
            for sock in socks:
                sock.close()

    served(test)


def test_failures_that_waited_together_are_answered_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a source over its budget wait a second: without turns all of them come due in one round."""
    answered: list[int] = []
    send_reply = Request.send_reply

    def test(server: Running) -> None:
        async def noted(self: Request, *arguments: Any) -> None:
            answered.append(server.server.fair_queue.taken)
            await send_reply(self, *arguments)

        monkeypatch.setattr(Request, "send_reply", noted)
        with ExitStack() as stack:
            clients = [stack.enter_context(RawClient(server.port)) for _ in range(8)]
            for each in clients:
                for _ in range(25):
                    each.send("GET", "/v0/refs", [])
            for each in clients:
                while not all(answer.ended for answer in each.answers.values()):
                    assert each.read()
                assert {answer.status for answer in each.answers.values()} <= {401, 429}

    served(test, gate=Gate(PEER, Keyring([KEY]), time.time))
    assert len(answered) == 200
    assert max(Counter(answered).values()) <= AT_ONCE


def test_turns_are_one_in_each_round_and_go_round_the_sources() -> None:
    order: list[str] = []

    async def flood(rounds: FairQueue, source: str) -> None:
        for had in range(3):
            await rounds.take(source, had)
            order.append(source)

    async def test() -> None:
        rounds = FairQueue()
        many = [asyncio.create_task(flood(rounds, "many")) for _ in range(5)]
        gone = asyncio.create_task(flood(rounds, "gone"))
        await asyncio.sleep(0)
        one = asyncio.create_task(flood(rounds, "one"))
        gone.cancel()
        for number in range(1, 100):
            await asyncio.sleep(0)
            assert len(order) <= number + 1
        await asyncio.gather(*many, one)

    run(test())
    assert len(order) == 18
    assert "one" in order[:4], "who is alone at its source is next"
    assert order.count("one") == 3


def test_a_newcomer_is_not_behind_those_who_send_without_end() -> None:
    order: list[str] = []

    async def turns(rounds: FairQueue, name: str, had: int) -> None:
        for more in range(3):
            await rounds.take("one source", had + more)
            order.append(name)

    async def test() -> None:
        rounds = FairQueue()
        old = [asyncio.create_task(turns(rounds, "old", 10)) for _ in range(60)]
        await asyncio.sleep(0)
        await asyncio.gather(*old, asyncio.create_task(turns(rounds, "new", 0)))

    run(test())
    assert order[:10].count("new") == 3


def chunks(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return (data[start:end] for start, end in pairwise(ends))


FRAMES = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 40)), max_size=30)


@given(FRAMES, st.lists(st.integers(0, 1_500), max_size=20))
def test_a_meter_charges_the_same_however_bytes_are_cut(frames: list[tuple[int, int]], cuts: list[int]) -> None:
    data = PREFACE + b"".join(frame(kind, bytes(length)) for kind, length in frames)
    meter = FrameMeter()
    found = [piece for chunk in chunks(data, cuts) for piece in meter.pieces(chunk)]
    assert b"".join(piece for piece, _ in found) == data
    assert sum(cost for _, cost in found) == sum(cost_of(*each) for each in frames)
    dearest = max((cost_of(*each) for each in frames), default=0)
    assert all(cost <= max(TURN, dearest) for _, cost in found)


def test_a_meter_hands_over_a_frame_before_the_next_is_charged() -> None:
    ping, dear = frame(6, b"12345678"), frame(HEADERS, bytes(8_000), END_HEADERS, 1)
    pieces = list(FrameMeter().pieces(PREFACE + ping + dear + ping))
    assert pieces == [(PREFACE + ping, 1), (dear, REQUEST + 1_000), (ping, 1)]


def test_what_a_request_gives_back_is_what_its_own_header_block_cost() -> None:
    meter = FrameMeter()
    small, large = frame(HEADERS, bytes(80), END_HEADERS, 1), frame(HEADERS, bytes(800), 0, 3)
    rest = frame(CONTINUATION, bytes(80), END_HEADERS, 3)
    found = [meter.request for _ in meter.pieces(PREFACE + small + RESET + large + rest + RESET)]
    assert found == [REQUEST + 10, REQUEST + 10, REQUEST + 100, REQUEST + 100 + 11]


def test_bytes_one_by_one_cost_too(handled: list[object]) -> None:
    """A frame that never ends, of one byte in each packet, so that no frame is charged."""

    async def test() -> None:
        budget = FrameBudget(per_second=0)
        protocol = hypercorn_patches.BoundedH2Protocol.__new__(hypercorn_patches.BoundedH2Protocol)
        protocol._budget, protocol._meter, protocol.closed = budget, FrameMeter(), False
        protocol.connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        sent: list[object] = []

        async def send(event: object) -> None:
            sent.append(event)

        protocol.send = send  # type: ignore[method-assign]
        for byte in PREFACE + frame(200, bytes(16_000)):
            await protocol._receive(bytes([byte]))
            if sent:
                break
        assert sent and budget.left < 0

    run(test())
    assert not handled


def test_an_honest_client_is_far_from_the_end_of_its_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    least: dict[bool, float] = {False: UNAUTHENTICATED_BURST, True: BURST}
    spend = FrameBudget.spend

    def noted(self: FrameBudget, cost: float) -> bool:
        fits = spend(self, cost)
        least[self.is_authenticated] = min(least[self.is_authenticated], self.left)
        return fits

    monkeypatch.setattr(FrameBudget, "spend", noted)

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            for _ in range(50):
                assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200
                client.h2.ping(b"12345678")

    served(test)
    assert least[False] >= UNAUTHENTICATED_BURST - HONEST
    assert least[True] >= BURST - HONEST


def refused(text: bytes) -> Callable[[Running], None]:
    def test(server: Running) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
            sock.sendall(text)
            answer = b""
            try:
                while part := sock.recv(4_096):
                    answer += part
            except ConnectionError:
                pass
        assert answer.startswith(b"HTTP/1.1 505 ")
        assert answer.endswith(b"\r\n\r\n")
        assert not server.samples.values, "no application saw it"

    return test


@pytest.mark.parametrize(
    "text",
    [
        b"GET /v0/refs HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: %\xff\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    ],
    ids=["HTTP/1.1", "h2c", "WebSocket", "CONNECT", "TLS", "another preface"],
)
def test_what_is_not_http_2_is_refused_unread(text: bytes, caplog: pytest.LogCaptureFixture) -> None:
    served(refused(text))
    assert not caplog.records, "a stranger's nonsense leaves no line"
