"""Several that take connections from one listener: an even share for each, and nobody is waited for."""

import asyncio
import errno
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

from httpkit import run
from zonegit.net.acceptor import Acceptor

SECONDS = 20.0


class Table:
    """Who has how many open; the acceptors are in one process here."""

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}

    def place(self, number: int) -> "Place":
        self.counts[number] = 0
        return Place(self, number)


class Place:
    def __init__(self, table: Table, number: int) -> None:
        self._table = table
        self._number = number

    def note(self, count: int) -> None:
        self._table.counts[self._number] = count

    def is_ahead(self, count: int) -> bool:
        return any(other < count for number, other in self._table.counts.items() if number != self._number)


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Keep a connection until its client is gone."""
    await reader.read()
    writer.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


async def connect(stack: AsyncExitStack, listener: socket.socket) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
    stack.push_async_callback(close, writer)
    return writer


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


async def started(stack: AsyncExitStack, listener: socket.socket, places: list[Place | None]) -> None:
    for place in places:
        acceptor = Acceptor(listener.dup(), hold, place)
        acceptor.start()
        stack.push_async_callback(acceptor.stop)


def test_connections_are_spread_evenly() -> None:
    async def test() -> None:
        table = Table()
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            async with AsyncExitStack() as stack:
                await started(stack, listener, [table.place(number) for number in range(3)])
                writers = await asyncio.gather(*(connect(stack, listener) for _ in range(12)))
                await until(lambda: sum(table.counts.values()) == 12)
                assert sorted(table.counts.values()) == [4, 4, 4]
                for writer in writers:
                    await close(writer)
                await until(lambda: not any(table.counts.values()))

    run(test())


def test_one_that_takes_none_is_not_waited_for() -> None:
    async def test() -> None:
        table = Table()
        table.place(1)  # hangs: it has none open and takes none
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            async with AsyncExitStack() as stack:
                await started(stack, listener, [table.place(0)])
                for _ in range(5):
                    await connect(stack, listener)
                await until(lambda: table.counts[0] == 5)

    run(test())


def test_one_alone_takes_all() -> None:
    async def test() -> None:
        taken: list[asyncio.StreamWriter] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken.append(writer)
            await hold(reader, writer)

        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            async with AsyncExitStack() as stack:
                acceptor = Acceptor(listener.dup(), connected)
                acceptor.start()
                stack.push_async_callback(acceptor.stop)
                await asyncio.gather(*(connect(stack, listener) for _ in range(40)))
                await until(lambda: len(taken) == 40)

    run(test())


def test_small_answers_go_out_at_once_on_connections_that_waited_too() -> None:
    """With Nagle's algorithm an answer in two parts waits for the client's delayed ACK: 40 ms each time."""

    async def test() -> None:
        without_delay: list[int] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sock = writer.get_extra_info("socket")
            without_delay.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            await hold(reader, writer)

        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with AsyncExitStack() as stack:
                await connect(stack, listener)
                acceptor = Acceptor(listener.dup(), connected)
                acceptor.start()
                stack.push_async_callback(acceptor.stop)
                await connect(stack, listener)
                await until(lambda: len(without_delay) == 2)
        assert all(without_delay)

    run(test())


class Scarce(socket.socket):
    """A listener of a process that has no descriptor left, once."""

    failures = 1

    def accept(self) -> tuple[socket.socket, object]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_no_descriptor_left_is_survived() -> None:
    async def test() -> None:
        table = Table()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with AsyncExitStack() as stack:
                scarce = Scarce(fileno=listener.dup().detach())
                acceptor = Acceptor(scarce, hold, table.place(0))
                acceptor.start()
                stack.push_async_callback(acceptor.stop)
                await connect(stack, listener)
                await until(lambda: table.counts[0] == 1)

    run(test())
