"""Second level of the response cache: (lowercase question, RD, DO, EDNS, room) -> all that clients share.

It is bounded in entries and bytes, and cleared as a whole when it is full. When a zone moves, its answers are
dropped, and all answers that contain data of several zones. The first level, of whole packets, is
`fastpath.packet_cache`.
"""

from collections.abc import Iterable
from typing import Final

from zonegit.dns.wire.seen_before import SeenBefore
from zonegit.dns.zone.zone_state import CachedAnswer, CacheKey, ZoneState

LARGEST: Final = 4096
"""The most bytes of records in a cached answer: larger ones are sent over TCP only, and would fill the memory."""
MOST_BYTES: Final = 32 << 20
"""The most bytes that each level takes, by its estimates."""
_ANSWER: Final = 512
"""Bytes that Python needs for an entry besides name and records."""


class AnswerCache:
    """The answers of one thread. Those of a single zone are in that zone's `cached_answers`."""

    __slots__ = ("_count", "_limit", "_most_bytes", "_seen_before", "_spanning", "_zones", "size")

    def __init__(self, limit: int, most_bytes: int | None = None) -> None:
        """`limit` bounds answers, `most_bytes` their estimated size (None: `MOST_BYTES`)."""
        self._most_bytes = MOST_BYTES if most_bytes is None else most_bytes
        self._limit = limit
        self._count = 0
        self.size = 0
        """The estimated bytes of all answers."""
        self._zones: set[ZoneState] = set()
        self._spanning: dict[CacheKey, CachedAnswer] = {}
        self._seen_before = SeenBefore(limit)

    def find(self, zone: ZoneState, key: CacheKey) -> CachedAnswer | None:
        """The cached answer to a question for this zone."""
        return zone.cached_answers.get(key) or self._spanning.get(key)

    def keep(self, zone: ZoneState, key: CacheKey, answer: CachedAnswer, *, name_exists: bool) -> None:
        """Keep an answer that isn't large; one for a name that doesn't exist only when it is asked for again."""
        if len(answer.tail) > LARGEST or not (name_exists or self._seen_before(key)):
            return
        size = _answer_size(key, answer)
        if self._count >= self._limit or self.size + size > self._most_bytes:
            self.clear()
        self._count += 1
        self.size += size
        if answer.spans_zones:
            self._spanning[key] = answer
        else:
            self._zones.add(zone)
            zone.cached_answers[key] = answer

    def drop(self, zones: Iterable[ZoneState]) -> None:
        """Forget the answers of these zones, and those of several."""
        self._forget(self._spanning)
        for zone in zones:
            self.drop_single(zone)

    def drop_single(self, zone: ZoneState) -> None:
        """Forget the answers that contain only data of this zone."""
        self._forget(zone.cached_answers)
        self._zones.discard(zone)

    def clear(self) -> None:
        """Forget everything."""
        for zone in self._zones:
            zone.cached_answers.clear()
        self._zones.clear()
        self._spanning.clear()
        self._count = self.size = 0

    def _forget(self, kept: dict[CacheKey, CachedAnswer]) -> None:
        self._count -= len(kept)
        self.size -= sum(_answer_size(key, answer) for key, answer in kept.items())
        kept.clear()


def _answer_size(key: CacheKey, answer: CachedAnswer) -> int:
    return _ANSWER + len(key[0]) + len(answer.tail)
