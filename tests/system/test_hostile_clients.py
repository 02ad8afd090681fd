"""The heaviest scripts one after the other against a real `zonegitd`: it answers DNS all along, and stays small."""

import json
import os
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemonkit import new_reader
from repokit import parsed
from synckit import PEER
from victimkit import LARGE, Victim, answered, serves, serves_soon, slower_dns, stays_small
from zonegit.auth.keyring import Keyring
from zonegit.repo import Repository
from zonegit.sync.wire import FetchRequest

CROWD = int(os.environ.get("ZONEGIT_CROWD", "1000"))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"


@pytest.fixture
def victim(tmp_path: Path, repo: Path, start) -> Iterator[Victim]:  # type: ignore[no-untyped-def]
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(LARGE), source="large")
    new_reader(tmp_path / "keys")
    key = Keyring.load(tmp_path / "keys").get("k1")
    assert key
    options = ["--keys", tmp_path / "keys", "--replicate-listen", "127.0.0.1:0", "--replicate-name", PEER]
    found = Victim(start(repo, *options), key)
    yield found
    found.leave()


def windows_that_never_open(victim: Victim) -> None:
    body = FetchRequest((victim.tip,)).encode()
    for _ in range(8):
        client = victim.connect()
        for _ in range(30):
            victim.post(client, "/v0/fetch", body)
    for client in victim.clients:
        answered(client)


def long_questions(victim: Victim) -> None:
    """As many haves as a question takes, on streams that nobody reads."""
    for _ in range(4):
        client = victim.connect()
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        haves = tuple(os.urandom(32) for _ in range(15_000))
        for _ in range(8):
            victim.post(client, "/v0/fetch", FetchRequest((victim.tip,), haves).encode())
    for client in victim.clients:
        answered(client)


def walks(victim: Victim) -> None:
    for _ in range(4):
        client = victim.connect()
        for _ in range(16):
            victim.post(client, "/v0/objects/walk", json.dumps({"roots": [victim.tip.hex()]}).encode())
    for client in victim.clients:
        answered(client)


def bodies_that_never_end(victim: Victim) -> None:
    for _ in range(8):
        client = victim.connect(None)
        for _ in range(16):
            victim.post(client, "/v0/fetch", b"x" * 60_000, end=False)
            if client.closed:
                break


def bombs(victim: Victim) -> None:
    client = victim.connect(None)
    for body in (b"[" * 1_000_000, b"[" + b"[]," * 340_000 + b"1]", b'{"want":[' + b"{}," * 330_000 + b"1]}"):
        stream = victim.post(client, "/v0/fetch", body)
        while not client.answers[stream].ended:
            assert client.read()
        assert client.answers[stream].status in (400, 413)


def floods(victim: Victim) -> None:
    for frames in (
        b"\0\0\x08\6\0\0\0\0\0" + b"12345678",
        b"\0\0\6\4\0\0\0\0\0\0\4\0\0\xff\xff",
        b"\0\0\4\x08\0\0\0\0\0\0\0\0\1",
    ):
        for _ in range(3):
            client = victim.connect(None)
            try:
                for _ in range(100_000):  # of which the sockets' buffers take some megabytes
                    client.sock.sendall(frames * 100)
            except OSError:
                client.close()
                continue
            raise AssertionError("nobody stopped the flood")


def crowd(victim: Victim) -> None:
    """As many connections as this process may have files open, up to `CROWD`, four from each of many addresses."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, CROWD + 500)), hard))
    socks: list[socket.socket] = []
    try:
        for at in range(min(CROWD, hard - 500)):
            sock = socket.socket()
            socks.append(sock)
            sock.bind((f"127.1.{at // 4 >> 8 & 255}.{at // 4 & 255}", 0))
            sock.settimeout(20)
            sock.connect(("127.0.0.1", victim.port))
            sock.sendall(PREFACE)
        serves(victim)
    finally:
        for sock in socks:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


SCRIPTS = [windows_that_never_open, long_questions, walks, bodies_that_never_end, bombs, floods, crowd]


def test_the_heaviest_scripts_one_after_the_other(victim: Victim) -> None:
    stays_small(victim, SCRIPTS, serves_soon)


@pytest.mark.skipif(
    "ZONEGIT_LATENCY" not in os.environ, reason="measures time: needs ZONEGIT_LATENCY and a quiet machine"
)
def test_dns_latency_stays_within_twice_of_quiet(victim: Victim) -> None:
    assert slower_dns(victim, SCRIPTS, serves_soon) <= 2
