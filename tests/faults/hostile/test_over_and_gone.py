"""What strangers' connections leave behind when they are over: nothing, however they ended."""

import gc
import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from h2.connection import H2Connection

from daemonkit import until
from httpkit import Running, served
from rawh2 import END_HEADERS, END_STREAM, HEADERS, SETTINGS, frame
from tlskit import Authority
from zonegit.net.server.h2_frames import PREFACE
from zonegit.net.tls import ALPN, Identity, client_context, server_context

CONNECTIONS = 12
REQUESTS = 300
"""Of each, more than a stranger has units for: the server ends the connection."""
_FIELDS = b"\x82\x86\x84\x41\x01x"
"""GET, http, /, and an authority: no Authorization."""


def alive() -> int:
    gc.collect()
    return sum(isinstance(found, H2Connection) for found in gc.get_objects())


def flooded(port: int, tls: ssl.SSLContext | None, *, reset: bool, reading: bool) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        sock = tls.wrap_socket(plain, server_hostname="127.0.0.1") if tls else plain
        with sock, suppress(OSError):
            sock.sendall(PREFACE + frame(SETTINGS))
            for at in range(0, REQUESTS, 30):
                numbers = range(2 * at + 1, 2 * at + 60, 2)
                sock.sendall(b"".join(frame(HEADERS, _FIELDS, END_STREAM | END_HEADERS, each) for each in numbers))
                if reading:
                    sock.recv(65_536)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
@pytest.mark.parametrize("reading", [False, True], ids=["unread", "read"])
@pytest.mark.parametrize("over_tls", [False, True], ids=["cleartext", "tls"])
def test_connections_that_are_over_leave_nothing(
    tmp_path: Path, *, over_tls: bool, reading: bool, reset: bool
) -> None:
    ca = Authority(tmp_path)
    files = ca.issue("server")
    context = client_context(ca.cert, None) if over_tls else None
    if context is not None:
        context.set_alpn_protocols([ALPN])

    def test(server: Running) -> None:
        server.server.tls = server_context(Identity(files.cert, files.key), None) if over_tls else None
        before = alive()
        for _ in range(CONNECTIONS):
            flooded(server.port, context, reset=reset, reading=reading)
        until(lambda: server.server.open.total() == 0, "the end of all connections")
        until(lambda: alive() <= before, "what they left")

    served(test)
