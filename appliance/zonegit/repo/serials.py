"""Chooses the next sequence number. The SOA serial of a version is its `seq` mod 2**32, compared as in RFC 1982.

Numbers whose serial is 0 are skipped, because some name servers take 0 for no serial at all (RFC 2136 §7.11).
Only a zone file or a `set` of the SOA that asks for 0 gets it.
"""

from typing import Final

ROUND: Final = 1 << 32
"""The number of serials."""
_HALF: Final = 1 << 31


def is_ahead(serial: int, old: int) -> bool:
    """Whether a secondary that has `old` accepts `serial`. Both may be sequence numbers."""
    return 0 < (serial - old) % ROUND < _HALF


def next_seq(seq: int, serial: int | None = None) -> int:
    """The sequence number after `seq`: the next with the serial `serial` if that is ahead, else simply the next."""
    if serial is not None and is_ahead(serial, seq):
        return seq + (serial - seq) % ROUND
    return seq + (1 if (seq + 1) % ROUND else 2)


def count_up(seq: int, steps: int) -> int:
    """The sequence number after `steps` steps of `next_seq`."""
    if not steps:
        return seq
    # Count only the numbers that aren't skipped, ROUND - 1 in each round, and convert back.
    counted = seq - seq // ROUND + steps
    return counted + (counted - 1) // (ROUND - 1)


def seq_on(parent: int, served: int) -> int:
    """The sequence number of a commit on `parent` that is served after `served`.

    It is above both, and its serial is the one after that of `served`.
    """
    seq = next_seq(served)
    rounds = -(min(seq - parent - 1, 0) // ROUND)
    return seq + rounds * ROUND


def seq_of_merge(served: int, merged: int) -> int:
    """The sequence number of a user's merge, on a branch whose last served version has `served`.

    `merged` is that of the canonical merge of the same parents (`repo.canonical`), which another node may already
    serve. So the number comes after both.
    """
    if merged == served or is_ahead(merged, served):
        return next_seq(merged)
    return seq_on(merged, served)
