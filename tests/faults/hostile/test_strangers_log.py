"""What strangers do to the ports of the http process leaves a line a minute in its log, all together."""

import socket
from contextlib import suppress
from pathlib import Path

from daemonkit import Daemon, new_reader
from manykit import many_zones
from rawh2 import END_HEADERS, HEADERS, SETTINGS, RawClient, frame

MOST = 1
"""Lines."""
TIMES = 5
"""How often each is done to either port."""
FAILURES = 5
"""Requests with a key that isn't there; with those of `SAID` they could use a source's failures up."""
BEGUN = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS)
UPGRADE = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: "
SAID = [
    b"GET /v0/refs HTTP/1.1\r\nHost: x\r\n\r\n",
    UPGRADE + b"h2c\r\nHTTP2-Settings: %\xff\r\n\r\n",
    UPGRADE + b"h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    UPGRADE + b"websocket\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: text/plain; version=x\r\n\r\n",
    b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    BEGUN + frame(HEADERS, b"\xff\xff\xff\x7f", END_HEADERS, 1),
    BEGUN + frame(HEADERS, b"\x82\x84\x86\x41\x01x", END_HEADERS, 1) + frame(HEADERS, b"\x82", END_HEADERS, 1),
    BEGUN + frame(0, b"x", 0, 1),
    b"nonsense\r\n\r\n",
]


def say(port: int, text: bytes) -> None:
    """Send it, and end the connection with a reset."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock, suppress(OSError):
        sock.sendall(text)
        sock.settimeout(0.01)
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_strangers_leave_a_line_a_minute(tmp_path: Path) -> None:
    many_zones(tmp_path / "repo", 1).close()
    listen = ["--replicate-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"]
    daemon = Daemon.start(
        tmp_path / "repo", "--keys", new_reader(tmp_path / "keys"), "--replicate-name", "p1", *listen
    )
    try:
        port = daemon.port("replication")
        daemon.caught_up("http")
        before = len(daemon.log)
        for _ in range(TIMES):
            for text in SAID:
                say(port, text)
                say(daemon.port("metrics"), text)
        for _ in range(FAILURES):
            with RawClient(port) as client:
                assert client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs")).status in (401, 429)
        daemon.logged("refused a request")
        daemon.caught_up("http")
        lines = [line for line in daemon.log[before:] if "]: state " not in line]
        assert len(lines) <= MOST, lines
    finally:
        assert daemon.stop() == 0
