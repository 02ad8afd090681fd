"""The interfaces that the UDP and TCP loops get answers through. An implementation belongs to one thread."""

from collections.abc import Callable, Iterator
from typing import Protocol

from zonegit.dns import udp
from zonegit.dns.recipient import WaitingConnection
from zonegit.dns.tcp import Answered
from zonegit.dns.wire.message import Transport


class UdpAnswering(Protocol):
    """Answers UDP messages from the served zones."""

    def answer_udp(self, batch: udp.Batch, count: int) -> list[int]:
        """Answer the first `count` messages in place; returns the indices of those without a response, ascending.

        All are answered from the same version of the repository. Never raises.
        """
        ...


class TcpAnswering(Protocol):
    """Answers TCP and TLS messages from the served zones. The order is `check`, any number of answers, `done`."""

    def check(self) -> None:
        """Adopt what other processes committed. Cheap when nothing moved; never raises."""
        ...

    def answer_frames(
        self,
        frames: bytes,
        at: int,
        client: bytes,
        transport: Transport,
        clock: Callable[[], float],
        until: float,
    ) -> Answered:
        """Answer frames from `at` on that take hardly any time, up to the first that may take longer, or until the
        clock shows `until`. May hold a read transaction until `done`. Never raises."""
        ...

    def respond_tcp(
        self, packet: bytes, client: bytes, transport: Transport, connection: WaitingConnection
    ) -> bytes | Iterator[bytes] | None:
        """The response, None if there is none, or an iterator over a transfer's messages, which are read lazily.

        The response to an UPDATE may be delivered to the connection later, which is told to expect it.
        An empty message is a pause and isn't sent. May hold a read transaction until `done`. A transfer may raise,
        at once or later; then the connection must be closed.
        """
        ...

    def done(self) -> None:
        """End the read transaction."""
        ...


class Replies(Protocol):
    """Responses that another process makes. Both methods are called from the TCP thread, and never raise."""

    def fileno(self) -> int:
        """A descriptor that is readable when some wait."""
        ...

    def deliver(self) -> None:
        """Deliver those that wait."""
        ...

    def expire(self) -> int:
        """Answer in its place what it hasn't answered in time; how many it still has to answer."""
        ...
