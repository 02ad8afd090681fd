"""The TCP server on real loopback connections with answers that need no zone."""

import socket
import ssl
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from zonegit.dns.message import Transport
from zonegit.net.tcp import TcpServer
from zonegit.ops import loop_slots

BIG = 60_000


class Echo:
    """Answers in capitals; `none` gets no answer, `big` a big one, `xfr<n>` n big messages, `fail` breaks off,
    `think` pauses until `ready` is set."""

    def __init__(self) -> None:
        self.cache: dict[bytes, tuple[bytes, int]] = {}
        self.open = False
        self.read_ahead = 0
        self.transports: set[Transport] = set()
        self.ready = threading.Event()

    def check(self) -> None:
        pass

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        raise NotImplementedError

    def respond_tcp(self, packet: bytes, client: bytes, transport: Transport) -> bytes | Iterator[bytes] | None:
        self.open = True
        self.transports.add(transport)
        if not packet:
            return None
        if packet == b"none":
            return None
        if packet == b"big":
            return b"B" * BIG
        if packet.startswith(b"xfr"):
            return self._messages(int(packet[3:]))
        if packet == b"fail":
            return self._failing()
        if packet == b"think":
            return self._thinking()
        return packet.upper()

    def _messages(self, count: int) -> Iterator[bytes]:
        for number in range(count):
            self.open = True
            self.read_ahead = number + 1
            yield b"%08d" % number + b"m" * BIG

    def _failing(self) -> Iterator[bytes]:
        yield b"one"
        raise RuntimeError("the store is gone")

    def _thinking(self) -> Iterator[bytes]:
        while not self.ready.wait(0.01):
            yield b""
        yield b"at last"

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


@contextmanager
def starting(tls: ssl.SSLContext | None = None) -> Iterator[Callable[..., Running]]:
    """Starts servers, and closes them all in the end."""
    with ExitStack() as stack:

        def start(**settings: float | str) -> Running:
            server = Running(tls=tls, **settings)
            stack.callback(server.listener.close)
            stack.callback(server.close)
            return server

        yield start


def frame(*packets: bytes) -> bytes:
    return b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets)


def closed(sock: socket.socket) -> bool:
    """Whether the peer closed the connection."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True
