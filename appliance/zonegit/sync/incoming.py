"""What a session has asked for, and for each answer, what has arrived and waits to be inserted."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.sync.frames import End, FrameReader, StreamError

BATCH_BYTES: Final = 1 << 20
BATCH_OBJECTS: Final = 10_000
"""A batch is handed over at the first checkpoint after this many bytes or objects, and after four times as many
even without a checkpoint: a peer that sends none must not fill the memory."""


class Batch(NamedTuple):
    """Objects to insert in one transaction, and the cursor after them."""

    label: str
    objects: tuple[bytes, ...]
    cursor: bytes


class Job(NamedTuple):
    """Something to ask for, until nothing of it is left."""

    label: str
    """The name of its cursor among the stored ones; empty for objects that are only inspected."""
    want: tuple[ObjectId, ...]
    have: tuple[ObjectId, ...] = ()
    cursor: bytes = b""
    lost: int = 0
    """How many answers to it in a row broke off without any answer of the session bringing an object in between."""
    had: int = 0
    """How many objects the session had when the last of them broke off."""


@dataclass(slots=True)
class Incoming:
    """An answer that is arriving."""

    job: Job
    reader: FrameReader
    waiting: list[bytes] = field(default_factory=list)
    size: int = 0
    """The bytes of `waiting`."""
    got: int = 0
    total: int = 0
    """How many objects and bytes have come, in all."""
    cursor: bytes = b""
    end: End | None = None
    error: StreamError | None = None

    def holds(self, times: int) -> bool:
        """Whether at least `times` batches are waiting."""
        return self.size >= times * BATCH_BYTES or len(self.waiting) >= times * BATCH_OBJECTS

    def batch(self) -> Batch:
        """Remove and return everything that is waiting."""
        objects = tuple(self.waiting)
        self.waiting.clear()
        self.size = 0
        return Batch(self.job.label, objects, self.cursor)
