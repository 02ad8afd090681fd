"""DNS over TLS on real loopback connections: what TCP promises holds, and a handshake has its bounds."""

import gc
import os
import socket
import ssl
import threading
from pathlib import Path

import pytest

from daemonkit import read_message, until
from tcpkit import BIG, Running, closed, frame, starting
from tlskit import Authority, Files
from zonegit.dns.wire.message import Transport
from zonegit.net.tls import Identity, dns_context
from zonegit.ops import loop_slots


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def files(authority) -> Files:
    return authority.issue("server")


@pytest.fixture
def run(files):
    with starting(dns_context(Identity(files.cert, files.key))) as start:
        yield start


@pytest.fixture
def client(authority) -> ssl.SSLContext:
    return trusting(authority.cert)


def trusting(ca: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(ca))
    context.set_alpn_protocols(["dot"])
    return context


def secured(server: Running, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(server.connect(), server_hostname="127.0.0.1")


def test_queries_are_answered_and_known_as_of_tls(run, client):
    server = run()
    with secured(server, client) as sock:
        assert (sock.version(), sock.selected_alpn_protocol()) == ("TLSv1.3", "dot")
        sock.sendall(frame(*(b"q%d" % number for number in range(500)), b"big", b"last"))
        assert [read_message(sock) for _ in range(500)] == [b"Q%d" % number for number in range(500)]
        assert len(read_message(sock)) == 60_000
        assert read_message(sock) == b"LAST"
    assert server.echo.transports == {Transport.TLS}
    assert server.counters[loop_slots.CONNECTIONS] == 1


def test_who_reads_late_is_read_from_again(run, client):
    with secured(run(), client) as sock:
        for last in (b"a", b"b"):
            sock.sendall(frame(*[b"big"] * 300))
            assert {len(read_message(sock)) for _ in range(300)} == {BIG}
            sock.sendall(frame(last))
            assert read_message(sock) == last.upper()


def test_half_closed_clients_get_their_answers(run, client):
    server = run()
    with secured(server, client) as sock:
        sock.sendall(frame(b"a", b"xfr200", b"b"))
        assert read_message(sock) == b"A"
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.shutdown(socket.SHUT_WR)
        found = [read_message(sock)[:8] for _ in range(201)]
        assert b"B" in found
        assert closed(sock)
    assert server.errors == []


def test_tls_1_2_and_nothing_older(run, client):
    server = run()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    with secured(server, client) as sock:
        assert sock.version() == "TLSv1.2"
        assert "GCM" in sock.cipher()[0] or "CHACHA20" in sock.cipher()[0]
        sock.sendall(frame(b"a"))
        assert read_message(sock) == b"A"
    client.set_ciphers("ECDHE-ECDSA-AES256-SHA384")  # CBC
    with pytest.raises(ssl.SSLError):
        secured(server, client)


def test_a_transfer_and_what_is_behind_it(run, client):
    with secured(run(), client) as sock:
        sock.sendall(frame(b"xfr30", b"after"))
        found = [read_message(sock) for _ in range(31)]
        assert [message[:8] for message in found if message != b"AFTER"] == [b"%08d" % at for at in range(30)]
        assert b"AFTER" in found


def test_a_handshake_byte_by_byte(run, client):
    server = run()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with server.connect() as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def step(call):
            while True:
                try:
                    return call()
                except ssl.SSLWantReadError:
                    for byte in outgoing.read():
                        sock.sendall(bytes((byte,)))
                    incoming.write(sock.recv(7))

        step(tls.do_handshake)
        tls.write(frame(b"hello"))
        assert step(lambda: tls.read(100)) == b"\0\5HELLO"


def test_what_is_not_tls_is_closed(run, client):
    server = run()
    long = bytes(70_000)
    for junk in (frame(b"a plain query"), b"GET / HTTP/1.1\r\n\r\n", long, b"\x16\3\1\xff\xff" + long):
        with server.connect() as sock:
            try:
                sock.sendall(junk)
                while sock.recv(4096):  # perhaps an alert
                    pass
            except ConnectionError:
                pass
    with secured(server, client) as sock:
        sock.sendall(frame(b"a"))
        assert read_message(sock) == b"A"
    assert server.errors == []


def test_a_record_that_was_changed_ends_the_connection(run, client):
    server = run()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with server.connect() as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(frame(b"good"))
        tls.write(frame(b"bad"))
        data = bytearray(outgoing.read())
        data[-1] ^= 1
        sock.sendall(data)
        while sock.recv(4096):
            pass
    assert server.errors == []


def test_handshakes_that_do_not_end_are_closed(run, client):
    server = run(idle=0.3)
    outgoing = ssl.MemoryBIO()
    tls = client.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read()
    with server.connect() as silent, server.connect() as partial, server.connect() as whole:
        partial.sendall(hello[:50])
        whole.sendall(hello)
        assert closed(silent)
        assert closed(partial)
        whole.recv(65536)
        assert closed(whole)


def test_connections_without_a_query_are_closed(run, client):
    with secured(run(idle=2), client) as sock:
        assert closed(sock)


def test_limits_count_handshakes(run, client):
    server = run(most=2)
    with server.connect() as first, server.connect():
        until(lambda: server.counters[loop_slots.CONNECTIONS] == 2, "both connections")
        with secured(server, client) as third:
            third.sendall(frame(b"c"))
            assert read_message(third) == b"C"
            assert closed(first)


def test_a_client_that_says_it_is_done_gets_its_answers(run, client):
    server = run()
    with server.connect() as sock:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
        plain = b""
        sent = False
        while True:
            try:
                if not sent:
                    tls.do_handshake()
                    tls.write(frame(b"xfr3", b"b"))
                    with pytest.raises(ssl.SSLWantReadError):
                        tls.unwrap()
                    sent = True
                    sock.sendall(outgoing.read())
                part = tls.read(65536)
            except ssl.SSLWantReadError:
                if outgoing.pending:
                    sock.sendall(outgoing.read())
                data = sock.recv(65536)
                if not data:
                    break
                incoming.write(data)
            except ssl.SSLZeroReturnError:
                break
            else:
                plain += part
        assert plain.count(b"m" * 60_000) == 3
        assert b"\0\1B" in plain
        assert closed(sock)


def test_a_client_that_asks_but_never_reads_is_bounded_and_closed(run, client):
    server = run(idle=2)
    with secured(server, client) as sock:
        sock.settimeout(20)
        sent = 0
        with pytest.raises(OSError):  # the server closes
            while sent < 1 << 30:
                sent += sock.send(frame(b"big") * 1000)
        assert sent < 64 << 20


def test_a_renewed_certificate_is_shown_to_new_connections(run, client, authority):
    server = run()
    with secured(server, client) as old:
        other = authority.issue("renewed")
        server.server.tls = dns_context(Identity(other.cert, other.key))
        with secured(server, client) as new:
            assert new.getpeercert() != old.getpeercert()
            for sock in (old, new):
                sock.sendall(frame(b"a"))
                assert read_message(sock) == b"A"
        server.server.tls = None
        with server.connect() as refused:
            assert closed(refused)
        old.sendall(frame(b"b"))
        assert read_message(old) == b"B"


def test_stop_finishes_transfers(run, client):
    server = run()
    with secured(server, client) as sock, server.connect() as half:
        sock.sendall(frame(b"xfr100"))
        read_message(sock)
        stopper = threading.Thread(target=server.close, kwargs={"grace": 20})
        stopper.start()
        assert len([read_message(sock) for _ in range(99)]) == 99
        assert closed(sock)
        assert closed(half)
        stopper.join(20)


def test_connections_leave_nothing_behind(run, client):
    """Automatic collection of garbage is off in a worker: what OpenSSL holds must go with its connection."""
    server = run()
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            with secured(server, client) as sock:
                sock.sendall(frame(b"a"))
                read_message(sock)
        until(lambda: not any(isinstance(each, ssl.SSLObject) for each in gc.get_objects()), "the end of all of it")
    finally:
        gc.enable()
