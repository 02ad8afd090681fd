"""A large zone comes over a connection for each of the peer's processes, four at most; they end with the pull."""

import asyncio
import json

import pytest

from httpkit import peer_of, run, running
from synckit import PEER, WHO, commit, local_refs, names
from zonegit.net.client.peer import PeerClient
from zonegit.net.client.pull import pull
from zonegit.store.memory import MemoryStore
from zonegit.sync.session import Session
from zonegit.sync.wire import PeerRefs


@pytest.mark.parametrize(("workers", "connections"), [(1, 1), (2, 2), (1 << 40, 4)])
def test_streams_at_once_are_spread(monkeypatch: pytest.MonkeyPatch, workers: int, connections: int) -> None:
    beside = PeerClient.beside
    extra: list[PeerClient] = []

    def counted(peer: PeerClient) -> PeerClient:
        extra.append(beside(peer))
        return extra[-1]

    monkeypatch.setattr(PeerClient, "beside", counted)

    async def test() -> None:
        primary, secondary = MemoryStore(), MemoryStore()
        commit(primary, "example.org.", names("example.org.", 6_000))
        async with running(primary) as server, peer_of(server.url) as peer:
            refs = await peer.refs()
            assert refs is not None and refs.workers == 1
            session = Session(secondary, PEER, refs._replace(workers=workers), 500)
            await pull(peer, session, WHO)
            assert local_refs(secondary) == local_refs(primary)
            assert len(extra) == connections - 1
            async with asyncio.timeout(20):
                while sum(server.server.open.values()) > 1:
                    await asyncio.sleep(0.01)

    run(test())


@pytest.mark.parametrize("said", ["2", -1, 0, None, [], True, 1.5])
def test_a_number_of_workers_that_is_none_means_one(said: object) -> None:
    state = {"epoch": "0" * 32, "seq": 1, "root": "0" * 64, "branches": [], "tags": [], "workers": said}
    assert PeerRefs.decode(json.dumps(state).encode()).workers == 1
