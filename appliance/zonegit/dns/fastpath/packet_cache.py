"""First level of the response cache: a query's bytes after the id -> the response's bytes after the id.

It is bounded in entries and bytes, and cleared completely when it is full. When zones move, their responses are
dropped, and so are all that were made from several zones. `dns.udp` consults `entries` before anything is parsed.
The second level is `dns.cache`.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.dns.cache import MOST_BYTES
from zonegit.dns.wire.seen_before import SeenBefore
from zonegit.dns.zone.zone_state import ZoneState

Entry = tuple[bytes, int]
"""The response after its id, and the slot that counts it."""

_SAMPLE: Final = 1024
"""Offered packets after which the cache looks at how many of them were repeats."""
_RARE: Final = 50
"""If fewer than one in this many were repeats, only one packet in 16 is offered from then on: queries that never
come again shouldn't pay for the cache."""
_FEW: Final = 15
"""The `skip_mask` that lets one in 16 through."""
_ENTRY: Final = 256
"""Bytes that an entry takes in Python, besides those of packet and response."""


class PacketCache:
    """The responses of one thread."""

    __slots__ = (
        "_by_apex",
        "_limit",
        "_most_bytes",
        "_offered",
        "_seen_before",
        "_taken",
        "entries",
        "size",
        "skip_mask",
    )

    def __init__(self, limit: int, most_bytes: int | None = None) -> None:
        """`limit` bounds entries, `most_bytes` their estimated size (None: `MOST_BYTES`)."""
        self._most_bytes = MOST_BYTES if most_bytes is None else most_bytes
        self.entries: dict[bytes, Entry] = {}
        """Always the same dict, so that callers may keep its `get`."""
        self.skip_mask = 0
        """Packets whose hash has any of these bits need not be offered. 0 while enough packets are repeats."""
        self.size = 0
        """Bytes that all entries take (estimated)."""
        self._seen_before = SeenBefore(limit)
        self._limit = limit
        self._offered = self._taken = 0
        self._by_apex: dict[bytes | None, list[bytes]] = {}

    def offer(self, zone: ZoneState, packet: bytes, entry: Entry, name: bytes) -> None:
        """Keep the response if the packet was offered before and has its name in lowercase, which is `name`."""
        self._offered += 1
        if self._offered >= _SAMPLE:
            self.skip_mask = 0 if self._taken * _RARE > self._offered else _FEW
            self._offered = self._taken = 0
        if self._seen_before(packet):
            self._taken += 1
            if packet.startswith(name, 10):
                self.add(zone, packet, entry)

    def add(self, zone: ZoneState | None, packet: bytes, entry: Entry) -> None:
        """Keep a response made from this zone, or from several (None), unless the packet has one."""
        if packet in self.entries:
            return
        size = _packet_size(packet, entry)
        if len(self.entries) >= self._limit or self.size + size > self._most_bytes:
            self.clear()
        self.size += size
        self.entries[packet] = entry
        self._by_apex.setdefault(None if zone is None else zone.apex, []).append(packet)

    def drop(self, apexes: Iterable[bytes]) -> None:
        """Forget the responses made from any of these zones, and all that were made from several."""
        for apex in (None, *apexes):
            for packet in self._by_apex.pop(apex, ()):
                self.size -= _packet_size(packet, self.entries.pop(packet))

    def clear(self) -> None:
        """Forget everything."""
        self.size = 0
        self.entries.clear()
        self._by_apex.clear()


def _packet_size(packet: bytes, entry: Entry) -> int:
    return _ENTRY + len(packet) + len(entry[0])
