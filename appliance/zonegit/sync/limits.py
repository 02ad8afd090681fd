"""The bounds of `/v0`, in one place. Both sides enforce them; docs/protocol.md documents them."""

from typing import Final, NamedTuple

FETCH_BODY: Final = 1 << 20
LIST_BODY: Final = 2_000 * 32
DIFF_BODY: Final = 96 << 10
"""The most bytes of a request's body: JSON for `/v0/fetch` and the walk, ids for `/v0/objects/fetch`, digests or a
sketch for `/v0/refs/diff`. A GET has no body."""
MAX_WANTS: Final = 4_096
MAX_HAVES: Final = 16_384
MAX_LIST: Final = 2_000
MAX_WALK: Final = 20_000
"""The most ids in one answer to a walk."""
PUSH_BODY: Final = 21 << 18
PUSH_BYTES: Final = 4 << 20
PUSH_ASK: Final = 1 << 20
"""The most bytes of a push: of its body, of its objects, and of the question after them."""
PUSH_OBJECTS: Final = 1 << 16
"""The most objects of a push: a full one of 64 bytes each. Smaller objects take more memory than their bytes."""
MAX_UPDATES: Final = 4_096
MAX_PRESENT: Final = 14_000
"""The most refs that one push may move, and the most ids that it may ask about."""
MAX_WAIT: Final = 60
"""The longest long-poll, in seconds."""

GROUP_OBJECTS: Final = 512
GROUP_BYTES: Final = 256 << 10
"""A group ends when it has this many objects or has reached this size; one large object may exceed it."""
INFLATED: Final = 1 << 20
INFLATED_RATIO: Final = 64
"""The most bytes in a compressed frame after decompression: in all, and for each compressed byte."""
HELD_BYTES: Final = 17 << 19
HELD_OBJECTS: Final = 1 << 16
HELD_FRAMES: Final = 512
"""The most that a client holds of a stream before a MAC has authenticated it.

With sealed checkpoints that is one group at a time. Without them it is a whole answer: at most 4 MiB plus a group
that ends with the largest possible object, in 290 frames.
"""


class ServerLimits(NamedTuple):
    """The limits for clients of a server, as far as its operator can set them."""

    strangers: int = 256
    """The most unauthenticated connections from all sources together, in each process."""
    streams: int = 32
    """The most HTTP/2 streams of a connection."""
    header_bytes: int = 16 << 10
    """The most bytes of a request's headers."""
    fetches: int = 8
    """The most streams of frames at once, for each connection and key."""
    response_bytes: int = 4 << 20
    """Bytes of objects after which a stream of frames ends, with a cursor for the next one."""
    response_seconds: float = 30.0
    """Seconds after which it ends in the same way."""
    push_day_bytes: int = 64 << 30
    """The most bytes that are stored from a key's pushes in a day (`sync.quota`)."""
    disk_free: int = 1 << 30
    """Bytes that pushes leave free on the disk, or a 256th of a disk smaller than 256 GiB (`Store.has_room`)."""


class ClientLimits(NamedTuple):
    """What a client accepts from a server."""

    bytes: int = 4 << 30
    objects: int = 10_000_000
    """The most bytes and objects in one sync."""
    refs_bytes: int = 16 << 20
    """The most bytes of a list of refs, or of a part of one: each takes some 130 bytes."""
    slowest: int = 1_024
    slowest_over: float = 30.0
    """The client gives up below `slowest` bytes per second, over `slowest_over` seconds of waiting."""
    answer_seconds: float = 600.0
    """The most seconds of waiting for one answer, in all."""
    day_bytes: int = 64 << 30
    """The most bytes that are stored in a day (`sync.quota`)."""
    disk_free: int = 1 << 30
    """Bytes that stay free on the disk, or a 256th of a disk smaller than 256 GiB (`Store.has_room`)."""


SERVER: Final = ServerLimits()
CLIENT: Final = ClientLimits()
