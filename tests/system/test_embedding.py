"""The library in programs of one's own: the examples against each other, and the names of the front door."""

import asyncio
import signal
import socket
import subprocess
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

import zonegit
from zonegit import Keyring, ReplicationClient, ReplicationServer, Repository
from zonegit.errors import NotAuthorised, StoreError, Unreachable
from zonegit.net.http_client import Declined, HttpPeer, Opened
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
    stream = HttpPeer.stream

    def noted(peer: HttpPeer, ask: Ask) -> AbstractAsyncContextManager[Opened | Declined]:
        asked.append(ask.body)
        return stream(peer, ask)

    monkeypatch.setattr(HttpPeer, "stream", noted)

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
