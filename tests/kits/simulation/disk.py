"""A node's disk: what a transaction wrote is there for good, and a machine may die in the middle of one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zonegit.store.memory import MemoryStore
from zonegit.store.writer import StoreWriter


class PowerLost(BaseException):
    """The machine died. No code that runs on it hears of it."""


class Disk(MemoryStore):
    """A repository that outlives the process that works on it."""

    def __init__(self, epoch: bytes) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] | None = None
        """What comes before the next transaction."""
        self._left: int | None = None
        """How many transactions are still written before the machine dies."""
        self._durable = False
        """Whether the one in which it dies is written."""
        with self.write() as writer:
            writer.begin_epoch(epoch)

    @property
    def state(self) -> object:
        """What was written; the same object until the next transaction."""
        return self._tables

    @property
    def is_dead(self) -> bool:
        return self._left is not None and self._left < 0

    def die_in(self, transactions: int, durable: bool) -> None:
        self._left, self._durable = transactions, durable

    def rebooted(self) -> "Disk":
        """The same disk, to a new process: nothing that was only remembered is there."""
        found = Disk(bytes(16))
        found._tables = self._tables
        found._txn_id = self._txn_id
        return found

    @contextmanager
    def write(self) -> Iterator[StoreWriter]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile:
            meanwhile()
        with super().write() as writer:
            yield writer
            if self._left is not None:
                self._left -= 1
            if self.is_dead and not self._durable:
                raise PowerLost
        if self.is_dead:
            raise PowerLost
