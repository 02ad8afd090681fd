"""The TCP server on real loopback connections with answers that need no zone."""

import socket
import ssl
import threading
import time
from array import array
from collections.abc import Iterator

import pytest

from daemonkit import read_message, until
from zonegit.dns.message import Transport
from zonegit.net.tcp import TcpServer
from zonegit.ops import loop_slots

BIG = 60_000


class Echo:
    """Answers in capitals; `none` gets no answer, `big` a big one, `xfr<n>` n big messages, `fail` breaks off."""

    def __init__(self) -> None:
        self.cache: dict[bytes, tuple[bytes, int]] = {}
        self.open = False
        self.read_ahead = 0
        self.transports: set[Transport] = set()

    def check(self) -> None:
        pass

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        raise NotImplementedError

    def respond_tcp(self, packet: bytes, client: bytes, transport: Transport) -> bytes | Iterator[bytes] | None:
        self.open = True
        self.transports.add(transport)
        if packet == b"none":
            return None
        if packet == b"big":
            return b"B" * BIG
        if packet.startswith(b"xfr"):
            return self._messages(int(packet[3:]))
        if packet == b"fail":
            return self._failing()
        return packet.upper()

    def _messages(self, count: int) -> Iterator[bytes]:
        for number in range(count):
            self.open = True
            self.read_ahead = number + 1
            yield b"%08d" % number + b"m" * BIG

    def _failing(self) -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("the store is gone")

    def done(self) -> None:
        self.open = False


class Running:
    """A server; with `tls` its listener is one for TLS."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        most: int = 100,
        per_source: int = 100,
        idle: float = 20,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.echo = Echo()
        self.listener = socket.create_server(
            (host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128
        )
        self.address = self.listener.getsockname()[:2]
        self.counters = array("Q", bytes(8 * loop_slots.LOOP_SLOTS))
        self.errors: list[str] = []
        self.server = TcpServer(
            [] if tls else [self.listener],
            self.echo,
            self.counters,
            most=most,
            per_source=per_source,
            idle=idle,
            log=lambda message, error: self.errors.append(f"{message}: {error}"),
            tls_listeners=[self.listener] if tls else [],
            tls=tls,
        )
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def connect(self, source: str = "") -> socket.socket:
        return socket.create_connection(self.address, timeout=20, source_address=(source, 0) if source else None)

    def close(self, grace: float = 1.0) -> None:
        self.server.stop(grace)
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def run():
    running = []

    def start(**settings) -> Running:
        running.append(Running(**settings))
        return running[-1]

    yield start
    for each in running:
        each.close()
        each.listener.close()


def frame(*packets: bytes) -> bytes:
    return b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)


def closed(sock: socket.socket) -> bool:
    """Whether the peer closed the connection."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_pipelined_queries_are_answered_in_order(run, host):
    server = run(host=host)
    with server.connect() as sock:
        sock.sendall(frame(*(b"q%d" % number for number in range(500))))
        assert [read_message(sock) for _ in range(500)] == [b"Q%d" % number for number in range(500)]
    assert server.counters[loop_slots.CONNECTIONS] == 1
    until(lambda: not server.echo.open, "the end of the read transaction")


def test_frames_in_pieces(run):
    with run().connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(b"hello", b"world"):
            sock.sendall(bytes((byte,)))
        assert [read_message(sock) for _ in range(2)] == [b"HELLO", b"WORLD"]


def test_empty_frames_and_unanswered_queries_are_passed_over(run):
    with run().connect() as sock:
        sock.sendall(frame(b"none", b"a", b"none", b"b"))
        assert [read_message(sock) for _ in range(2)] == [b"A", b"B"]


def test_a_transfer_and_queries_behind_it(run):
    with run().connect() as sock:
        sock.sendall(frame(b"before", b"xfr30", b"after", b"xfr0", b"last"))
        assert read_message(sock) == b"BEFORE"
        assert [read_message(sock)[:8] for _ in range(30)] == [b"%08d" % number for number in range(30)]
        assert [read_message(sock), read_message(sock)] == [b"AFTER", b"LAST"]


def test_a_client_that_stops_reading_is_not_read_ahead_for(run):
    server = run()
    with server.connect() as slow, server.connect() as other:
        slow.sendall(frame(b"xfr100000"))
        other.sendall(frame(b"x"))
        assert read_message(other) == b"X"
        last = -1
        while server.echo.read_ahead != last:
            last = server.echo.read_ahead
            time.sleep(0.1)
        assert last * BIG < 32 << 20
        assert not server.echo.open, "no read transaction is held for it"
        other.sendall(frame(b"y"))
        assert read_message(other) == b"Y"


def test_a_client_that_asks_but_never_reads_is_bounded(run):
    server = run()
    with server.connect() as sock:
        sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 1 << 30:
                sent += sock.send(frame(b"big") * 1000)
        except TimeoutError:
            pass
        assert sent < 64 << 20, "its questions back up"


def test_queries_behind_a_transfer_are_bounded(run):
    server = run()
    with server.connect() as sock:
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set() and sock.recv(1 << 20):
                pass

        reader = threading.Thread(target=read)
        sock.sendall(frame(b"xfr1000000"))
        reader.start()
        sock.settimeout(1)
        sent = 0
        try:
            while sent < 1 << 30:
                sent += sock.send(frame(b"q" * 1000) * 100)
        except TimeoutError:
            pass
        finally:
            stop.set()
            reader.join(10)
        assert sent < 32 << 20


def test_silent_connections_are_closed(run):
    server = run(idle=0.2)
    with server.connect() as silent, server.connect() as partial:
        partial.sendall(b"\0")
        assert closed(silent)
        assert closed(partial)
    assert server.counters[loop_slots.CONNECTIONS_CLOSED] == 2


def test_the_longest_silent_makes_room(run):
    server = run(most=2)
    with server.connect() as first, server.connect() as second:
        for sock in (first, second, first):
            sock.sendall(frame(b"a"))
            assert read_message(sock) == b"A"
        with server.connect() as third:
            third.sendall(frame(b"c"))
            assert read_message(third) == b"C"
            assert closed(second)
            first.sendall(frame(b"a"))
            assert read_message(first) == b"A"


def test_one_client_does_not_take_the_room_of_others(run):
    server = run(most=4, per_source=2)
    with server.connect(source="127.0.0.2") as other, server.connect() as first, server.connect() as second:
        for sock in (other, first, second, first):
            sock.sendall(frame(b"a"))
            assert read_message(sock) == b"A"
        with server.connect() as third:
            third.sendall(frame(b"c"))
            assert read_message(third) == b"C"
            assert closed(second), "the one of this client that was silent longest"
            for sock in (other, first):
                sock.sendall(frame(b"a"))
                assert read_message(sock) == b"A"
    assert server.counters[loop_slots.CONNECTIONS_CLOSED] == 1


def test_half_closed_clients_get_their_answers(run):
    with run().connect() as sock:
        sock.sendall(frame(b"a", b"xfr20", b"b"))
        sock.shutdown(socket.SHUT_WR)
        assert read_message(sock) == b"A"
        assert len([read_message(sock) for _ in range(20)]) == 20
        assert read_message(sock) == b"B"
        assert closed(sock)


def test_a_transfer_that_breaks_closes_the_connection_only(run):
    server = run()
    with server.connect() as sock, server.connect() as other:
        sock.sendall(frame(b"fail"))
        until(lambda: server.errors, "the error in the log")
        assert "the store is gone" in server.errors[0]
        other.sendall(frame(b"b"))
        assert read_message(other) == b"B"
        with pytest.raises((AssertionError, ConnectionResetError)):
            for _ in range(3):
                read_message(sock)


def test_stop_finishes_transfers_and_answers_what_came(run):
    server = run()
    with server.connect() as transfer, server.connect() as idle:
        transfer.sendall(frame(b"xfr300"))
        read_message(transfer)
        idle.sendall(frame(b"q"))
        assert read_message(idle) == b"Q"
        server.server.stop(10)
        assert closed(idle)
        assert len([read_message(transfer) for _ in range(299)]) == 299
        assert closed(transfer)
    server.close()


def test_stop_has_a_bound(run):
    server = run()
    with server.connect() as sock:
        sock.sendall(frame(b"xfr100000"))
        read_message(sock)
        began = time.monotonic()
        server.close(grace=0.2)
        assert time.monotonic() - began < 8


def test_stop_before_run():
    server = Running()
    server.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = TcpServer([listener], Echo(), server.counters, most=1, per_source=1, idle=1, log=lambda *_: None)
        stopped.stop(0)
        stopped.run()
    server.listener.close()
