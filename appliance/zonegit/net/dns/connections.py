"""Which TCP connections are open, how long each has been idle, and which to close to make room.

Connections are counted by source, which for an IPv6 client is its /64, so that no client can hold all of them.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from zonegit.dns.access.client_address import unmapped

C = TypeVar("C")

_NETWORK: Final = 8
"""Bytes of an IPv6 address that identify a source."""


def source_of(client: bytes) -> bytes:
    """The source of a client's address (4 or 16 bytes)."""
    address = unmapped(client)
    return address if len(address) == 4 else address[:_NETWORK]


class Connections(Generic[C]):
    """The open connections of one loop: up to `most`, and up to `per_source` of one source."""

    def __init__(self, most: int, per_source: int) -> None:
        self._most = most
        self._per_source = per_source
        self._all: OrderedDict[C, tuple[float, bytes]] = OrderedDict()
        self._by_source: dict[bytes, OrderedDict[C, None]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[C]:
        """Those that are open now. Any may be removed meanwhile."""
        return iter(list(self._all))

    def add(self, connection: C, client: bytes, now: float) -> C | None:
        """Add one. The one that has been idle longest if there are too many now, of this source or in all."""
        source = source_of(client)
        same = self._by_source.setdefault(source, OrderedDict())
        self._all[connection] = now, source
        same[connection] = None
        if len(same) > self._per_source:
            return next(iter(same))
        return next(iter(self._all)) if len(self._all) > self._most else None

    def active(self, connection: C, now: float) -> None:
        """Note that it did something. Does nothing if it was removed."""
        known = self._all.get(connection)
        if known is not None:
            self._all[connection] = now, known[1]
            self._all.move_to_end(connection)
            self._by_source[known[1]].move_to_end(connection)

    def remove(self, connection: C) -> None:
        """Remove one. Does nothing if it was removed."""
        known = self._all.pop(connection, None)
        if known is not None:
            same = self._by_source[known[1]]
            del same[connection]
            if not same:
                del self._by_source[known[1]]

    def idle_since(self, limit: float) -> C | None:
        """The one that has been idle longest, if since `limit` or before."""
        for connection, (last, _) in self._all.items():
            return connection if last <= limit else None
        return None
