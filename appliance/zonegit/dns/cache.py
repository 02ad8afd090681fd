"""The two levels of the response cache, each bounded in entries and bytes, and cleared whole when it is full.

First: a packet behind its id -> the response behind its id; whoever reads packets consults `entries` before
anything is parsed. Second: (lowercase question, RD, DO, EDNS, room) -> all but what a client has of its own. Both
forget by zone, and what several zones went into whenever any of them moves.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.dns.zones import Body, Key, Zone

Entry = tuple[bytes, int]
"""The response behind its id, and the slot that counts it."""

_SAMPLE: Final = 1024
"""Packets after which it is looked at how many of them came again,"""
_RARE: Final = 50
"""and if it was less than one in so many,"""
_FEW: Final = 15
"""one in 16 is looked at from then on: what is never asked again shouldn't pay for the cache."""
LARGEST: Final = 4096
"""Bytes of records up to which an answer is kept: larger ones come over TCP only, and would fill the memory."""
MOST_BYTES: Final = 32 << 20
"""Bytes that each level takes at most, as they are counted here."""
_PACKET: Final = 256
_ANSWER: Final = 512
"""Bytes that Python takes for an entry of either level beside those of packets, names and records."""


class SecondSight:
    """Lets through what is seen again: a cache that is offered every name of an attack keeps none of them."""

    __slots__ = ("_limit", "_seen")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: dict[int, None] = {}
        """Marks, in a dict because thousands of empty ones of these take a third of empty sets' memory."""

    def __call__(self, thing: object) -> bool:
        """Whether this was seen before; the sight is used up then."""
        seen = self._seen
        mark = hash(thing)
        if mark in seen:
            del seen[mark]
            return True
        if len(seen) >= self._limit:
            seen.clear()
        seen[mark] = None
        return False


class PacketCache:
    """First level."""

    __slots__ = ("_by_apex", "_limit", "_offered", "_second_sight", "_taken", "entries", "size", "unlikely")

    def __init__(self, limit: int) -> None:
        self.entries: dict[bytes, Entry] = {}
        """Always the same dict, so that a loop may keep a reference to its `get`."""
        self.unlikely = 0
        """A mask: only packets whose hash has none of these bits need be offered. 0 where packets come again."""
        self.size = 0
        """Bytes that all entries take."""
        self._second_sight = SecondSight(limit)
        self._limit = limit
        self._offered = self._taken = 0
        self._by_apex: dict[bytes | None, list[bytes]] = {}

    def offer(self, zone: Zone, packet: bytes, entry: Entry, name: bytes) -> None:
        """Keep the response to a packet that comes for the second time and has this name, lowercase, as it is."""
        self._offered += 1
        if self._offered >= _SAMPLE:
            self.unlikely = 0 if self._taken * _RARE > self._offered else _FEW
            self._offered = self._taken = 0
        if self._second_sight(packet):
            self._taken += 1
            if packet.startswith(name, 10):
                self.add(zone, packet, entry)

    def add(self, zone: Zone | None, packet: bytes, entry: Entry) -> None:
        """Keep a response of this zone, or of several (None), unless this packet's is kept."""
        if packet in self.entries:
            return
        size = _packet_size(packet, entry)
        if len(self.entries) >= self._limit or self.size + size > MOST_BYTES:
            self.clear()
        self.size += size
        self.entries[packet] = entry
        self._by_apex.setdefault(None if zone is None else zone.apex, []).append(packet)

    def drop(self, apexes: Iterable[bytes]) -> None:
        """Forget the responses of these zones, and those of several."""
        for apex in (None, *apexes):
            for packet in self._by_apex.pop(apex, ()):
                self.size -= _packet_size(packet, self.entries.pop(packet))

    def clear(self) -> None:
        """Forget everything."""
        self.size = 0
        self.entries.clear()
        self._by_apex.clear()


class AnswerCache:
    """Second level; an answer of one zone stands in that zone's `finished`."""

    __slots__ = ("_count", "_limit", "_mixed", "_second_sight", "_zones", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self.size = 0
        """Bytes that all answers take."""
        self._zones: set[Zone] = set()
        self._mixed: dict[Key, Body] = {}
        self._second_sight = SecondSight(limit)

    def find(self, zone: Zone, key: Key) -> Body | None:
        """The answer that was kept for a question to this zone."""
        return zone.finished.get(key) or self._mixed.get(key)

    def keep(self, zone: Zone, key: Key, body: Body, *, exact: bool) -> None:
        """Keep an answer that isn't large; one for a name that doesn't stand in the zone at second sight only."""
        if len(body.tail) > LARGEST or not (exact or self._second_sight(key)):
            return
        size = _answer_size(key, body)
        if self._count >= self._limit or self.size + size > MOST_BYTES:
            self.clear()
        self._count += 1
        self.size += size
        if body.mixed:
            self._mixed[key] = body
        else:
            self._zones.add(zone)
            zone.finished[key] = body

    def drop(self, zones: Iterable[Zone]) -> None:
        """Forget the answers of these zones, and those of several."""
        self._forget(self._mixed)
        for zone in zones:
            self.let_go(zone)

    def let_go(self, zone: Zone) -> None:
        """Forget the answers of this zone alone."""
        self._forget(zone.finished)
        self._zones.discard(zone)

    def clear(self) -> None:
        """Forget everything."""
        for zone in self._zones:
            zone.finished.clear()
        self._zones.clear()
        self._mixed.clear()
        self._count = self.size = 0

    def _forget(self, kept: dict[Key, Body]) -> None:
        self._count -= len(kept)
        self.size -= sum(_answer_size(key, body) for key, body in kept.items())
        kept.clear()


def _packet_size(packet: bytes, entry: Entry) -> int:
    return _PACKET + len(packet) + len(entry[0])


def _answer_size(key: Key, body: Body) -> int:
    return _ANSWER + len(key[0]) + len(body.tail)
