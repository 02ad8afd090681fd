"""Serving on sockets that are given: what is left when it ends."""

import asyncio
import gc
import socket
from types import SimpleNamespace

import pytest
from hypercorn.asyncio.worker_context import AsyncioSingleTask
from hypercorn.events import Updated

from httpkit import run, running
from zonegit.net.server.hypercorn_patches import Connection
from zonegit.store.memory import MemoryStore


@pytest.mark.parametrize("rounds", range(4))
def test_a_connection_that_was_just_accepted_is_closed_at_the_end(rounds: int) -> None:
    async def test() -> None:
        async with running(MemoryStore()) as server:
            await asyncio.sleep(0.01)
            clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(4)]
            for _ in range(rounds):
                await asyncio.sleep(0)
        for client in clients:
            client.close()

    run(test())
    gc.collect()  # which tells of sockets that nobody closed


def test_an_idle_time_that_begins_as_the_connection_ends_is_over_at_once() -> None:
    """The connection is gone between the end of the old idle time and the beginning of the new one."""

    async def for_ever() -> None:
        await asyncio.Event().wait()

    async def test() -> None:
        connection = Connection.__new__(Connection)
        connection.idle_task = AsyncioSingleTask()
        connection._idle_timeout = for_ever  # type: ignore[method-assign]
        async with asyncio.TaskGroup() as group:
            connection._task_group = SimpleNamespace(_task_group=group)  # type: ignore[assignment]
            await connection.protocol_send(Updated(idle=True))
            await asyncio.sleep(0)
            answered = group.create_task(connection.protocol_send(Updated(idle=True)))
            await asyncio.sleep(0)
            connection._gone = True
            answered.cancel()

    run(test(), 10)
