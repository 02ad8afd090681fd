"""The bounds of `/v0`, in one place. Both sides enforce them; docs/protocol.md tells them to others."""

from dataclasses import dataclass
from typing import Final

FETCH_BODY: Final = 1 << 20
LIST_BODY: Final = 2_000 * 32
DIFF_BODY: Final = 16 << 10
"""Bytes of a request's body: none for a GET, JSON for `/v0/fetch` and the walk, ids for `/v0/objects/fetch`,
digests for `/v0/refs/diff`."""
MAX_WANTS: Final = 4_096
MAX_HAVES: Final = 16_384
MAX_LIST: Final = 2_000
MAX_WALK: Final = 20_000
"""Ids in one answer to a walk."""
MAX_WAIT: Final = 60
"""Seconds of a long-poll."""

GROUP_OBJECTS: Final = 512
GROUP_BYTES: Final = 256 << 10
"""A group ends when it has this many objects or reached this size; one large object may exceed it."""
INFLATED: Final = 1 << 20
INFLATED_RATIO: Final = 64
"""Bytes that a compressed frame may hold, in all and for each of its own."""
HELD_BYTES: Final = 17 << 19
HELD_OBJECTS: Final = 1 << 16
HELD_FRAMES: Final = 512
"""What a client holds of a stream before a MAC over it has passed: each group, where the checkpoints are sealed.

Where they aren't, a whole answer: at most 4 MiB, and a group that ends with the largest of objects, in 290 frames.
"""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What a server lets its clients have, where that is for its operator to say."""

    strangers: int = 256
    """Connections of which no request has passed yet, of all sources, in each process."""
    streams: int = 32
    """Of a connection."""
    header_bytes: int = 16 << 10
    """Of a request."""
    fetches: int = 8
    """Streams of frames at once, for each connection and key."""
    response_bytes: int = 4 << 20
    """Of the objects in a stream of frames; then it ends, with a cursor to go on from."""
    response_seconds: float = 30.0
    """The same for its time."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """What a client takes of a server."""

    bytes: int = 4 << 30
    objects: int = 10_000_000
    """Of one sync, in all."""
    refs_bytes: int = 16 << 20
    """Of a list of refs: some 130 bytes for each."""
    slowest: int = 1_024
    slowest_over: float = 30.0
    """It gives up below so many bytes per second over so many seconds of waiting."""
    answer_seconds: float = 600.0
    """Of waiting for one answer, in all."""
    day_bytes: int = 64 << 30
    """Of what is stored in a day (`sync.quota`)."""
    disk_free: int = 1 << 30
    """That stay free on the disk; of one that is smaller than 256 GiB, a 256th of it (`Store.has_room`)."""


SERVER: Final = ServerLimits()
CLIENT: Final = ClientLimits()
