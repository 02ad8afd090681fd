"""The UDP loop on real loopback sockets with answers that need no zone."""

import socket
import threading
from array import array

import pytest

from zonegit.dns.stats import CACHE_PACKET, DROPPED_RATE, PLANE, SLIPPED, SLOTS
from zonegit.dns.udp import Batch, UdpAnswers, Ways
from zonegit.net.dns import batch as batches
from zonegit.net.dns.batch import PlainBatch, open_batch
from zonegit.net.dns.udp import UdpLoop
from zonegit.ops import loop_slots


class Echo:
    """Answers with the query's bytes in capitals; queries that begin with `drop` after the id get none.

    Those that begin with `go` are answered by the fast path, with their bytes twice.
    """

    def __init__(self, stats: memoryview) -> None:
        self.stats = stats
        self.cache: dict[bytes, tuple[bytes, int]] = {}
        self.open = False
        self.clients: list[bytes] = []
        self.rate = None

    def answer_udp(self, batch: Batch, count: int) -> list[int]:
        assert not self.open
        ways = Ways(self.cache.get, self.fast_path, self.normalized)
        dropped = UdpAnswers(ways, self.respond_udp, self.rate, self.begin, self.stats).answer(batch, count)
        self.open = False
        return dropped

    def begin(self) -> None:
        assert not self.open
        self.open = True

    def fast_path(self, query: bytes) -> tuple[bytes, int] | None:
        assert self.open
        return (query + query, 4) if query.startswith(b"go") else None

    def normalized(self, query: bytes, client: bytes) -> tuple[bytes, int] | None:
        return (query + client, 5) if query.startswith(b"who") else None

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        assert self.open
        self.clients.append(client)
        return None if packet[2:].startswith(b"drop") or len(packet) < 3 else packet[:2] + packet[2:].upper()


class Running:
    def __init__(self, hosts, opener) -> None:
        self.sockets = []
        for host in hosts:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_DGRAM)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((host, 0))
            self.sockets.append(sock)
        self.stats = memoryview(array("Q", bytes(8 * SLOTS)))
        self.echo = Echo(self.stats)
        self.counters = array("Q", bytes(8 * loop_slots.LOOP_SLOTS))
        self.loop = UdpLoop(self.sockets, self.echo, self.counters, opener)
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def close(self) -> None:
        self.loop.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()
        for sock in self.sockets:
            sock.close()


@pytest.fixture(params=[open_batch, PlainBatch], ids=["recvmmsg", "recvfrom"])
def run(request):
    running = []

    def start(*hosts: str) -> Running:
        running.append(Running(hosts, request.param))
        if request.param is PlainBatch:
            for sock in running[-1].sockets:
                batches._prepare(sock)
        return running[-1]

    yield start
    for each in running:
        each.close()


def client(family: int = socket.AF_INET) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(20)
    return sock


def test_answers_and_counts(run, loopback):
    server = run(loopback)
    with client(server.sockets[0].family) as sock:
        sock.connect(server.sockets[0].getsockname()[:2])
        for number in range(200):
            sock.send(b"id" + b"x%d" % number * 3)
        assert {sock.recv(4096) for _ in range(200)} == {b"id" + b"X%d" % number * 3 for number in range(200)}
    server.close()
    assert sum(server.counters[loop_slots.DURATIONS : loop_slots.DURATION_SUM]) == 200
    assert sum(server.counters[loop_slots.RESPONSES : loop_slots.RESPONSE_SUM]) == 200
    assert 200 * 5 <= server.counters[loop_slots.RESPONSE_SUM] <= 200 * 20
    assert set(server.echo.clients) == {socket.inet_pton(server.sockets[0].family, loopback)}
    assert not server.echo.open, "the read transaction is let go after each batch"


def test_cached_answers_keep_the_query_id(run):
    server = run("127.0.0.1")
    server.echo.cache[b"hello"] = (b"a much longer answer than the query", 3)
    with client() as sock:
        sock.connect(server.sockets[0].getsockname())
        sock.send(b"\1\2hello")
        assert sock.recv(4096) == b"\1\2a much longer answer than the query"
        sock.send(b"\3\4hello")
        assert sock.recv(4096) == b"\3\4a much longer answer than the query"
    server.close()
    assert server.stats[3] == 2
    assert server.stats[CACHE_PACKET] == 2
    assert server.echo.clients == []


def test_answers_of_the_fast_path_are_counted_with_their_request(run):
    server = run("127.0.0.1")
    with client() as sock:
        sock.connect(server.sockets[0].getsockname())
        for query in (b"\1\2go\0", b"\3\4no", b"\5\6go\1", b"\7\7who", b"\7\7go"):
            sock.send(query)
            expected = {
                b"no": b"NO",
                b"go": b"GO",
                b"go\0": b"go\0go\0",
                b"go\1": b"go\1go\1",
                b"who": b"who\x7f\0\0\1",
            }[query[2:]]
            assert sock.recv(4096) == query[:2] + expected
    server.close()
    assert list(server.stats[4:6]) == [2, 1]
    assert server.stats[CACHE_PACKET] == 0
    assert len(server.echo.clients) == 2, "whoever has EDNS options is not for the fast path"


def test_clients_of_each_family_are_counted_in_a_plane_of_their_own(run, needs_ipv6):
    server = run("127.0.0.1", "::1")
    for listening in server.sockets:
        with client(listening.family) as sock:
            sock.connect(listening.getsockname()[:2])
            sock.send(b"idgo\0")
            assert sock.recv(100) == b"idgo\0go\0"
    server.close()
    assert (server.stats[4], server.stats[PLANE + 4]) == (1, 1)


def test_what_the_rate_refuses_is_dropped_or_cut(run):
    server = run("127.0.0.1")
    server.echo.cache[b"cached"] = (b"CACHED", 3)
    server.echo.rate = lambda query, response, client: {b"NO": None, b"CACHED": b"cut"}.get(response, response)
    with client() as sock:
        sock.connect(server.sockets[0].getsockname())
        for query in (b"\1\1no", b"\2\2cached", b"\3\3yes"):
            sock.send(query)
        assert sorted(sock.recv(4096) for _ in range(2)) == [b"\2\2cut", b"\3\3YES"]
    server.close()
    assert (server.stats[DROPPED_RATE], server.stats[SLIPPED]) == (1, 1)


def test_dropped_messages_leave_the_others_alone(run):
    server = run("127.0.0.1")
    kinds = [b"drop", b"keep", b"", b"drop", b"drop", b"last"]
    with client() as sock:
        sock.connect(server.sockets[0].getsockname())
        for number in range(20):
            for kind in kinds:
                sock.send(b"%02d" % number + kind if kind else b"")
        got = sorted(sock.recv(4096) for _ in range(40))
        assert got == sorted(b"%02d" % number + kind for number in range(20) for kind in (b"KEEP", b"LAST"))


def test_long_queries_are_cut(run):
    server = run("127.0.0.1")
    with client() as sock:
        sock.connect(server.sockets[0].getsockname())
        sock.send(b"id" + b"y" * 6000)
        assert sock.recv(9000) == b"id" + b"Y" * (batches.CAPACITY - 2)
        sock.send(b"idz")
        assert sock.recv(9000) == b"idZ"


def test_several_sockets(run, needs_ipv6):
    server = run("127.0.0.1", "::1")
    for listening in server.sockets:
        with client(listening.family) as sock:
            sock.connect(listening.getsockname()[:2])
            sock.send(b"idhi")
            assert sock.recv(100) == b"idHI"


def test_wildcard_answers_from_the_address_that_was_asked(loopback):
    wildcard, asked = ("::", "::1") if loopback == "::1" else ("0.0.0.0", "127.0.0.2")
    server = Running([wildcard], open_batch)
    port = server.sockets[0].getsockname()[1]
    try:
        with client(server.sockets[0].family) as sock:
            for number in range(150):
                sock.sendto(b"id%d" % number, (asked, port))
            for _ in range(150):
                assert sock.recvfrom(100)[1][:2] == (asked, port)
    finally:
        server.close()


def test_what_was_received_is_answered_after_a_stop():
    """Signals come while packets wait; they are drained."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        loop = UdpLoop([listening], Echo(memoryview(array("Q", bytes(8 * SLOTS)))), [0] * loop_slots.LOOP_SLOTS)
        with client() as sock:
            sock.connect(listening.getsockname())
            for _ in range(100):
                sock.send(b"idq")
            loop.stop()
            loop.run()
            assert [sock.recv(100) for _ in range(100)] == [b"idQ"] * 100


def test_an_unreachable_client_harms_nobody(run):
    server = run("127.0.0.1")
    with client() as gone:
        gone.sendto(b"idgone", server.sockets[0].getsockname())
    with client() as sock:
        sock.connect(server.sockets[0].getsockname())
        sock.send(b"idhere")
        assert sock.recv(100) == b"idHERE"
