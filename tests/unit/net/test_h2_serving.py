"""Serving on sockets that are given: what is left when it ends."""

import asyncio
import gc
import socket

import pytest

from httpkit import run, running
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
