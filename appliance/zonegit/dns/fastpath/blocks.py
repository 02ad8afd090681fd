"""Reads the blocks of one zone version: from its served view where it has one, else through the version itself.

`ZoneState` does this for the slow path, with parsed RRsets and a fallback. Here blocks stay bytes, and an error
leaves the query to the slow path. What is read is paid for from the query's budget.
"""

from collections.abc import Callable
from typing import Protocol

from zonegit.dns.zone.query_budget import ABSENT, BYTE, READ
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.errors import NotFound
from zonegit.model.names import OwnerKey
from zonegit.store.layout import SEAL, unseal
from zonegit.store.tables import Item


class ViewTable(Protocol):
    """The store's table of served views, at the version that its reader is at."""

    @property
    def get(self) -> Callable[[bytes, None, object], bytes | None]:
        """To be called as `get(key, None, table)`."""
        ...

    @property
    def table(self) -> object: ...

    def gap(self, key: bytes) -> tuple[Item | None, Item | None]:
        """The items before and after an absent key, which prove that it is absent. `CorruptStore`."""
        ...


class NoViewTable:
    """Used where there is no view table: zones are read through their versions."""

    table: object = None

    def get(self, key: bytes, default: None, table: object) -> bytes | None:
        raise NotFound("no view can be read")

    def gap(self, key: bytes) -> tuple[Item | None, Item | None]:
        raise NotFound("no view can be read")


class Blocks(Protocol):
    """Blocks by key: `prefix`, then the owner's key. Methods raise `CorruptStore` and `OverBudget`."""

    @property
    def prefix(self) -> bytes: ...

    def read(self, key: bytes) -> bytes | None:
        """The block at a key; None if there is none, which is verified."""
        ...

    def look(self, key: bytes) -> tuple[bytes | None, bool]:
        """The block at a key; if there is none, which is verified, whether owners are below it."""
        ...

    def has_below(self, key: bytes) -> bool:
        """Whether owners are below a key at which none is."""
        ...

    def before(self, key: bytes) -> tuple[bytes, bytes] | None:
        """The last owner before a key at which none is: its key, without `prefix`, and its block."""
        ...

    def around(self, key: bytes) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
        """The same, and the first key after it, which may be another zone's."""
        ...


class ViewBlocks:
    """Through the table of views."""

    __slots__ = ("_views", "_zone", "prefix")

    def __init__(self, zone: ZoneState, views: ViewTable, prefix: bytes) -> None:
        self._zone = zone
        self._views = views
        self.prefix = prefix

    def read(self, key: bytes) -> bytes | None:
        return self.look(key)[0]

    def look(self, key: bytes) -> tuple[bytes | None, bool]:
        sealed = self._views.get(key, None, self._views.table)
        if sealed is None:
            return None, self.has_below(key)
        self._zone.pay(READ + BYTE * len(sealed))
        return unseal(key, sealed), False

    def has_below(self, key: bytes) -> bool:
        high = self._views.gap(key)[1]
        self._zone.pay(ABSENT)
        return high is not None and high[0].startswith(key)

    def before(self, key: bytes) -> tuple[bytes, bytes] | None:
        return self._own(self._views.gap(key)[0])

    def around(self, key: bytes) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
        low, high = self._views.gap(key)
        return self._own(low), None if high is None else high[0]

    def _own(self, item: Item | None) -> tuple[bytes, bytes] | None:
        """The key of an item, without `prefix`, and its block; None if the item isn't this view's."""
        if item is None or not item[0].startswith(self.prefix):
            return None
        return item[0][len(self.prefix) :], item[1][SEAL:]


class VersionBlocks:
    """Through the zone's version, whose keys have no prefix."""

    __slots__ = ("_zone", "prefix")

    def __init__(self, zone: ZoneState) -> None:
        self._zone = zone
        self.prefix = b""

    def read(self, key: bytes) -> bytes | None:
        block = self._zone.version.at(OwnerKey(key))
        self._zone.pay(ABSENT if block is None else READ + BYTE * len(block))
        return block

    def look(self, key: bytes) -> tuple[bytes | None, bool]:
        block, after = self._zone.version.look(OwnerKey(key))
        self._zone.pay(ABSENT if block is None else READ + BYTE * len(block))
        return block, after is not None and after.startswith(key)

    def has_below(self, key: bytes) -> bool:
        return self._zone.has_below(OwnerKey(key))

    def before(self, key: bytes) -> tuple[bytes, bytes] | None:
        return self._zone.version.before(OwnerKey(key))

    def around(self, key: bytes) -> tuple[tuple[bytes, bytes] | None, bytes | None]:
        return self.before(key), self._zone.version.after(OwnerKey(key))
