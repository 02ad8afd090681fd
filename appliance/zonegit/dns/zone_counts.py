"""Counters by zone: which part of a row of counters belongs to a zone, and the counts in it.

A row has counters for a fixed number of zones. The first zones that are queried get their own, for as long as the
row exists; all others share the first ones. A row has one writer, which writes a zone's name before it counts
there.
"""

from collections.abc import Iterator, MutableSequence, Sequence
from typing import Final, NamedTuple

from zonegit.dns.stats import FAMILIES, NAME_CELLS, NAMES, PLANE, PLANES, ZONE_SLOTS, ZONES
from zonegit.dns.wire.message import Transport
from zonegit.model.names import WireName, to_text

OTHER: Final = "other"
"""The label of zones without their own counters. It can't be a zone's name: those end in a dot."""
_CELL: Final = 8


class ZoneOffsets:
    """The offsets of zones in one row, for its writer."""

    __slots__ = ("_known", "_row")

    def __init__(self, row: MutableSequence[int]) -> None:
        self._row = row
        self._known = {apex: PLANES + number * ZONE_SLOTS for number, apex in _named(row)}

    def __call__(self, apex: bytes) -> int:
        """The offset to add to a `query_slot` for answers from a zone."""
        found = self._known.get(apex)
        return self._assign(apex) if found is None else found

    def _assign(self, apex: bytes) -> int:
        """Assign the next counters to a zone; the shared ones if none are left."""
        number = len(self._known) + 1
        if number >= ZONES:
            return PLANES
        at = NAMES + number * NAME_CELLS
        for start in range(0, len(apex), _CELL):
            self._row[at + 1 + start // _CELL] = int.from_bytes(apex[start : start + _CELL], "little")
        self._row[at] = len(apex)
        self._known[apex] = PLANES + number * ZONE_SLOTS
        return PLANES + number * ZONE_SLOTS


class ZoneCount(NamedTuple):
    """The answers of a zone over one transport to one address family."""

    zone: str
    transport: Transport
    family: str
    answers: list[int]
    """By type and rcode, as `query_slot` numbers them."""


def zone_counts(row: Sequence[int], transports: Sequence[Transport]) -> Iterator[ZoneCount]:
    """The counts of a row by zone, over these transports. Those that are all zero are omitted."""
    zones = [(0, OTHER), *((number, to_text(WireName(apex))) for number, apex in _named(row))]
    for transport in transports:
        for index, family in enumerate(FAMILIES):
            start = PLANES + (transport * len(FAMILIES) + index) * PLANE
            for number, zone in zones:
                answers = list(row[start + number * ZONE_SLOTS : start + (number + 1) * ZONE_SLOTS])
                if any(answers):
                    yield ZoneCount(zone, transport, family, answers)


def _named(row: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The numbers of the zones that have their own counters, and their apexes, in the order of assignment."""
    for number in range(1, ZONES):
        at = NAMES + number * NAME_CELLS
        size = row[at]
        if not size:
            return
        cells = row[at + 1 : at + 1 + -(-size // _CELL)]
        yield number, b"".join(cell.to_bytes(_CELL, "little") for cell in cells)[:size]
