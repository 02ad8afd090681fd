"""Floods of scrapes, and what else strangers say to the metrics port, which shares its process with `/v0`."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from daemonkit import until
from httpkit import run
from zonegit.net.h2_serving import H2Server
from zonegit.net.metrics_app import MetricsApp
from zonegit.net.rounds import Rounds
from zonegit.net.strangers import Strangers

PAGE, SHARE = 0.005, 0.2
"""Seconds that a page takes here, and of the time that pages may take."""


@asynccontextmanager
async def metrics(app: MetricsApp) -> AsyncIterator[tuple[int, H2Server]]:
    """Serves the page as the http process does."""
    stop = asyncio.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    server = H2Server(app, strangers=Strangers(seconds=None), keyless=True)
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


def test_scrapes_take_turns_and_one_page_is_for_all_who_wait() -> None:
    """1,600 requests over 8 connections, one behind the other: what `/v0` shares with them is bounded."""
    pages: list[str] = []

    def page(accept: str) -> tuple[bytes, str]:
        pages.append(accept)
        time.sleep(PAGE)
        return b"page", ""

    def flood(port: int, rounds: Rounds) -> None:
        with ExitStack() as stack:
            for _ in range(8):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
                sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
            until(lambda: len(pages) >= 5, "some pages")
            began, before, made = time.monotonic(), rounds.taken, len(pages)
            time.sleep(0.2)
            made, taken = len(pages) - made, rounds.taken - before
            assert made <= (time.monotonic() - began) * SHARE / PAGE + 2
            assert taken <= 8 * (made + 2), "each asks again when it has an answer"

    async def both() -> None:
        async with metrics(MetricsApp(page, lambda: None)) as (port, server):
            await asyncio.to_thread(flood, port, server._rounds)

    run(both())
