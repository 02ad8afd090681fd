"""The counters that a socket loop keeps beside those of `dns.stats`, in the same shared row.

Times and sizes are taken once per batch and stand for each message in it: the time from receiving a batch to
having sent its answers, and the size of its first answer.
"""

from bisect import bisect_left
from collections.abc import MutableSequence
from typing import Final

from zonegit.ops.families import SECONDS

SIZES: Final = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1232, 4096, 16384)
"""Upper bounds of answer sizes in bytes."""

UNSENT: Final = 0
"""Answers that the kernel didn't take."""
CONNECTIONS: Final = 1
"""TCP connections accepted."""
CONNECTIONS_CLOSED: Final = 2
"""TCP connections that were closed for being silent too long or to make room."""
DURATIONS: Final = 3
DURATION_SUM: Final = DURATIONS + len(SECONDS) + 1
"""Nanoseconds."""
RESPONSES: Final = DURATION_SUM + 1
RESPONSE_SUM: Final = RESPONSES + len(SIZES) + 1
"""Bytes."""
LOOP_SLOTS: Final = RESPONSE_SUM + 1


def observe(row: MutableSequence[int], messages: int, seconds: float, size: int) -> None:
    """Count a batch of messages that took `seconds` and whose first answer had `size` bytes (0: none had one)."""
    row[DURATIONS + bisect_left(SECONDS, seconds)] += messages
    row[DURATION_SUM] += int(seconds * 1e9) * messages
    if size:
        row[RESPONSES + bisect_left(SIZES, size)] += messages
        row[RESPONSE_SUM] += size * messages
