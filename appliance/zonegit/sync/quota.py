"""Bounds on what is stored for a peer: bytes per day, and free space that must stay on the disk.

A peer with a key chooses what it sends, and objects stay until `gc` runs: sync after sync, a hostile one could
fill the disk. The daily bytes (of objects, plus an estimate for moved refs and views of new zones) give an
operator time to notice; the free space keeps local changes, the log and the machine going. The count is part of
the transaction that stores the objects.
"""

from typing import Final

from zonegit.errors import QuotaUsedUp, StoreFull
from zonegit.repo.peer_status import STORED, Stored
from zonegit.store.port import Reader, Store, Writer
from zonegit.sync.limits import ClientLimits

REF_BYTES: Final = 1 << 10
"""The bytes that a moved ref counts as: its name, and its entries in the journal, the index and the reflog."""

VIEW_BYTES: Final = 64
"""The bytes that each record of a new zone counts as, besides its object, for its entry in the served view: many
zones may share one tree. 138,010 records took 56 bytes each."""


class Quota:
    """The quota of one peer in one session. With `day` None nothing is counted: a user asked for this exchange."""

    def __init__(
        self, peer: str, bounds: ClientLimits, day: int | None, where: str = "day_bytes in [primary.limits]"
    ) -> None:
        """`day`: today, as `repo.peer_status` counts days. `where`: the setting that an operator can raise."""
        self._where = where
        self._peer = peer
        self._bounds = bounds
        self._day = day
        self.size = 0
        """The bytes stored today, as of the last `read`."""

    def read(self, reader: Reader) -> None:
        """Read how much was stored today."""
        found = STORED.read(reader).get(self._peer)
        self.size = found.size if found and found.day == self._day else 0

    def check(self) -> None:
        """`QuotaUsedUp` if nothing more may be stored."""
        if self._day is not None and self.size >= self._bounds.day_bytes:
            raise QuotaUsedUp(
                f"nothing more is accepted from {self._peer} before midnight UTC: its quota of "
                f"{self._bounds.day_bytes:,} bytes for today is used up; raise {self._where} if it should send more"
            )

    def spend(self, writer: Writer, size: int) -> None:
        """Count bytes that this transaction stores. `QuotaUsedUp`."""
        if self._day is not None and size:
            self.read(writer)
            self.check()
            self.size += size
            STORED.set(writer, self._peer, Stored(self._day, self.size, self._bounds.day_bytes))

    def check_room(self, store: Store) -> None:
        """`StoreFull` if the disk has too little space left to store anything from a peer."""
        if not store.has_room(self._bounds.disk_free):
            raise StoreFull(
                f"no space is left for what {self._peer} sends, because part of the disk stays free (disk_free in "
                f"{self._where.partition(' in ')[2]}); nothing was written: free some, and it continues by itself"
            )
