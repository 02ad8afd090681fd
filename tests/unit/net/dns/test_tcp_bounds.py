"""What no TCP client can do to others: take all room, never read, never end a message."""

import socket
import struct
import threading
import time
from types import SimpleNamespace

import pytest

from daemonkit import read_message, until
from tcpkit import BIG, closed, frame
from zonegit.ops import loop_slots


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
        until(lambda: not server.echo.open, "no read transaction is held for it")
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


def test_queries_behind_many_transfers_are_bounded(run):
    server = run()
    with server.connect() as sock:
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set() and sock.recv(1 << 20):
                pass

        reader = threading.Thread(target=read)
        sock.sendall(frame(*[b"xfr1000000"] * 8))
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


def test_who_waits_for_the_server_is_not_silent(run):
    """A large zone's differences may take longer to find than a client may be silent."""
    server = run(idle=0.8)
    with server.connect() as waiting:
        waiting.sendall(frame(b"think"))
        with server.connect() as silent:
            assert closed(silent)
        with server.connect() as later:  # whose time began when the other's would have been over
            assert closed(later)
        server.echo.ready.set()
        assert read_message(waiting) == b"at last"
        assert closed(waiting)


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


@pytest.mark.parametrize("size", [1, 11, 12, 255, 256, 257, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF])
def test_sizes_of_messages(run, size):
    with run().connect() as sock:
        message = b"x" * size
        sock.sendall(frame(b"a", message, message, b"b"))
        assert [read_message(sock) for _ in range(4)] == [b"A", message.upper(), message.upper(), b"B"]


def test_frames_of_nothing(run):
    """Nothing in them can be answered, and they hold nobody up."""
    server = run()
    with server.connect() as sock, server.connect() as other:
        sock.sendall(frame(*[b""] * 100_000, b"a"))
        other.sendall(frame(b"b"))
        assert read_message(other) == b"B"
        assert read_message(sock) == b"A"
    assert server.errors == []


def test_a_byte_at_a_time_is_no_sign_of_life(run):
    """Only a whole query is: who sends one byte now and then is closed like the silent."""
    server = run(idle=1.5)
    with server.connect() as slow, server.connect() as steady:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        deadline = time.monotonic() + 20
        gone = False
        for byte in frame(bytes(60_000)):
            try:
                slow.send(bytes((byte,)))
                steady.sendall(frame(b"a"))
                assert read_message(steady) == b"A"
                slow.settimeout(0.02)
                gone = slow.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                gone = True
            if gone:
                break
            assert time.monotonic() < deadline
        assert gone


def test_a_client_that_takes_nothing_in_is_closed(run):
    server = run(idle=0.5)
    with server.connect() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.sendall(frame(b"xfr100000"))
        until(lambda: server.counters[loop_slots.CONNECTIONS_CLOSED] == 1, "the end of the connection")
    until(lambda: not server.echo.open, "the end of the read transaction")


def test_resets_at_any_moment(run):
    server = run()
    for sent in (b"", b"\0", frame(b"xfr100"), frame(b"big") * 50, frame(b"a") + b"\xff\xff" + bytes(1000)):
        for _ in range(10):
            sock = server.connect()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(sent)
            sock.close()
    with server.connect() as sock:
        sock.sendall(frame(b"a"))
        assert read_message(sock) == b"A"
    assert server.errors == []


def test_garbage_is_collected_now_and_then(run, monkeypatch):
    """A worker collects none by itself, and each connection leaves some."""
    collected = []
    monkeypatch.setattr("zonegit.net.dns.tcp._COLLECT", 5)
    monkeypatch.setattr(
        "zonegit.net.dns.tcp.gc", SimpleNamespace(collect=lambda: collected.append(server.server._lost))
    )
    server = run()
    for number in range(1, 12):
        server.connect().close()
        until(lambda number=number: server.server._lost == number, "the end of the connection")
    assert collected == [5, 10]
