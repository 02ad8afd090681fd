"""Responses that another process makes: over TCP while other queries are answered, over UDP after their batch."""

import socket
import threading

import pytest

from daemonkit import read_message, until
from tcpkit import Running, closed, frame
from zonegit.net.dns import tcp
from zonegit.net.dns.batch import PlainBatch, open_batch
from zonegit.net.dns.later import LaterRecipient
from zonegit.net.dns.tcp import _EXPECTED


def expecting(server: Running, *packets: bytes) -> None:
    until(lambda: set(packets) <= set(server.echo.expecting), f"the arrival of {packets}")


def test_other_queries_do_not_wait_for_it(run, loopback):
    server = run(host=loopback)
    with server.connect() as sock:
        sock.sendall(frame(b"later1", b"a", b"later2", b"xfr3", b"b"))
        found = [read_message(sock)[:8] for _ in range(5)]
        assert [found[0], b"B" in found, len(found)] == [b"A", True, 5]
        for packet in (b"later2", b"later1"):
            server.later.answer(packet)
            assert read_message(sock) == packet.upper()


def test_a_connection_that_waits_is_not_idle(run):
    server = run(idle=0.3)
    with server.connect() as waiting, server.connect() as idle:
        waiting.sendall(frame(b"later"))
        idle.sendall(frame(b"a"))
        assert read_message(idle) == b"A"
        assert closed(idle)
        with server.connect() as another:
            assert closed(another), "even twice as long"
        server.later.answer(b"later")
        assert read_message(waiting) == b"LATER"
        assert closed(waiting), "it is idle now"


def test_one_connection_waits_for_so_many_and_no_more(run):
    server = run()
    packets = [b"later%d" % number for number in range(_EXPECTED + 9)]
    with server.connect() as sock:
        sock.sendall(frame(*packets, b"last"))
        expecting(server, *packets[:_EXPECTED])
        with server.connect() as other:
            other.sendall(frame(b"a"))
            assert read_message(other) == b"A"
        assert set(server.echo.expecting) == set(packets[:_EXPECTED])
        for number, packet in enumerate(packets):
            expecting(server, packet)
            server.later.answer(packet)
            assert read_message(sock) == packet.upper()
            if number == 9:
                assert read_message(sock) == b"LAST"


def test_clients_that_went_away_are_passed_over(run):
    server = run()
    with server.connect() as sock:
        sock.sendall(frame(b"later1"))
        expecting(server, b"later1")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with server.connect() as half:
        half.sendall(frame(b"later2"))
        half.shutdown(socket.SHUT_WR)
        expecting(server, b"later2")
        server.later.answer(b"later1")
        server.later.answer(b"later2")
        assert read_message(half) == b"LATER2"
        assert closed(half)
    assert server.errors == []


def test_a_stop_waits_for_it(run):
    server = run()
    with server.connect() as sock, server.connect() as idle:
        sock.sendall(frame(b"later"))
        expecting(server, b"later")
        idle.sendall(frame(b"a"))
        assert read_message(idle) == b"A"
        server.server.stop(60)
        assert closed(idle)
        server.later.answer(b"later")
        assert read_message(sock) == b"LATER"
        assert closed(sock)
    server.close()


def test_a_stop_does_not_wait_for_what_does_not_come(run, monkeypatch):
    """The process that makes the responses may have ended before it got to them."""
    monkeypatch.setattr(tcp, "_LAST_REPLIES", 0.1)
    server = run()
    with server.connect() as sock:
        sock.sendall(frame(b"later"))
        expecting(server, b"later")
        server.close(grace=600)


def bound(host: str, *, mapped: bool = False) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(20)
    if mapped:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((host, 0))
    return sock


@pytest.mark.parametrize("opener", [open_batch, PlainBatch], ids=["recvmmsg", "recvfrom"])
def test_udp_clients_are_answered_after_their_batch(opener, loopback):
    """The next batch has overwritten the buffers then; the answer leaves from another thread."""
    with bound(loopback) as serving, bound(loopback) as first, bound(loopback) as second:
        batch = opener(serving)
        found: list[LaterRecipient] = []
        for sock in (first, second):
            sock.sendto(b"query", serving.getsockname())
            assert batch.receive(True) == 1
            found.append(batch.recipient(0))
        for number, (recipient, sock) in enumerate(zip(found, (first, second), strict=True)):
            thread = threading.Thread(target=recipient.deliver, args=(b"answer %d" % number,))
            thread.start()
            assert sock.recvfrom(100) == (b"answer %d" % number, serving.getsockname())
            thread.join()


@pytest.mark.parametrize(
    ("wildcard", "asked", "mapped"),
    [("0.0.0.0", "127.0.0.2", False), ("::", "::1", False), ("::", "127.0.0.2", True)],
    ids=["IPv4", "IPv6", "IPv4 over IPv6"],
)
def test_a_wildcard_answers_later_from_the_address_that_was_asked(request, wildcard, asked, mapped):
    if ":" in wildcard:
        request.getfixturevalue("needs_ipv6")
    with bound(wildcard, mapped=mapped) as serving, bound("::1" if ":" in asked else "127.0.0.1") as sock:
        batch = open_batch(serving)
        port = serving.getsockname()[1]
        sock.sendto(b"query", (asked, port))
        assert batch.receive(True) == 1
        recipient = batch.recipient(0)
        batch.send(0)
        recipient.deliver(b"answer")
        assert sock.recvfrom(100)[1][:2] == (asked, port)


def test_a_udp_client_that_cannot_be_reached_harms_nobody():
    with bound("127.0.0.1") as serving:
        with bound("127.0.0.1") as gone:
            gone.sendto(b"query", serving.getsockname())
            batch = open_batch(serving)
            assert batch.receive(True) == 1
        recipient = batch.recipient(0)
        for _ in range(3):
            recipient.deliver(b"answer")
        recipient._replace(peer=("127.0.0.1", 0)).deliver(b"answer")
        recipient.deliver(bytes(70_000))
