"""Connections that are opened and reset as fast as that goes: who comes behind them is taken all the same."""

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import until
from httpkit import run
from tcpkit import Running, frame, starting
from zonegit.net.acceptor import BACKLOG, Acceptor

GONE = 200
"""Clients that are gone: fewer than are passed over at one look."""


def opened_and_reset(address: tuple[str, int]) -> None:
    sock = socket.create_connection(address, timeout=10)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def opened_and_closed(address: tuple[str, int]) -> None:
    socket.create_connection(address, timeout=10).close()


@pytest.mark.parametrize("leave", [opened_and_reset, opened_and_closed])
def test_clients_that_are_gone_are_passed_over(leave: Callable[[tuple[str, int]], None]) -> None:
    """At one look, and nothing is begun for them."""
    begun: list[object] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(writer.get_extra_info("peername"))
        writer.close()

    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
            for _ in range(GONE):
                leave(listener.getsockname())
            with socket.create_connection(listener.getsockname(), timeout=10) as honest:
                acceptor = Acceptor(listener.dup(), connected)
                acceptor.start()
                acceptor._take()
                assert len(acceptor._starting) == 1
                await acceptor.stop()
                assert begun == [honest.getsockname()]

    run(test())


def queue_of(listener: socket.socket) -> int:
    """How many connections may wait (`tcpi_sacked` of a listening socket, tcp(7))."""
    return int.from_bytes(listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)[28:32], "little")


def test_many_may_wait_for_dns() -> None:
    """As many as the system allows, not the hundred of asyncio."""
    allowed = min(BACKLOG, int(Path("/proc/sys/net/core/somaxconn").read_text()))
    with starting() as start:
        server: Running = start()
        with server.connect() as sock:
            sock.sendall(frame(b"a"))
            assert sock.recv(3) == frame(b"A")
        assert queue_of(server.listener) == allowed
        for _ in range(GONE):
            opened_and_reset(server.address)
        with server.connect() as sock:
            sock.sendall(frame(b"b"))
            assert sock.recv(3) == frame(b"B")
        until(lambda: not server.server._connections, "the end of those that are gone")
