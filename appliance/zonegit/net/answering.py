"""What the UDP and TCP loops ask of the room that answers."""

from collections.abc import Callable, Iterator
from typing import Protocol

from zonegit.dns.message import Transport


class Answering(Protocol):
    """Zones and answers of one thread. The order is `check`, `begin` before the first
    answer that the cache hasn't, then any number of answers, then `done`."""

    @property
    def cache(self) -> dict[bytes, tuple[bytes, int]]:
        """A query's bytes after the id -> the answer's after the id, and the counter to raise."""
        ...

    @property
    def straight(self) -> Callable[[bytes], tuple[bytes, int] | None]:
        """A query's bytes after the id -> the same as the cache has, or None where it can't tell. Never raises."""
        ...

    @property
    def dressed(self) -> Callable[[bytes, bytes], tuple[bytes, int] | None]:
        """The same for what answers depend on the client (4 or 16 address bytes); None: ask `respond_udp`."""
        ...

    @property
    def rate(self) -> Callable[[bytes, bytes, bytes], bytes | None] | None:
        """`(query, response, client)`: what to send over UDP for a response, all behind the id; None for nothing.
        None where rates aren't limited."""
        ...

    def check(self) -> None:
        """Take up what other processes committed; cheap when nothing moved. Never raises."""
        ...

    def begin(self) -> None:
        """What is answered from now on until `done` is read in one transaction. Never raises."""
        ...

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        """The answer, or None for none. Never raises. May hold a read transaction until `done`."""
        ...

    def respond_tcp(self, packet: bytes, client: bytes, transport: Transport) -> bytes | Iterator[bytes] | None:
        """The same over TCP or TLS; the messages of a transfer come one by one, each read when it is asked for.

        An empty one is a pause and not to be sent. A transfer may raise, at once or later; then the connection is
        to be closed.
        """
        ...

    def done(self) -> None:
        """Let go of the read transaction."""
        ...
