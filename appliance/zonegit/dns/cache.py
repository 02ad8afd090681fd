"""The first level of the response cache: a packet behind its id -> the response behind its id.

Whoever reads packets consults `entries` before anything is parsed. Entries go with the zone that they came from.
"""

from zonegit.dns.zones import Zone

Entry = tuple[bytes, int]
"""The response behind its id, and the slot that counts it."""


class PacketCache:
    """Finished responses by packet; cleared whole when it is full."""

    __slots__ = ("_by_zone", "_limit", "entries")

    def __init__(self, limit: int) -> None:
        self.entries: dict[bytes, Entry] = {}
        """Always the same dict, so that a loop may keep a reference to its `get`."""
        self._limit = limit
        self._by_zone: dict[Zone | None, list[bytes]] = {}

    def add(self, zone: Zone | None, packet: bytes, entry: Entry) -> None:
        """Keep a response of this zone, or of several (None)."""
        if len(self.entries) >= self._limit:
            self.clear()
        self.entries[packet] = entry
        self._by_zone.setdefault(zone, []).append(packet)

    def drop(self, zone: Zone | None) -> None:
        """Forget the responses of one zone, or those of several (None)."""
        for packet in self._by_zone.pop(zone, ()):
            self.entries.pop(packet, None)

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self._by_zone.clear()
