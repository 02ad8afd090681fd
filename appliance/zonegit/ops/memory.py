"""Makes the C library return memory to the system: large blocks as soon as they are freed, or all that is free now.

By default, glibc raises the threshold for that, permanently, to the size of the largest such block ever freed, up
to 32 MiB (mallopt(3)): after one long list of refs a process would keep about 50 MiB.
"""

import ctypes
import gc
from contextlib import suppress
from typing import Final

LARGE: Final = 1 << 20
"""Least size in bytes of a block that is returned on its own."""
_M_MMAP_THRESHOLD: Final = -3


def give_back_large_blocks() -> bool:
    """Set the threshold for this process. Returns whether the C library supports that; only glibc does."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGE))


def give_back_free_memory() -> None:
    """Return what is free now, wherever it is, after work that took much. It may take tens of milliseconds."""
    gc.collect()
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
