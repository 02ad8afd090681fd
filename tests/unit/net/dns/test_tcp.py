"""DNS over TCP on real connections: frames, pipelining, transfers, ends."""

import socket
import threading

import pytest

from daemonkit import read_message, until
from tcpkit import Echo, Running, closed, frame
from zonegit.net.dns.tcp import TcpServer
from zonegit.ops import loop_slots


def test_pipelined_queries_are_answered_in_order(run, loopback):
    server = run(host=loopback)
    with server.connect() as sock:
        sock.sendall(frame(*(b"q%d" % number for number in range(500))))
        assert [read_message(sock) for _ in range(500)] == [b"Q%d" % number for number in range(500)]
    assert server.counters[loop_slots.CONNECTIONS] == 1
    until(lambda: not server.echo.open, "the end of the read transaction")


def test_quick_answers_keep_their_place_among_others(run):
    packets = [b"quick1", b"slow1", b"none", b"quick2", b"quick3", b"slow2", b"quick4"] * 50
    with run().connect() as sock:
        sock.sendall(frame(*packets))
        expected = [packet.upper() for packet in packets if packet != b"none"]
        assert [read_message(sock) for _ in expected] == expected


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


def test_queries_do_not_wait_for_a_transfer(run):
    with run().connect() as sock:
        sock.sendall(frame(b"before", b"xfr300", b"after", b"xfr0", b"last"))
        found = [read_message(sock)[:8] for _ in range(303)]
        assert [message for message in found if message.isdigit()] == [b"%08d" % number for number in range(300)]
        assert [message for message in found if message.isalpha()] == [b"BEFORE", b"AFTER", b"LAST"]
        assert found.index(b"LAST") < 300


def test_transfers_wait_for_each_other(run):
    with run().connect() as sock:
        sock.sendall(frame(*[b"xfr20"] * 9, b"last"))
        found = [read_message(sock)[:8] for _ in range(181)]
        assert [message for message in found if message.isdigit()] == [b"%08d" % number for number in range(20)] * 9
        assert found.index(b"LAST") >= 100, "a few may be waiting, and no more"
        sock.sendall(frame(b"a"))
        assert read_message(sock) == b"A"


def test_half_closed_clients_get_their_answers(run):
    with run().connect() as sock:
        sock.sendall(frame(b"a", b"xfr20", b"b"))
        sock.shutdown(socket.SHUT_WR)
        found = [read_message(sock)[:8] for _ in range(22)]
        assert found[0] == b"A"
        assert b"B" in found
        assert closed(sock)


def test_more_queries_than_one_turn_takes(run):
    with run().connect() as sock, run().connect() as half:
        queries = [b"%d" % number for number in range(5000)]
        for each in (sock, half):
            sender = threading.Thread(target=each.sendall, args=(frame(*queries),))
            sender.start()
            assert [read_message(each) for _ in queries] == queries
            sender.join(20)
        half.sendall(frame(*queries[:3000]))
        half.shutdown(socket.SHUT_WR)
        assert [read_message(half) for _ in range(3000)] == queries[:3000]
        assert closed(half)


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
        server.server.stop(60)
        assert closed(idle)
        assert len([read_message(transfer) for _ in range(299)]) == 299
        assert closed(transfer)
    server.close()


def test_stop_has_a_bound(run):
    server = run()
    with server.connect() as sock:
        sock.sendall(frame(b"xfr100000"))
        read_message(sock)
        server.close(grace=0.2)  # which waits for its end, and would for ever


def test_stop_before_run():
    server = Running()
    server.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = TcpServer([listener], Echo(), server.counters, most=1, per_source=1, idle=1, log=lambda *_: None)
        stopped.stop(0)
        stopped.run()
    server.listener.close()
