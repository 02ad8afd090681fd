"""Ways to learn which of very many refs differ, simulated: bytes and round trips of each (decision 39).

A ref that differs has another tip, and costs 81 bytes in the answer; a request and its answer cost 480 beside what
they carry. Refs stand evenly over the keys, so that only those that differ need be drawn.
"""

import math
from collections.abc import Callable, Sequence
from random import Random
from statistics import mean
from typing import Final

from report import Cell, Table
from zonegit.sync.sketch import ROWS, WIDTHS, Sketch, difference, estimate, width_for
from zonegit.sync.work import finish, never

_TURNS: Final = 40
_NAMED: Final = 81
_AROUND: Final = 480
_REFS: Final = (10_000, 1_000_000)
_DIFFERING: Final = (1, 3, 10, 100)

Cost = tuple[float, float]
"""Round trips, bytes."""


def listed(rng: Random, refs: int, differing: int) -> Cost:
    return 1, _AROUND + 130 * refs


def buckets(rng: Random, refs: int, differing: int) -> Cost:
    """256 digests there, the refs of those that differ back."""
    touched = len({rng.randrange(256) for _ in range(differing)})
    return 1, _AROUND + 5_600 + touched * (refs / 256) * _NAMED


def trie(fan: int, digest: int) -> Callable[[Random, int, int], Cost]:
    """A level of a Merkle trie with each round trip, until a cell has few refs, which are named."""

    def cost(rng: Random, refs: int, differing: int) -> Cost:
        keys = [rng.random() for _ in range(differing)]
        depth, size = 0, 0.0
        while refs / fan**depth > 8:
            size += len({int(key * fan**depth) for key in keys}) * fan * digest
            depth += 1
        cells = len({int(key * fan**depth) for key in keys})
        return depth + 1, (depth + 1) * _AROUND + size + cells * refs / fan**depth * _NAMED

    return cost


def ranges(rng: Random, refs: int, differing: int) -> Cost:
    """Range-based set reconciliation: each message splits what differs into 16, down to lists of 32 ids."""
    keys = [rng.random() for _ in range(differing)]
    depth, messages, size = 0, 0, 0.0
    while refs / 16**depth > 32:
        size += len({int(key * 16**depth) for key in keys}) * 16 * (16 + 6)
        depth += 1
        messages += 1
    size += len({int(key * 16**depth) for key in keys}) * refs / 16**depth * 16
    trips = math.ceil((messages + 1) / 2) + 1  # the ids there, and the refs that they are of back
    return trips, trips * _AROUND + size + differing * (_NAMED + 32)


def rateless(rng: Random, refs: int, differing: int) -> Cost:
    """A rateless table of cells of 9 bytes (Yang and others, 2024), as many as it takes, if that were known."""
    return 1, _AROUND + 9 * _symbols(rng, 2 * differing) + differing * _NAMED


def folded(rng: Random, refs: int, differing: int) -> Cost:
    """What was chosen: 8 cells in a row first, with counts of 56; then as many as these say."""
    elements = [rng.getrandbits(48) for _ in range(2 * differing)]
    sketch = Sketch()
    for at, element in enumerate(elements):
        sketch.put(element, 1 if at % 2 else -1)
    width, fine, trips, size = 8, 56, 0, 0.0
    while True:
        trips += 1
        size += _AROUND + 54 + ROWS * (fine + 8 * width)
        if finish(difference(sketch.counts(width), sketch.sums(width), never)) is not None:
            return trips, size + 212 + differing * _NAMED
        width = fine = width_for(estimate(sketch.counts(fine)), above=width)


def _symbols(rng: Random, elements: int) -> int:
    """Symbols of a rateless table until all elements are known."""
    most = 4 * elements + 60
    symbols: list[set[int]] = [set() for _ in range(most)]
    places: list[list[int]] = []
    for element in range(elements):
        at, found = 0, [0]
        while (at := at + math.ceil((at + 1.5) * ((1 << 16) / math.sqrt(rng.getrandbits(32) + 1) - 1))) < most:
            found.append(at)
        places.append(found)
        for place in found:
            symbols[place].add(element)
    known: set[int] = set()
    for count in range(1, most + 1):
        symbols[count - 1] -= known
        todo = [count - 1]
        while todo:
            if len(found_here := symbols[todo.pop()]) == 1:
                element = next(iter(found_here))
                known.add(element)
                for place in places[element]:
                    if place < count and element in symbols[place]:
                        symbols[place].discard(element)
                        todo.append(place)
        if len(known) == elements:
            return count
    return most


_WAYS: Final[dict[str, Callable[[Random, int, int], Cost]]] = {
    "list of all refs": listed,
    "256 buckets": buckets,
    "the trie, a level at a time": trie(16, 16),
    "the trie, two levels at a time, digests of 8 bytes": trie(256, 8),
    "ranges": ranges,
    "rateless table, its size known": rateless,
    "folded table": folded,
}


def tables() -> Sequence[Table]:
    found = []
    for refs in _REFS:
        rows: list[list[Cell]] = []
        for name, way in _WAYS.items():
            row: list[Cell] = [name]
            for differing in _DIFFERING:
                rng = Random(differing)
                costs = [way(rng, refs, differing) for _ in range(_TURNS)]
                trips, size = (mean(values) for values in zip(*costs, strict=True))
                row.append(f"{size / 1000:.1f} KB, {trips:.1f}")
            rows.append(row)
        columns = ("way", *(f"{differing} differ" for differing in _DIFFERING))
        found.append(Table(f"{refs:,} refs: bytes both ways, round trips", columns, rows))
    return [*found, _widths()]


def _widths() -> Table:
    """How many cells for each element a folded table needs, by rows, to come apart 99 times of 100."""
    rng, rows = Random(1), list[list[Cell]]()
    for elements in (6, 20, 60, 200, 600):
        for width in WIDTHS:
            if ROWS * width >= elements and sum(_comes_apart(rng, elements, width) for _ in range(200)) >= 198:
                rows.append([elements, ROWS * width, round(ROWS * width / elements, 2)])
                break
    return Table("Cells that suffice 99 times of 100", ("elements", "cells", "for each"), rows)


def _comes_apart(rng: Random, elements: int, width: int) -> bool:
    sketch = Sketch()
    for at in range(elements):
        sketch.put(rng.getrandbits(48), 1 if at % 2 else -1)
    return finish(difference(sketch.counts(width), sketch.sums(width), never)) is not None
