"""`make simulate`: many seeds on all cores. Says again and again how far it is, and how to go on from there.

`ZONEGIT_SEED` is the first seed (0), `ZONEGIT_SEEDS` how many (200,000).
"""

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from simulation.seeds import Held, hold

STRETCH = 1000
"""Seeds after which it says so."""
PIECE = 50
"""Seeds that a process runs at a time."""


def main() -> int:
    first, count = int(os.environ.get("ZONEGIT_SEED", "0")), int(os.environ.get("ZONEGIT_SEEDS", "200000"))
    found, end = Held(), first + count
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        pieces = list(_pieces(first, end, PIECE))
        for piece, held in zip(pieces, pool.map(_hold, pieces), strict=True):
            print(*held.broken, sep="\n\n", end="\n\n" * bool(held.broken), flush=True)
            found = found.and_(held)
            if piece.stop == end:
                print(found)
            elif (piece.stop - first) % STRETCH == 0:
                again = f"ZONEGIT_SEED={piece.stop} SEEDS={end - piece.stop} make simulate"
                print(f"{found}; to go on from here: {again}", flush=True)
    return bool(found.broken)


def _pieces(first: int, end: int, size: int) -> Iterator[range]:
    return (range(at, min(at + size, end)) for at in range(first, end, size))


def _hold(seeds: range) -> Held:
    return hold(seeds, most_broken=len(seeds))


if __name__ == "__main__":
    sys.exit(main())
