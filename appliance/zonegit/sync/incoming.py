"""What a session has asked for, and of each answer what arrived and waits to be inserted."""

from dataclasses import dataclass, field
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.sync.frames import End, FrameReader, StreamError

BATCH_BYTES: Final = 1 << 20
BATCH_OBJECTS: Final = 10_000
"""A batch is handed over at the first checkpoint behind this many bytes or objects, and at four times as many
wherever it stands: a peer that sends no checkpoints must not fill the memory."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects to insert in one transaction, and the cursor behind them."""

    label: str
    objects: tuple[bytes, ...]
    cursor: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """Something to ask for, until nothing of it is left."""

    label: str
    """Names its cursor among those that are kept; empty for objects that are only looked at."""
    want: tuple[ObjectId, ...]
    have: tuple[ObjectId, ...] = ()
    cursor: bytes = b""
    lost: int = 0
    """How many answers to it in a row broke off while nobody's brought an object."""
    had: int = 0
    """Objects of the session when the last of them did."""


@dataclass(slots=True)
class Incoming:
    """An answer on its way."""

    job: Job
    reader: FrameReader
    waiting: list[bytes] = field(default_factory=list)
    size: int = 0
    """Bytes of what is waiting."""
    got: int = 0
    total: int = 0
    """Objects and their bytes that came, in all."""
    cursor: bytes = b""
    end: End | None = None
    error: StreamError | None = None

    def holds(self, times: int) -> bool:
        """Whether so many batches are waiting."""
        return self.size >= times * BATCH_BYTES or len(self.waiting) >= times * BATCH_OBJECTS

    def batch(self) -> Batch:
        """All that is waiting; nothing is then."""
        objects = tuple(self.waiting)
        self.waiting.clear()
        self.size = 0
        return Batch(self.job.label, objects, self.cursor)
