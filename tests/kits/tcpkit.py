"""The TCP server with answers that need no zone: on real loopback connections, or on wires within the process."""

import asyncio
import socket
import ssl
import threading
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from zonegit.dns.recipient import WaitingConnection
from zonegit.dns.tcp import Answered, end_of_frame
from zonegit.dns.wire.message import Transport
from zonegit.net.dns.tcp import TcpServer
from zonegit.ops import loop_slots

BIG = 60_000


class Echo:
    """Answers in capitals; `none` gets no answer, `big` a big one, `xfr<n>` n big messages, `fail` breaks off,
    `think` pauses until `ready` is set, `later…` waits for `Later.answer`. `quick…` is answered among frames."""

    def __init__(self) -> None:
        self.expecting: dict[bytes, WaitingConnection] = {}
        """By their packets."""
        self.cache: dict[bytes, tuple[bytes, int]] = {}
        self.open = False
        self.read_ahead = 0
        self.transports: set[Transport] = set()
        self.ready = threading.Event()

    def check(self) -> None:
        pass

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        raise NotImplementedError

    def answer_frames(
        self,
        frames: bytes,
        at: int,
        client: bytes,
        transport: Transport,
        clock: Callable[[], float],
        until: float,
    ) -> Answered:
        found = []
        while (end := end_of_frame(frames, at)) and frames.startswith(b"quick", at + 2):
            found.append(frames[at + 2 : end].upper())
            at = end
        return Answered(at, frame(*found), len(found), len(found[0]) if found else 0)

    def respond_tcp(
        self, packet: bytes, client: bytes, transport: Transport, connection: WaitingConnection
    ) -> bytes | Iterator[bytes] | None:
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
        if packet.startswith(b"later"):
            self.expecting[packet] = connection
            connection.expect()
            return None
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


class Later:
    """Another process that answers what `Echo` expects, and takes its time."""

    def __init__(self, echo: Echo) -> None:
        self._echo = echo
        self._ours, self._theirs = socket.socketpair()

    def fileno(self) -> int:
        return self._theirs.fileno()

    def answer(self, packet: bytes) -> None:
        """Have a packet answered that was received."""
        self._ours.sendall(len(packet).to_bytes(2, "big") + packet)

    def deliver(self) -> None:
        packet = self._theirs.recv(int.from_bytes(self._theirs.recv(2), "big"))
        self._echo.expecting.pop(packet).deliver(packet.upper())

    def expire(self) -> int:
        return len(self._echo.expecting)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


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
        self.later = Later(self.echo)
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
            replies=self.later,
        )
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def connect(self, source: str = "") -> socket.socket:
        return socket.create_connection(self.address, timeout=20, source_address=(source, 0) if source else None)

    def close(self, grace: float = 1.0) -> None:
        self.server.stop(grace)
        self.thread.join(60)
        assert not self.thread.is_alive()
        self.later.close()


class Wire(asyncio.Transport):
    """What a protocol writes to, as a socket's transport would have it; more than `room` bytes make it pause."""

    def __init__(self, room: int = 1 << 30, client: str = "127.0.0.1") -> None:
        super().__init__({"peername": (client, 5), "socket": socket})
        self.protocol: asyncio.Protocol | None = None
        self.written = bytearray()
        self.reading = True
        self.closing = False
        self._room = room
        self._waiting = 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return _Family if name == "socket" else super().get_extra_info(name, default)

    def begin(self, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol
        protocol.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.closing
        self.written += data
        before, self._waiting = self._waiting, self._waiting + len(data)
        if before <= self._room < self._waiting and self.protocol is not None:
            self.protocol.pause_writing()

    def take(self) -> None:
        """The client reads all that was written."""
        waiting, self._waiting = self._waiting, 0
        if waiting > self._room and self.protocol is not None and not self.closing:
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    abort = close


class _Family:
    family = socket.AF_INET


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
