"""A TCP relay on loopback that counts bytes each way, and the requests in the HTTP/2 that passes through it."""

import socket
import threading
from contextlib import suppress
from typing import Final, Self

_PREFACE: Final = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
_HEADERS: Final = 1
"""Type of the frame that begins a request (RFC 9113 §6.2)."""


class Requests:
    """Counts the requests in what a client sends over one connection."""

    def __init__(self) -> None:
        self.count = 0
        self._skip = _PREFACE
        self._held = b""

    def take(self, data: bytes) -> None:
        data = self._held + data
        at = self._skip
        while at + 9 <= len(data):
            self.count += data[at + 3] == _HEADERS
            at += 9 + int.from_bytes(data[at : at + 3], "big")
        self._held, self._skip = (data[at:], 0) if at <= len(data) else (b"", at - len(data))


class Relay:
    """Stands before a port of loopback. A context manager."""

    def __init__(self, target: int) -> None:
        self.asked = self.answered = self.requests = 0
        """Bytes to the server, bytes to clients, requests."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        for sock in (self._listener, *self._sockets):
            sock.close()

    def taken(self) -> tuple[int, int]:
        """Requests, and bytes both ways, since the last call."""
        found = self.requests, self.asked + self.answered
        self.requests = self.asked = self.answered = 0
        return found

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                self._sockets += [client, server]
                for run in (self._ask, self._answer):
                    self._threads.append(threading.Thread(target=run, args=(client, server), daemon=True))
                    self._threads[-1].start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        requests = Requests()
        with suppress(OSError):
            while data := client.recv(1 << 16):
                before = requests.count
                requests.take(data)
                self.requests += requests.count - before
                self.asked += len(data)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                self.answered += len(data)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)
