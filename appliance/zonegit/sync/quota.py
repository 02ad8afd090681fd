"""What a peer may have stored here: so much a day, and nothing once the disk has little left.

A peer with a key chooses what it sends, and objects stay until somebody runs `gc`: sync after sync, a hostile one
could fill the disk. A day's bytes (of objects, and a reckoning for refs that move and views of new zones) give an
operator the time to notice; the room that stays free keeps local changes, the log and the machine going. What was
counted is part of the transaction that stores it.
"""

from typing import Final

from zonegit.errors import QuotaUsedUp, StoreFull
from zonegit.repo.stored import Stored, set_stored, stored
from zonegit.store.port import Reader, Store, Writer
from zonegit.sync.limits import ClientLimits

REF_BYTES: Final = 1 << 10
"""What a ref that moves is counted as: its name, its place in the journal and the index, its line in the reflog."""

VIEW_BYTES: Final = 64
"""What a record of a zone that is new here is counted as beside its object: it has a place in the served view, and
many zones may name one tree. 138,010 records took 56 bytes each."""


class Quota:
    """Of one peer, in one session. Without a `day` nothing is counted: somebody is there who asked for it."""

    def __init__(self, peer: str, bounds: ClientLimits, day: int | None) -> None:
        """`day`: today, as `repo.stored` counts."""
        self._peer = peer
        self._bounds = bounds
        self._day = day
        self.size = 0
        """Bytes that were stored today, as of the last look."""

    def look(self, reader: Reader) -> None:
        """See what was stored before."""
        found = stored(reader).get(self._peer)
        self.size = found.size if found and found.day == self._day else 0

    def check(self) -> None:
        """`QuotaUsedUp` where nothing more may be stored."""
        if self._day is not None and self.size >= self._bounds.day_bytes:
            raise QuotaUsedUp(
                f"nothing more is taken from {self._peer} before midnight UTC: it had {self._bounds.day_bytes:,} "
                "bytes stored here today; raise day_bytes in [primary.limits] if that is what it should"
            )

    def spend(self, writer: Writer, size: int) -> None:
        """Count so many bytes that this transaction stores. `QuotaUsedUp`."""
        if self._day is not None and size:
            self.look(writer)
            self.check()
            self.size += size
            set_stored(writer, self._peer, Stored(self._day, self.size, self._bounds.day_bytes))

    def check_room(self, store: Store) -> None:
        """`StoreFull` where the disk has too little left for anything of a peer's."""
        if not store.has_room(self._bounds.disk_free):
            raise StoreFull(
                f"no space is left for what {self._peer} sends, since some of the disk stays free (disk_free in "
                "[primary.limits]); nothing was written: free some, and it goes on by itself"
            )
