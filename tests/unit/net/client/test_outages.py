"""A peer that is away, in every way that one can be: an outage within seconds, and an answer once it is back."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from httpkit import peer_of, run, running
from synckit import KEY, PEER, commit, names
from zonegit.auth.gate import Signer
from zonegit.errors import Unreachable
from zonegit.net.client import peer as http_client
from zonegit.net.client.peer import PeerClient
from zonegit.store.memory import MemoryStore

HOST = "primary.example.test"


def store() -> MemoryStore:
    made = MemoryStore()
    commit(made, "example.org.", names("example.org.", 3))
    return made


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose SYNs the kernel drops: its queue of connections is full and nobody takes one."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", port))
            yield port
        finally:
            for each in waiting:
                each.close()


def test_dropped_packets_end_a_try_within_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "CONNECT", 0.1)

    async def test() -> None:
        with black_hole() as port:
            async with peer_of(f"http://127.0.0.1:{port}") as peer:
                with pytest.raises(Unreachable, match="can't be reached"):
                    await peer.refs(wait=60)

    run(test(), http_client.PATIENCE)


def test_a_name_without_an_address_and_then_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    known = False

    def getaddrinfo(host, *arguments, **more):  # type: ignore[no-untyped-def]
        if host not in (HOST, HOST.encode()):
            return real(host, *arguments, **more)
        if not known:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real("127.0.0.1", *arguments, **more)

    async def test() -> None:
        nonlocal known
        async with running(store()) as server:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            peer = PeerClient(f"http://{HOST}:{server.port}", signer, allow_plaintext=True)
            with pytest.raises(Unreachable, match="can't be reached"):
                await peer.refs()
            known = True
            assert await peer.refs() is not None
            await peer.close()

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    run(test())


def test_an_idle_connection_notices_that_its_other_side_is_lost() -> None:
    """A machine that lost its power says no word; only probes tell, and the kernel sends them."""

    async def test() -> None:
        async with running(store()) as server, peer_of(server.url) as peer:
            assert await peer.refs() is not None
            assert peer._connection is not None
            (each,) = peer._connection._transport._pool.connections
            sock = each._connection._network_stream.get_extra_info("socket")
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            idle = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            silent = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) / 1000
            assert idle + sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) < silent < 15

    run(test())
