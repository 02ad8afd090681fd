"""The budget of one query: a single account for all reads, bytes and hash steps of its answer.

Costs are in nanoseconds, roughly as measured, so that one number bounds their sum.
A `Budget` belongs to one thread's `ServedZones` and is full between queries: `restore` is called after each.

    budget.left -= READ + BYTE * len(block)      pay for what was read, and
    if budget.left < 0: raise OverBudget(apex)   stop; `ZoneState.pay` does both

`ZoneState.node`, `look`, `before`, `has_below`, what the fast path reads (`ZoneIndex`) and hashing (`nsec3`) pay by
themselves: what is built on them need not. `OverBudget` becomes SERVFAIL in `Responder`, which names the zone in
the log once. An exhausted budget fails at every further read, until it is restored.
"""

from typing import Final

QUERY: Final = 1_000_000
"""The budget of a query: 1 ms."""
READ: Final = 3_000
"""An owner that is read: 2 µs as measured on an idle machine, plus half."""
ABSENT: Final = 4_500
"""An owner that doesn't exist: its neighbours are read and checked."""
BYTE: Final = 10
"""A byte that is read: copied, checked and searched for records."""
STEP: Final = 500
"""A step towards a name at an owner that the query has read before."""
OWNER: Final = 300
"""An owner of which only the key is read."""
RECORD: Final = 400
"""A record of a large block, which is assembled from the tree."""
HASH: Final = 1_000
"""An iteration of NSEC3's hash, with any salt."""
HASHED_OWNER: Final = 3_000
"""The key of a hashed owner, whether or not the hash was known."""
NAME_BYTE: Final = 100
"""A byte of a name, each time that it is split into labels or joined; a label may be a single byte."""
TARGET_BYTE: Final = 4 * NAME_BYTE
"""A byte of a name that a record points to: its zone is found, the descent made, and the name written."""
UNBOUNDED: Final = 1 << 62
"""For reads that aren't made for a query."""


class Budget:
    """What is left for the query that is being answered."""

    __slots__ = ("_most", "left")

    def __init__(self, most: int = QUERY) -> None:
        self.left = most
        self._most = most

    def restore(self) -> None:
        """Give the next query the whole budget."""
        self.left = self._most
