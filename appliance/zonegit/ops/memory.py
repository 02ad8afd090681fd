"""Makes the C library keep less memory: it returns large blocks when they are freed, or all that is free now.

By default, glibc raises the threshold for that, permanently, to the size of the largest such block ever freed, up
to 32 MiB (mallopt(3)): after one long list of refs a process would keep about 50 MiB.
"""

import ctypes
import gc
from contextlib import suppress
from typing import Final

LARGE: Final = 1 << 20
"""Least size in bytes of a block that is returned on its own."""
_NEW_OBJECTS: Final = 100_000
"""Allocations between two runs of Python's cycle collector where records of zones come and go."""
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8


def give_back_large_blocks() -> bool:
    """Set the threshold for this process. Returns whether the C library supports that; only glibc does."""
    return _set(_M_MMAP_THRESHOLD, LARGE)


def share_one_heap() -> bool:
    """Have all threads of this process use one heap: else glibc makes one for each, and each keeps what is free in
    it. For processes whose threads mostly wait. Returns as `give_back_large_blocks`.
    """
    return _set(_M_ARENA_MAX, 1)


def collect_cycles_rarely() -> None:
    """For a process that handles many records at once. None of them is part of a cycle, and with Python's default,
    700 allocations, those of a large zone would be scanned over and over.
    """
    gc.set_threshold(_NEW_OBJECTS)


def _set(parameter: int, value: int) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(parameter, value))


def give_back_free_memory() -> None:
    """Return what is free now, wherever it is, after work that took much. It may take tens of milliseconds."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
