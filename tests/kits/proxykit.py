"""A TCP proxy on loopback that counts what it passes on, and cuts connections when it is told to."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Cut = Callable[[int], bool]
"""Whether to cut a connection before so many bytes, counted from its start, were passed on to its client."""


class Proxy:
    """Stands before a port of loopback that may change. A context manager; `close` ends all its connections."""

    def __init__(self, target: int, cut: Cut = lambda _: False) -> None:
        self.target = target
        self.cut = cut
        self.sent = 0
        """Bytes passed on to clients, in all."""
        self.asked = 0
        """Bytes passed on from clients."""
        self.connections = 0
        self.cuts = 0
        self._lock = threading.Lock()
        self._pairs: dict[int, tuple[socket.socket, socket.socket]] = {}
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[0].join()
        for pair in list(self._pairs.values()):
            _end(*pair)
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=20)
            except OSError:
                client.close()
                continue
            for sock in (client, server):
                sock.settimeout(None)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self._pairs[self.connections] = client, server
            for run in (self._ask, self._answer):
                self._threads.append(threading.Thread(target=run, args=(self.connections, client, server)))
                self._threads[-1].start()

    def _ask(self, _number: int, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                server.sendall(data)
                with self._lock:
                    self.asked += len(data)
        _end(client, server)

    def _answer(self, number: int, client: socket.socket, server: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := server.recv(1 << 14):
                passed += len(data)
                if self.cut(passed):
                    self.cuts += 1
                    break
                client.sendall(data)
                with self._lock:
                    self.sent += len(data)
        _end(client, server)
        self._pairs.pop(number, None)
        client.close()
        server.close()


def _end(*socks: socket.socket) -> None:
    """Wake whoever reads from them."""
    for sock in socks:
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
