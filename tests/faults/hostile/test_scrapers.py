"""Floods of scrapes, and what else strangers say to the metrics port, which shares its process with `/v0`."""

import asyncio
import socket
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from http.client import HTTPConnection

import h11
import pytest

from daemonkit import until
from httpkit import run
from rawh2 import RawClient
from zonegit.net.server.fair_queue import FairQueue
from zonegit.net.server.h2_server import H2Server
from zonegit.net.server.metrics_app import MetricsApp
from zonegit.net.server.unauthenticated import Unauthenticated

PAGE, SHARE = 0.005, 0.2
"""Seconds that a page takes here, and of the time that pages may take."""


ASKERS = 8
"""Connections that ask without end."""
WAIT = 2
"""Turns that one other source has, at most, before it is the turn of a connection that is alone at its own."""
HELD = 1 << 20
"""Bytes that a client can get rid of before those are handled that it has sent first: one reading here, and what
the system's buffers take by its own measure, some 250 KiB on loopback."""
PARSED = 64 << 10
"""Bytes that come to the parser of a connection that sends what is no request."""
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@asynccontextmanager
async def metrics(app: MetricsApp, rounds: FairQueue | None = None) -> AsyncIterator[tuple[int, H2Server]]:
    """Serves the page as the http process does."""
    stop = asyncio.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    server = H2Server(app, unauthenticated=Unauthenticated(seconds=None), fair_queue=rounds, keyless=True)
    task = asyncio.create_task(server.serve([listener], stop))
    try:
        yield listener.getsockname()[1], server
    finally:
        stop.set()
        await task


UPGRADES = {
    "h2c": "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
    "nonsense for settings": "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: %%%\r\n",
    "no settings": "Connection: Upgrade\r\nUpgrade: h2c\r\n",
    "WebSocket": "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: x\r\n",
    "Accept": "Accept: application/openmetrics-text; version=x, text/plain; version=..\r\n",
}


@pytest.mark.parametrize("fields", UPGRADES.values(), ids=UPGRADES.keys())
def test_the_metrics_page_takes_no_upgrade(fields: str, caplog: pytest.LogCaptureFixture) -> None:
    def test(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(f"GET /metrics HTTP/1.1\r\nHost: x\r\n{fields}\r\n".encode())
            answer = sock.recv(4_096)
            assert answer.startswith(b"HTTP/1.1 200 ")
            sock.sendall(b"nonsense\r\n\r\n")
            while part := sock.recv(4_096):
                answer += part
            assert b"HTTP/1.1 400 " in answer

    async def both() -> None:
        async with metrics(MetricsApp(lambda accept: (accept.encode(), ""), lambda: None)) as (port, _):
            await asyncio.to_thread(test, port)

    run(both())
    assert not caplog.records, "a stranger's nonsense leaves no line"


def test_what_a_scraper_that_is_gone_has_asked_for_is_not_answered() -> None:
    """Unread answers reset the connection when its client closes it: thousands of requests may wait behind them."""
    asked: list[str] = []

    def page(accept: str) -> tuple[bytes, str]:
        asked.append(accept)
        return bytes(10_000), ""

    async def both() -> None:
        async with metrics(MetricsApp(page, lambda: None)) as (port, server):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000)
            await reader.readexactly(1)
            writer.transport.abort()
            async with asyncio.timeout(20):
                while server.open.total():
                    await asyncio.sleep(0.01)

    run(both())
    assert len(asked) < 200


def test_a_scraper_that_leaves_without_taking_its_page_leaves_nothing_behind() -> None:
    """Over HTTP/2 with a closed window: the page waits in a buffer that nobody will empty."""

    def leave(port: int) -> None:
        with RawClient(port, window=0) as client:
            stream = client.send("GET", "/metrics", [])
            while not client.answers[stream].headers and client.read():
                pass
            assert client.answers[stream].status == 200

    async def both() -> None:
        async with metrics(MetricsApp(lambda accept: (bytes(100_000), ""), lambda: None)) as (port, server):
            await asyncio.to_thread(leave, port)
            async with asyncio.timeout(20):
                while server.open.total():
                    await asyncio.sleep(0.01)

    run(both())


def test_scrapes_take_turns_and_one_page_is_for_all_who_wait() -> None:
    """1,600 requests over 8 connections, one behind the other: what `/v0` shares with them is bounded."""
    pages: list[str] = []

    def page(accept: str) -> tuple[bytes, str]:
        pages.append(accept)
        time.sleep(PAGE)
        return b"page", ""

    def flood(port: int, rounds: FairQueue) -> None:
        with ExitStack() as stack:
            for _ in range(8):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
            until(lambda: len(pages) >= 5, "some pages")
            began, made, before = time.monotonic(), len(pages), rounds.taken
            time.sleep(0.2)  # and time goes on between two looks: each number is at most what the next allows
            taken, made = rounds.taken - before, len(pages) - made
            assert made <= (time.monotonic() - began) * SHARE / PAGE + 2
            assert taken <= 8 * (made + 2), "each asks again when it has an answer"

    async def both() -> None:
        async with metrics(MetricsApp(page, lambda: None)) as (port, server):
            await asyncio.to_thread(flood, port, server.fair_queue)

    run(both())


class Watched(FairQueue):
    """Notes how many turns others had while a connection waited for its own, by its line."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: dict[str, list[int]] = defaultdict(list)

    async def take(self, line: str, had: int = 0) -> None:
        before = self.taken
        await super().take(line, had)
        self.waits[line].append(self.taken - before - 1)


def ask_without_end(port: int, over: threading.Event) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=20, source_address=("127.0.2.66", 0)) as sock:
        while not over.is_set():
            sock.sendall(HEALTH * 100)
            answers = b""
            while answers.count(b"ok\n") < 100:
                answers += sock.recv(1 << 16)


def test_sources_and_the_connections_of_one_take_turns() -> None:
    """8 connections of one address that pipeline requests, beside a scraper elsewhere and one at that address."""
    rounds = Watched()

    def scrape(port: int) -> None:
        over = threading.Event()
        askers = [threading.Thread(target=ask_without_end, args=(port, over)) for _ in range(ASKERS)]
        for each in askers:
            each.start()
        try:
            until(lambda: len(rounds.waits["keyless 127.0.2.66"]) > 500, "the flood")
            for address in ["127.0.0.200"] * 5 + ["127.0.2.66"] * 5:
                scraper = HTTPConnection("127.0.0.1", port, timeout=20, source_address=(address, 0))
                scraper.request("GET", "/healthz")
                assert scraper.getresponse().read() == b"ok\n"
                scraper.close()
        finally:
            over.set()
            for each in askers:
                each.join(20)

    async def both() -> None:
        async with metrics(MetricsApp(lambda accept: (b"", ""), lambda: None), rounds) as (port, server):
            await asyncio.to_thread(scrape, port)
            await asyncio.to_thread(until, lambda: not server.open.total(), "the end of the connections")

    run(both())
    assert max(rounds.waits["keyless 127.0.0.200"]) <= WAIT
    assert max(rounds.waits["keyless 127.0.2.66"]) <= ASKERS + 1 + WAIT


NONSENSE = {
    "empty lines": (b"\r\n" * 5_000, b"400"),
    "a line without end": (b"x" * 20_000, b"4"),
    "a head without end": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 20_000, b"431"),
    "a long head": (b"GET /healthz HTTP/1.1\r\nHost: x\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
    "many fields": (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"x: y\r\n" * 100 + b"\r\n", b"431"),
}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what comes to the parser."""
    sizes: list[int] = []
    shipped = h11.Connection.receive_data

    def receive(self: h11.Connection, data: bytes) -> None:
        sizes.append(len(data))
        shipped(self, data)

    monkeypatch.setattr(h11.Connection, "receive_data", receive)
    return sizes


@pytest.mark.parametrize(("begun", "status"), NONSENSE.values(), ids=NONSENSE.keys())
def test_what_is_no_request_is_refused(begun: bytes, status: bytes) -> None:
    def test(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
            sock.sendall(begun)
            answer = sock.recv(4_096)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert b"connection: close" in answer

    async def both() -> None:
        async with metrics(MetricsApp(lambda accept: (b"", ""), lambda: None)) as (port, server):
            await asyncio.to_thread(test, port)
            await asyncio.to_thread(until, lambda: not server.open.total(), "the end of the connection")

    run(both())


@pytest.mark.parametrize(
    "begun", [b"\r\n" * 500_000, NONSENSE["many fields"][0][:-2] * 1_000], ids=["lines", "head"]
)
def test_what_is_no_request_is_not_kept(begun: bytes, parsed: list[int]) -> None:
    def test(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as sock, suppress(ConnectionError):
            sock.sendall(begun)

    async def both() -> None:
        async with metrics(MetricsApp(lambda accept: (b"", ""), lambda: None)) as (port, server):
            await asyncio.to_thread(test, port)
            await asyncio.to_thread(until, lambda: not server.open.total(), "the end of the connection")

    run(both())
    assert sum(parsed) <= PARSED


def test_nothing_is_read_while_an_answer_is_owed() -> None:
    going_on = threading.Event()

    def page(accept: str) -> tuple[bytes, str]:
        going_on.wait(20)
        return b"", ""

    def test(port: int) -> None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
                sock.settimeout(0.2)
                sent = 0
                with suppress(TimeoutError):
                    while sent <= HELD:
                        sent += sock.send(HEALTH * 100)
                assert sent <= HELD
        finally:
            going_on.set()

    async def both() -> None:
        async with metrics(MetricsApp(page, lambda: None)) as (port, server):
            await asyncio.to_thread(test, port)
            await asyncio.to_thread(until, lambda: not server.open.total(), "the end of the connection")

    run(both())
