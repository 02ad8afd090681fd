"""What answering one query may cost: one account for the reads, bytes and hash steps of everything that answers.

Costs are nanoseconds, as they were measured: rough ones, so that one number bounds the sum whatever it is made of.
A `Budget` belongs to one thread's `Held`, and is full between queries: whoever ends a query calls `restore`.

    budget.left -= READ + BYTE * len(block)      pay for what was read, and
    if budget.left < 0: raise OverBudget(apex)   stop; `Zone.pay` does both

`Zone.node`, `look`, `before`, `has_below`, what the straight way reads (`ways.Way`) and hashing (`nsec3`) pay by
themselves: what is built on them need not. `OverBudget` becomes SERVFAIL in `Responder`, which names the zone in
the log once. An exhausted budget fails at every further read, until it is restored.
"""

from typing import Final

QUERY: Final = 1_000_000
"""What a query may cost: 1 ms."""
READ: Final = 3_000
"""An owner that is read: 2 µs, measured where nothing else ran, and half as much again."""
ABSENT: Final = 4_500
"""An owner that isn't there: its neighbours are read and checked."""
BYTE: Final = 10
"""A byte that was read: it is copied, checked, and looked through for records."""
STEP: Final = 500
"""A step towards a name at which something stands that the query has read before."""
OWNER: Final = 300
"""An owner that is passed over, of which the key alone is read."""
RECORD: Final = 400
"""A record of a large block, which is put together from the tree."""
HASH: Final = 1_000
"""A step of NSEC3's hashing, whatever the salt."""
HASHED: Final = 3_000
"""The key of a hashed owner, whether or not the hash was known."""
NAME: Final = 100
"""A byte of a name, each time that its labels are taken apart or put together: none is longer than one byte."""
LED: Final = 4 * NAME
"""A byte of a name that a record leads to: its zone is looked for, the way to it is gone, and it is written."""
UNBOUNDED: Final = 1 << 62
"""For who asks on its own account."""


class Budget:
    """What is left for the query that is being answered."""

    __slots__ = ("_most", "left")

    def __init__(self, most: int = QUERY) -> None:
        self.left = most
        self._most = most

    def restore(self) -> None:
        """The query is answered: the next one has all of it."""
        self.left = self._most
