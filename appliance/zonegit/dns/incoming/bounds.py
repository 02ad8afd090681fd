"""How much one transfer may bring, and how long it may take: nobody knows how a stream of messages ends."""

from typing import Final, NamedTuple


class Bounds(NamedTuple):
    """The most that is taken from a primary in one transfer. More than that fails, and the zone stays as it is."""

    records: int = 10_000_000
    """A record takes some 450 bytes of memory until the zone is stored."""
    bytes: int = 2 << 30
    """Of the messages, and of the records that they contain, with names that aren't compressed."""
    seconds: float = 3600.0
    """From the query to the last message."""
    connect_seconds: float = 10.0
    """Until a connection is made, with TLS until the handshake is done."""
    answer_seconds: float = 60.0
    """Until the first message comes: some servers read the zone first."""
    idle_seconds: float = 30.0
    """Until any later message comes."""


BOUNDS: Final = Bounds()
