"""Where a row of counters counts the answers of each zone, and what it counted.

The first zones that are asked get places of their own, for as long as the row lives; the others share the first
place. A row has one writer, who names a place before it counts there.
"""

from collections.abc import Iterator, MutableSequence, Sequence
from typing import Final, NamedTuple

from zonegit.dns.message import Transport
from zonegit.dns.stats import FAMILIES, NAME_CELLS, NAMES, PLACE, PLANE, PLANES, ZONES
from zonegit.model.names import WireName, to_text

OTHER: Final = "other"
"""What the zones without a place are called; no zone's name, for those end in a dot."""
_CELL: Final = 8


class ZonePlaces:
    """The places of one row, for its writer."""

    __slots__ = ("_known", "_row")

    def __init__(self, row: MutableSequence[int]) -> None:
        self._row = row
        self._known = {apex: PLANES + place * PLACE for place, apex in _named(row)}

    def __call__(self, apex: bytes) -> int:
        """What to add to a `query_slot` for answers of a zone."""
        found = self._known.get(apex)
        return self._take(apex) if found is None else found

    def _take(self, apex: bytes) -> int:
        place = len(self._known) + 1
        if place >= ZONES:
            return PLANES
        at = NAMES + place * NAME_CELLS
        for offset in range(0, len(apex), _CELL):
            self._row[at + 1 + offset // _CELL] = int.from_bytes(apex[offset : offset + _CELL], "little")
        self._row[at] = len(apex)
        self._known[apex] = PLANES + place * PLACE
        return PLANES + place * PLACE


class ZoneCount(NamedTuple):
    """The answers of a zone over one transport to one family."""

    zone: str
    transport: Transport
    family: str
    answers: list[int]
    """By type and rcode, as `query_slot` numbers them."""


def zone_counts(row: Sequence[int], transports: Sequence[Transport]) -> Iterator[ZoneCount]:
    """What a row counted for zones, over these transports; nothing for what never came."""
    zones = [(0, OTHER), *((place, to_text(WireName(apex))) for place, apex in _named(row))]
    for transport in transports:
        for index, family in enumerate(FAMILIES):
            start = PLANES + (transport * len(FAMILIES) + index) * PLANE
            for place, zone in zones:
                answers = list(row[start + place * PLACE : start + (place + 1) * PLACE])
                if any(answers):
                    yield ZoneCount(zone, transport, family, answers)


def _named(row: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The places that have a zone, in the order in which they were taken."""
    for place in range(1, ZONES):
        at = NAMES + place * NAME_CELLS
        size = row[at]
        if not size:
            return
        cells = row[at + 1 : at + 1 + -(-size // _CELL)]
        yield place, b"".join(cell.to_bytes(_CELL, "little") for cell in cells)[:size]
