"""Many connections at once, most of which never say anything: those that pass are served, the others make room."""

import asyncio
import gc
import http.client
import os
import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypercorn.app_wrappers import ASGIWrapper

from daemonkit import until
from httpkit import Running, generous_gate, pull_once, run, running, served
from rawh2 import Answer, RawClient
from synckit import KEY, PEER, check_for, commit, names, pieces, refs_of, seal_for
from tlskit import Authority
from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.net.client.peer import PeerClient
from zonegit.net.server import h2_tls, replication_app
from zonegit.net.server import request as http_request
from zonegit.net.server.asgi import DRAIN
from zonegit.net.server.authenticated import PER_KEY
from zonegit.net.server.h2_server import H2Server
from zonegit.net.server.metrics_app import MetricsApp
from zonegit.net.server.unauthenticated import Unauthenticated
from zonegit.net.tls import Identity, client_context, server_context
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import FrameReader
from zonegit.sync.limits import ServerLimits
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import FetchRequest

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
MOST = int(os.environ.get("ZONEGIT_CROWD", "600"))
"""Connections at once; 10,000 need 20,000 open files."""
SECONDS = 120.0
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
"""The beginning of a TLS handshake."""
HANDSHAKES = 340
"""Of each kind that never ends."""


def still_serves(port: int) -> None:
    with RawClient(port) as client:
        assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status == 200


@contextmanager
def many(port: int, count: int, first: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections, four from each of as many loopback addresses as it takes; each says `first`."""
    found: list[socket.socket] = []
    try:
        for at in range(count):
            sock = socket.socket()
            found.append(sock)
            sock.bind((f"127.1.{at // 4 >> 8 & 255}.{at // 4 & 255}", 0))
            sock.settimeout(20)
            sock.connect(("127.0.0.1", port))
            if first:
                sock.sendall(first)
        yield found
    finally:
        for sock in found:
            sock.close()


@pytest.fixture
def files() -> Iterator[None]:
    """Room for two open files for each connection of a crowd."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * max(MOST, 3 * HANDSHAKES) + 500
    if hard < wanted:
        pytest.skip(f"needs {wanted} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    gc.collect()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("first", [b"", PREFACE], ids=["silent", "with a preface"])
@pytest.mark.usefixtures("files")
def test_a_crowd_of_strangers_makes_room(first: bytes) -> None:
    def test(server: Running) -> None:
        with RawClient(server.port) as known:
            assert known.ask("GET", "/v0/refs", known.signed("GET", "/v0/refs")).status == 200
            with many(server.port, MOST, first):
                until(lambda: server.server.open.total() <= 1 + 256, "the end of most of them")
                still_serves(server.port)
                assert known.ask("GET", "/v0/refs", known.signed("GET", "/v0/refs")).status == 200
        until(lambda: not server.server.open.total(), "the end of the others")

    served(test, seconds=SECONDS)


@contextmanager
def idle(port: int, count: int, first: bytes = b"") -> Iterator[None]:
    """So many connections from the client's own address, that say this and nothing more."""
    with ExitStack() as stack:
        for _ in range(count):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            sock.sendall(first)
        yield


@pytest.mark.parametrize("count", [8, 64, 100])
@pytest.mark.parametrize("first", [b"", PREFACE[:10], PREFACE], ids=["silent", "begun", "with a preface"])
def test_idle_connections_of_its_address_keep_no_secondary_out(first: bytes, count: int) -> None:
    def test(server: Running) -> None:
        with idle(server.port, count, first):
            still_serves(server.port)
            with RawClient(server.port) as known:
                assert known.ask("GET", "/v0/refs", known.signed("GET", "/v0/refs")).status == 200
                with idle(server.port, count, first):
                    still_serves(server.port)
                assert known.ask("GET", "/v0/refs", known.signed("GET", "/v0/refs")).status == 200

    served(test, seconds=SECONDS, connections=8)


@pytest.mark.parametrize("first", [b"", HELLO, PREFACE], ids=["silent", "within a hello", "cleartext"])
def test_handshakes_of_its_address_keep_no_secondary_out(first: bytes, tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    shown = ca.issue("server")
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 20))

    async def test() -> None:
        tls = server_context(Identity(shown.cert, shown.key), None)
        async with running(store, connections=8, tls=tls) as server:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            peer = PeerClient(f"https://127.0.0.1:{server.port}", signer, tls=client_context(ca.cert, None))
            copy = MemoryStore()
            with ExitStack() as stack:
                await asyncio.to_thread(stack.enter_context, idle(server.port, 100, first))
                await pull_once(peer, copy)
            await peer.close()
        assert refs_of(copy).branches

    run(test(), SECONDS)


def asked(client: RawClient, key: Key = KEY) -> Answer:
    return client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", key=key))


def test_a_hundred_secondaries_with_keys_of_their_own_need_no_configuration() -> None:
    secrets = [at.to_bytes(2, "big") + bytes(range(2, 32)) for at in range(100)]
    keys = tuple(Key.derive(f"k{at}", secret, scopes=KEY.scopes) for at, secret in enumerate(secrets))

    def test(server: Running) -> None:
        with ExitStack() as stack:
            for key in keys:
                assert asked(stack.enter_context(RawClient(server.port)), key).status == 200
            assert len(server.server.authenticated) == 100

    served(test, seconds=SECONDS, gate=generous_gate(keys), connections=PER_KEY)


def test_a_hundred_secondaries_behind_one_address() -> None:
    """All at once with one key, as after a restart of their primary, and beside strangers there."""

    def test(server: Running) -> None:
        with ExitStack() as stack, idle(server.port, 100):
            clients = [stack.enter_context(RawClient(server.port)) for _ in range(100)]
            streams = [each.send("GET", "/v0/refs", each.signed("GET", "/v0/refs")) for each in clients]
            for each, stream in zip(clients, streams, strict=True):
                while not each.answers[stream].ended and each.read():
                    pass
                assert each.answers[stream].status == 200
            assert len(server.server.authenticated) == 100

    served(test, seconds=SECONDS, connections=200)


@pytest.mark.parametrize("count", [64, 300])
def test_idle_connections_keep_no_scraper_out(count: int) -> None:
    def scrape(port: int) -> None:
        scraper = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with idle(port, count):
            scraper.request("GET", "/healthz")
            assert scraper.getresponse().read() == b"ok\n"
            with idle(port, 10):
                scraper.request("GET", "/healthz")
                assert scraper.getresponse().read() == b"ok\n", "who asks is not the oldest"
            scraper.close()

    async def test() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        page = MetricsApp(lambda _: (b"", ""), lambda: None)
        server = H2Server(page, unauthenticated=Unauthenticated(per_source=64, seconds=None), keyless=True)
        stop = asyncio.Event()
        serving = asyncio.create_task(server.serve([listener], stop))
        await asyncio.to_thread(scrape, listener.getsockname()[1])
        stop.set()
        await serving

    run(test(), SECONDS)


def test_who_never_passes_is_cut_off() -> None:
    def test(server: Running) -> None:
        strangers = server.server.unauthenticated
        with RawClient(server.port) as known:
            assert known.ask("GET", "/v0/refs", known.signed("GET", "/v0/refs")).status == 200
            assert not len(strangers), "it is none any more, so that no time is up for it"
            strangers.seconds = 0.2
            with many(server.port, 4, PREFACE) as others:
                for sock in others:
                    while sock.recv(65_536):
                        pass
            assert known.ask("GET", "/v0/refs", known.signed("GET", "/v0/refs")).status == 200

    served(test, seconds=SECONDS)


def test_where_nobody_has_to_pass_nobody_is_cut_off() -> None:
    async def test() -> None:
        strangers = Unauthenticated(seconds=None)
        task = asyncio.current_task()
        assert task
        strangers.enter(task, "192.0.2.1")
        await asyncio.sleep(0.05)
        assert task in strangers

    run(test())


@pytest.mark.parametrize("signed", [True, False])
def test_a_body_that_does_not_come_is_not_waited_for(signed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_request, "BODY_SECONDS", 0.2)

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            headers = client.signed("POST", "/v0/fetch", b"x" * 100, "application/json") if signed else []
            streams = [client.send("POST", "/v0/fetch", headers, b"x", end=False) for _ in range(5)]
            while not all(client.answers[stream].status for stream in streams):
                assert client.read()
            assert {client.answers[stream].status for stream in streams} <= {401, 413, 429}
        still_serves(server.port)
        until(server.app._idle.is_set, "the end of all that was waited for")

    served(test, seconds=SECONDS)


@pytest.mark.parametrize("page", [False, True], ids=["v0", "metrics"])
def test_a_body_that_goes_on_behind_its_bound_holds_no_connection(page: bool) -> None:
    """More of it lies in the server's queue than that takes, when the answer is given."""

    def test(server: Running) -> None:
        with RawClient(server.port) as client:
            stream = client.send("POST", "/metrics", [], bytes(DRAIN - 500), end=False)
            while client.h2.local_flow_control_window(stream) < 31_000:
                assert client.read()
            for _ in range(30):
                client.h2.send_data(stream, bytes(1_000))
            client.flush()
            while not client.answers[stream].ended:
                assert client.read()
        until(lambda: not server.server.open.total(), "the end of the connection")

    async def both() -> None:
        async with running(MemoryStore()) as server:
            if page:
                server.server._app = ASGIWrapper(MetricsApp(lambda _: (b"", ""), lambda: None))
            await asyncio.to_thread(test, server)

    run(both(), SECONDS)


def test_bodies_of_one_source_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication_app, "BODIES_PER_SOURCE", 100_000)

    def test(server: Running) -> None:
        with RawClient(server.port) as client, RawClient(server.port) as other:
            held = [b"x" * 40_000] * 2
            headers = client.signed("POST", "/v0/fetch", b"x" * 50_000, "application/json")
            for body in held:
                client.send("POST", "/v0/fetch", headers, body, end=False)
            until(lambda: server.app._bodies.total() == 80_000, "the bodies at the server")
            body = b"x" * 30_000
            fields = other.signed("POST", "/v0/fetch", body, "application/json")
            assert other.ask("POST", "/v0/fetch", fields, body).status == 413
            still_serves(server.port)
        until(lambda: not server.app._bodies.total(), "the end of the bodies")

    served(test, seconds=SECONDS)


@pytest.mark.usefixtures("files")
def test_handshakes_that_never_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them, at various points: before the first byte, within a ClientHello, in cleartext."""
    monkeypatch.setattr(h2_tls, "HANDSHAKE_SECONDS", 5.0)
    ca = Authority(tmp_path)
    shown = ca.issue("server")

    def greeted(port: int) -> None:
        context = client_context(ca.cert, None)
        plain = socket.create_connection(("127.0.0.1", port), timeout=20)
        with plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            secure.sendall(PREFACE)
            assert secure.recv(100), "the server's settings"

    def test(server: Running) -> None:
        server.server.tls = server_context(Identity(shown.cert, shown.key), None)
        silent, begun = many(server.port, HANDSHAKES), many(server.port, HANDSHAKES, HELLO)
        with silent, begun, many(server.port, HANDSHAKES, PREFACE) as plain:
            until(lambda: server.server.open.total() <= 256, "the end of most of them")
            greeted(server.port)
            for sock in plain:
                try:
                    while part := sock.recv(65_536):
                        assert part[:1] == b"\x15", "at most an alert"
                except ConnectionError:
                    pass
            until(lambda: server.server.open.total() == 0, "the end of those that waited")

    served(test, seconds=SECONDS)


def test_a_reset_in_the_handshake_is_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ca = Authority(tmp_path)
    shown = ca.issue("server")

    def test(server: Running) -> None:
        server.server.tls = server_context(Identity(shown.cert, shown.key), None)
        for _ in range(20):
            sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            sock.sendall(b"\x16\x03\x01\x02\x00")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
        until(lambda: not server.server.open.total(), "the end of all")

    served(test, seconds=SECONDS)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_the_bounds_are_what_the_documents_say() -> None:
    server = H2Server(None)  # type: ignore[arg-type]  # it isn't served
    assert (server.authenticated.per_key, server.authenticated.per_source) == (8, 256)
    assert (server.unauthenticated.most, server.unauthenticated.seconds) == (256, 60.0)
    assert (server._config.h2_max_concurrent_streams, server._config.h2_max_header_list_size) == (32, 16 << 10)
    assert (replication_app.BODIES_PER_SOURCE, replication_app.ANSWERS_PER_KEY) == (16 << 20, 16 << 20)


def test_the_operators_bounds_are_the_ones_that_count() -> None:
    bounds = ServerLimits(strangers=3, streams=5, header_bytes=2_048)
    server = H2Server(None, bounds=bounds)  # type: ignore[arg-type]  # it isn't served
    assert server.unauthenticated.most == 3
    assert server._config.h2_max_concurrent_streams == 5
    assert server._config.h2_max_header_list_size == server._config.h11_max_incomplete_size == 2_048
    store = MemoryStore()
    tip = commit(store, "example.org.", names("example.org.", 15_000))
    endpoint = Endpoint(store, bounds=ServerLimits(response_bytes=1))
    (piece, *more) = pieces(endpoint.fetch(KEY, FetchRequest((tip,)).encode(), seal_for("m"), lambda: 0.0))
    assert not more, "it ends after its first group"
    assert FrameReader(check_for("m")).feed(piece)[-1].cursor  # type: ignore[union-attr]  # it is an End
