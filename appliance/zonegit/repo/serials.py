"""Which sequence number comes next. The SOA serial of a version is its `seq` mod 2**32, compared as in RFC 1982.

A number whose serial is 0 is left out, because some name servers take 0 for no serial at all (RFC 2136 §7.11).
Only a zone file or a `set` of the SOA that asks for 0 gets it.
"""

from collections.abc import Iterable
from typing import Final

ROUND: Final = 1 << 32
"""Serials that there are."""
_HALF: Final = 1 << 31


def is_ahead(serial: int, old: int) -> bool:
    """Whether a secondary that has `old` takes `serial`. Both may be sequence numbers."""
    return 0 < (serial - old) % ROUND < _HALF


def next_seq(seq: int, serial: int | None = None) -> int:
    """The sequence number after `seq`: the one that gives `serial`, if that is ahead, else the next."""
    if serial is not None and is_ahead(serial, seq):
        return seq + (serial - seq) % ROUND
    return seq + (1 if (seq + 1) % ROUND else 2)


def seq_on(parent: int, served: int) -> int:
    """The sequence number of a commit on `parent` that is served after `served`.

    It is above both, and its serial is the one after that of `served`.
    """
    seq = next_seq(served)
    rounds = -(min(seq - parent - 1, 0) // ROUND)
    return seq + rounds * ROUND


def seq_of_merge(served: int, others: Iterable[int]) -> int:
    """The sequence number of a commit on all of these, on the branch where `served` was served last."""
    highest = max(served, *others)
    if highest == served or is_ahead(highest, served):
        return next_seq(highest)
    return seq_on(highest, served)
