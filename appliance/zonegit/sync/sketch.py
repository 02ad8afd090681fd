"""Set reconciliation: from the sketches of two sets one can compute the elements that only one of them has.

A sketch is an invertible Bloom lookup table (Eppstein, Goodrich, Uyeda, Varghese: What's the Difference?, SIGCOMM
2011). Each element is in one cell of each of four rows; a cell holds how many elements are in it, and their XOR.

- It is linear. An element enters or leaves in a few operations, and in the difference of two sketches the elements
  that both sets have cancel out.
- It peels. A cell with a single element left shows that element. Removed from its other cells, it may leave a
  single one in those (`difference`).
- It folds. Adding up the cells of a row whose numbers are equal modulo a divisor of its width gives the row of that
  width. So one sketch is kept, and each question sends it as narrow as it can.

An element is 48 uniformly distributed bits. In a cell it carries a checksum of two bytes, computed from them, which
shows whether a cell holds a single element.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import xor
from typing import Final, NamedTuple

from zonegit.errors import InvalidData
from zonegit.sync.work import Due, Work

ROWS: Final = 4
WIDTH: Final = 2520
"""Cells of a row: a number with many divisors."""
WIDTHS: Final = tuple(width for width in range(1, WIDTH + 1) if WIDTH % width == 0)
ELEMENT: Final = 6
"""Bytes."""
SUM: Final = ELEMENT + 2
"""Bytes of a cell's XOR."""
_64: Final = (1 << 64) - 1
_CELLS: Final = 0x9E3779B97F4A7C15
_CHECK: Final = 0xD6E8FEB86659FD93


class Sketch:
    """The sketch of a set that changes."""

    __slots__ = ("_counts", "_sums")

    def __init__(self) -> None:
        self._counts = [0] * (ROWS * WIDTH)
        self._sums = [0] * (ROWS * WIDTH)

    def put(self, element: int, count: int) -> None:
        """Add (1) or remove (-1) an element."""
        word = _checked(element)
        counts, sums = self._counts, self._sums
        for cell in _cells(element, WIDTH):
            counts[cell] += count
            sums[cell] ^= word

    def counts(self, width: int) -> list[int]:
        """How many elements are in each cell, folded to this width, row by row."""
        return [sum(cells) for cells in _folds(self._counts, width)]

    def sums(self, width: int) -> list[int]:
        """The XOR of each cell, folded to this width, row by row."""
        return [reduce(xor, cells) for cells in _folds(self._sums, width)]


class Difference(NamedTuple):
    """The elements that only one of two sets has."""

    ours: list[int]
    theirs: list[int]


def difference(counts: list[int], sums: list[int], due: Due) -> Work[Difference | None]:
    """Peel the difference of two sketches of one width, ours minus theirs; None if it can't be peeled completely.

    A peer's sketch may contain anything, so peeling ends after as many elements as there are cells.
    """
    width = len(sums) // ROWS
    found = Difference([], [])
    # Cells that may hold a single element: 1 if it is ours, -1 if it is theirs.
    todo = [cell for cell, count in enumerate(counts) if abs(count) == 1]
    left = len(sums)
    while todo:
        if due():
            yield
        cell = todo.pop()
        count, element = counts[cell], sums[cell] >> 16
        # Two of ours and one of theirs also count 1. The checksum reveals that, and so do the cells of the element.
        if abs(count) != 1 or sums[cell] != _checked(element):
            continue
        cells = _cells(element, width)
        if cell not in cells:
            continue
        if not left:
            return None
        left -= 1
        (found.ours if count > 0 else found.theirs).append(element)
        # Remove it from its four cells; then each of them may have a single element left.
        word = sums[cell]
        for other in cells:
            counts[other] -= count
            sums[other] ^= word
            if abs(counts[other]) == 1:
                todo.append(other)
    # If elements are left that couldn't be separated, the sketch was too narrow.
    return None if any(counts) or any(sums) else found


def estimate(counts: Sequence[int]) -> int:
    """About how many elements differ, from the differences of counts, each known modulo 256.

    The expected square of a cell's difference is the number of differing elements in it, once the mean difference
    of all cells is subtracted. The relative standard deviation is the square root of (2 / the number of cells).
    """
    width = len(counts) // ROWS
    if width < 2:
        return 0
    found = 0.0
    for row in range(0, len(counts), width):
        cells = [(count + 128) % 256 - 128 for count in counts[row : row + width]]
        found += (sum(count * count for count in cells) - sum(cells) ** 2 / width) / (1 - 1 / width)
    return round(found / ROWS)


def width_for(elements: int, above: int = 0) -> int:
    """The smallest width greater than `above` at which peeling this many elements succeeds 99 times out of 100.

    If there is none, the greatest width, as long as peeling may still succeed; 0 for too many elements, or none.
    """
    if not elements or 1.4 * elements > ROWS * WIDTH:
        return 0
    wanted = 1.45 * elements + 24
    wide = (width for width in WIDTHS if width > above and ROWS * width >= wanted)
    return next(wide, WIDTH if above < WIDTH else 0)


def write_sums(sums: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(SUM, "big") for word in sums)


def read_sums(data: bytes) -> list[int]:
    if len(data) % SUM:
        raise InvalidData("a sketch is truncated")
    return [int.from_bytes(data[at : at + SUM], "big") for at in range(0, len(data), SUM)]


def _checked(element: int) -> int:
    """An element with its checksum, as it is XORed into cells."""
    return element << 16 | (element * _CHECK & _64) >> 48


def _cells(element: int, width: int) -> tuple[int, int, int, int]:
    """The cells that an element is in, one of each row."""
    mixed = element * _CELLS & _64
    return (
        (mixed >> 48) % width,
        width + (mixed >> 32 & 0xFFFF) % width,
        2 * width + (mixed >> 16 & 0xFFFF) % width,
        3 * width + (mixed & 0xFFFF) % width,
    )


def _folds(cells: Sequence[int], width: int) -> Iterator[Sequence[int]]:
    """For each cell of a sketch of this width, the cells that fold into it."""
    for row in range(0, ROWS * WIDTH, WIDTH):
        for cell in range(row, row + width):
            yield cells[cell : row + WIDTH : width]
