"""What the UDP and TCP loops ask of the room that answers."""

from collections.abc import Iterator
from typing import Protocol


class Answering(Protocol):
    """Zones and answers of one thread. The order is `check`, then any number of answers, then `done`."""

    @property
    def cache(self) -> dict[bytes, tuple[bytes, int]]:
        """A query's bytes after the id -> the answer's after the id, and the counter to raise."""
        ...

    def check(self) -> None:
        """Take up what other processes committed; cheap when nothing moved. Never raises."""
        ...

    def respond_udp(self, packet: bytes, client: bytes) -> bytes | None:
        """The answer, or None for none. Never raises. May hold a read transaction until `done`."""
        ...

    def respond_tcp(self, packet: bytes, client: bytes) -> bytes | Iterator[bytes] | None:
        """The same over TCP; the messages of a zone transfer come one by one, each read when it is asked for.

        An empty one is a pause and not to be sent. A transfer may raise, at once or later; then the connection is to
        be closed.
        """
        ...

    def done(self) -> None:
        """Let go of the read transaction."""
        ...
