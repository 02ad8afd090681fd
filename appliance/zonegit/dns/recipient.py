"""Where the response to an UPDATE goes once it is known: to a UDP socket's client, or onto a connection."""

from typing import Final, Protocol

from zonegit.dns.wire.message import HEADER_SIZE

UPDATE: Final = 5
"""The opcode (RFC 2136 §1.3)."""
_FLAGS: Final = frozenset(range(UPDATE << 3, (UPDATE << 3) + 8))
"""What the third byte of an UPDATE may be: no QR bit, the opcode, any other bits."""


def is_update(packet: bytes) -> bool:
    """Whether a packet has the header of an UPDATE."""
    return len(packet) >= HEADER_SIZE and packet[2] in _FLAGS


class Recipient(Protocol):
    """Whoever waits for one response."""

    def deliver(self, response: bytes) -> None:
        """Send it, to nobody if the client has gone. From the thread that serves TCP; never raises."""
        ...


class WaitingConnection(Recipient, Protocol):
    """A connection, which may wait for several responses."""

    def expect(self) -> None:
        """Note that one more response will be delivered."""
        ...
