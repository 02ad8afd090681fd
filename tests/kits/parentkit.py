"""Name servers of a parent zone: real ones with a delegation, and one that does whatever a test wants."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HOST = "127.0.0.1"
DS_TEXT = "12345 15 2 " + "ab" * 32
DS = b"\x30\x39\x0f\x02" + b"\xab" * 32
OTHER_TEXT = "54321 13 4 " + "CD" * 48
OTHER = b"\xd4\x31\x0d\x04" + b"\xcd" * 48

Serve = Callable[[socket.socket, bytes], None]
"""Gets a connection and the query that came over it."""


def parent_zone(directory: Path, *ds: str, apex: str = "org.", serial: int = 1) -> Path:
    """A file of the zone `apex` with a delegation of `example` below it, and these DS records."""
    path = directory / f"{apex}{serial}.zone"
    lines = [
        f"$ORIGIN {apex}",
        "$TTL 3600",
        f"@ SOA ns1 hostmaster {serial} 7200 3600 1209600 900",
        "@ NS ns1",
        "@ NS ns2",
        "ns1 A 127.0.0.1",
        "ns2 A 127.0.0.1",
        "ns2 A 127.0.0.2",
        "example NS ns.example",
        "ns.example A 192.0.2.1",
        *(f"example 1800 DS {each}" for each in ds),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def child_zone(directory: Path, apex: str = "example.org.") -> Path:
    path = directory / f"{apex}zone"
    path.write_text(
        f"$ORIGIN {apex}\n$TTL 300\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\n"
    )
    return path


@contextmanager
def fake(serve: Serve) -> Iterator[str]:
    """`ADDRESS:PORT` of a server over TCP that calls `serve` for each query."""
    with socket.create_server((HOST, 0)) as listener:
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        yield f"{HOST}:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, serve: Serve) -> None:
    with suppress(OSError):  # closed
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_connected, args=(sock, serve), daemon=True).start()


def _connected(sock: socket.socket, serve: Serve) -> None:
    with sock, suppress(OSError):  # the client has left
        serve(sock, sock.recv(65535)[2:])


def answering(make: Callable[[bytes], bytes]) -> Serve:
    """Answers with the message that is made of the query."""

    def serve(sock: socket.socket, query: bytes) -> None:
        message = make(query)
        sock.sendall(len(message).to_bytes(2, "big") + message)
        sock.recv(1)

    return serve
