"""The counters of a socket loop, in the same shared row after those of `dns.stats`.

Durations and sizes are measured once per batch and counted for each of its messages: the time from receiving the
batch to having sent its responses, and the size of the first response.
"""

from bisect import bisect_left
from collections.abc import MutableSequence
from typing import Final

from zonegit.ops.families import SECONDS

SIZES: Final = (64, 96, 128, 192, 256, 384, 512, 768, 1024, 1232, 4096, 16384)
"""Upper bounds of answer sizes in bytes."""

UNSENT: Final = 0
"""Responses that the kernel didn't accept."""
CONNECTIONS: Final = 1
"""TCP connections accepted."""
CONNECTIONS_CLOSED: Final = 2
"""TCP connections closed because they were idle too long or to make room."""
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
