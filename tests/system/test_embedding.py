"""The library in programs of one's own: the examples against each other, and the names of the front door."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

import zonegit
from servekit import Served
from synckit import ORG, PEER
from zonegit import Keyring, ReplicationClient, ReplicationServer, Repository, SyncClient
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.errors import NotAuthorised, StoreError, Unreachable, UsageError
from zonegit.model.rdata import A
from zonegit.net.client.peer import Declined, OpenStream, PeerClient
from zonegit.sync.policy import Policy
from zonegit.sync.session import Ask

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def keys(keys: Path) -> Path:
    """Its key signs."""
    path = keys / "k1.key"
    path.write_text(path.read_text().replace('"accept"', '"sign"'))
    return keys


def test_the_examples_work_with_each_other(repo: Path, tmp_path: Path, keys: Path) -> None:
    mirror = tmp_path / "mirror"
    serve = [sys.executable, str(EXAMPLES / "embed_server.py"), str(repo), str(keys), "p1"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            follow = [sys.executable, str(EXAMPLES / "embed_client.py"), str(mirror), url, str(keys), "p1", "2"]
            with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as client:
                assert client.stdout is not None
                assert client.stdout.readline() == "refs/heads/example.org./main\n"
                with Repository.open(repo) as repository:
                    tip = repository.set("www", 1, 60, [bytes((192, 0, 2, 99))]).new
                assert client.stdout.readline() == "refs/heads/example.org./main\n"
                assert client.wait(20) == 0
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(20) == 0
    with Repository.open(mirror) as repository:
        assert repository.resolve("main", zone="example.org").id == tip


@pytest.mark.parametrize("compress", [False, True])
def test_the_client_asks_for_compression_when_told(
    repo: Path, tmp_path: Path, keys: Path, compress: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    Repository.init(mirror).close()
    asked: list[bytes] = []
    stream = PeerClient.stream

    def noted(peer: PeerClient, ask: Ask) -> AbstractAsyncContextManager[OpenStream | Declined]:
        asked.append(ask.body)
        return stream(peer, ask)

    monkeypatch.setattr(PeerClient, "stream", noted)

    async def run() -> None:
        server = ReplicationServer(repo, Keyring.load(keys), "p1")
        stop = asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            task = asyncio.create_task(server.serve(listener, stop))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with ReplicationClient(mirror, url, "p1", Keyring.load(keys), compress=compress) as client:
                assert (await client.sync()).objects > 0
            stop.set()
            await task
        server.close()

    asyncio.run(run())
    assert any(b'"compress":"zlib"' in body for body in asked) is compress


def test_a_server_takes_pushes_where_it_was_told_to(repo: Path, tmp_path: Path) -> None:
    keys, work = tmp_path / "writers", tmp_path / "work"
    new_key(keys, "ada", (parse_scope("read:*"), parse_scope("push:example.org.")), time.time, os.urandom)
    Repository.init(work).close()
    asked = []

    def policy_of(kid: str, zone: str) -> Policy:
        asked.append((kid, zone))
        return Policy.MERGE

    async def run() -> None:
        for pushes in (None, policy_of):
            server = ReplicationServer(repo, Keyring.load(keys), "p1", pushes=pushes)
            stop = asyncio.Event()
            with socket.create_server(("127.0.0.1", 0)) as listener:
                task = asyncio.create_task(server.serve(listener, stop))
                url = f"http://127.0.0.1:{listener.getsockname()[1]}"
                async with SyncClient(work, url, "p1", Keyring.load(keys)) as client:
                    if pushes is None:
                        await client.pull("example.org.:main")
                        client.repository.set("new", A, 300, [bytes(4)], zone="example.org.")
                        with pytest.raises(NotAuthorised):
                            await client.push("example.org.:main")
                    else:
                        assert not (await client.push("example.org.:main")).failed
                        tip = client.repository.resolve("main", zone="example.org.").id
                stop.set()
                await task
            server.close()
        assert asked == [("ada", "example.org.")]
        with Repository.open(repo) as repository:
            assert repository.resolve("main", zone="example.org.").id == tip

    asyncio.run(run())


def test_server_and_client_in_one_program(repo: Path, tmp_path: Path, keys: Path) -> None:
    mirror = tmp_path / "mirror"
    Repository.init(mirror).close()

    async def run() -> None:
        server = ReplicationServer(repo, Keyring.load(keys), "p1")
        stop = asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            task = asyncio.create_task(server.serve(listener, stop))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            async with ReplicationClient(mirror, url, "p1", Keyring.load(keys), "k1") as client:
                first = await client.sync()
                assert first.branches == ("refs/heads/example.org./main",)
                assert first.objects > 0 < first.size
                assert not (await client.sync()).branches
                server.keys = Keyring()
                with pytest.raises(NotAuthorised):
                    await client.sync()
                server.keys = Keyring.load(keys)
                assert not (await client.sync()).branches
                stop.set()
                await task
                with pytest.raises(Unreachable):
                    await client.sync()
        server.close()

    asyncio.run(run())


def test_it_is_an_asgi_application_with_a_lifespan(repo: Path) -> None:
    async def run() -> list[str]:
        server = ReplicationServer(repo, Keyring(), "p1")
        messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return messages.pop(0)

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        await server({"type": "lifespan"}, receive, send)
        server.close()
        return sent

    assert asyncio.run(run()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_without_a_repository(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no repository"):
        ReplicationServer(tmp_path, Keyring(), "p1")


def test_the_front_door_loads_nothing_that_is_not_asked_for() -> None:
    code = "import sys, zonegit; zonegit.Repository; print([m for m in ('httpx', 'hypercorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert {"Keyring", "ReplicationClient", "ReplicationServer", "Repository"} < set(zonegit.__all__)


def test_a_program_exchanges_commits_with_a_peer(repo: Path, tmp_path: Path, keys: Path) -> None:
    with Repository.open(repo) as repository:
        repository.set("mail", 1, 60, [bytes((192, 0, 2, 8))], zone=ORG)
    file = keys / "k1.key"
    file.write_text(file.read_text().replace('"read:*"', '"read:*", "push:*"'))
    served = Served(repo, keys)
    served.policy = Policy.MERGE
    try:
        program = [sys.executable, str(EXAMPLES / "embed_sync.py"), str(tmp_path / "work"), served.url, str(keys)]
        done = subprocess.run(
            [*program, PEER, ORG, "www", "192.0.2.99"], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{ORG} main updated \n"
        asyncio.run(_by_hand(tmp_path / "work", served.url, keys, repo))
    finally:
        served.stop()


async def _by_hand(work: Path, url: str, keys: Path, repo: Path) -> None:
    async with SyncClient(work, url, PEER, Keyring.load(keys)) as client:
        client.repository.set("www", 1, 60, [bytes((192, 0, 2, 1))], zone=ORG)
        looked = await client.push(dry_run=True)
        assert (len(looked.compared), looked.results) == (1, [])
        assert looked.objects > 2
        pushed = await client.push(f"{ORG}:*", atomic=True)
        assert not pushed.failed
        assert (await client.push()).results == []
        client.repository.set("www", 1, 60, [bytes((192, 0, 2, 2))], zone=ORG)
        with Repository.open(repo) as repository:
            repository.set("www", 1, 60, [bytes((192, 0, 2, 3))], zone=ORG)
        pulled = await client.pull()
        assert pulled.conflict is not None
        client.repository.continue_stopped("merge", every="ours")
        assert (await client.pull()).taken == ()
        found = await client.sync()
        assert [result.outcome for result in found.pushed.results] == ["updated"]
        with pytest.raises(UsageError, match="is not a pattern"):
            await client.sync("a..b.")
