"""Has the C library give large blocks of memory back to the system as soon as they are free.

glibc raises, for good, the size from which it does that to the size of the largest such block that was ever freed,
up to 32 MiB (mallopt(3)): after one long list of refs a process would keep some 50 MiB.
"""

import ctypes
from typing import Final

LARGE: Final = 1 << 20
"""Bytes of a block that is given back by itself."""
_M_MMAP_THRESHOLD: Final = -3


def give_back_large_blocks() -> bool:
    """From now on, in this process. Whether the C library can be told; another than glibc does as it likes."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, LARGE))
