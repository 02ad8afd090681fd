"""Loads modules without Python searching them for cycles to free, then or later: none of them goes away.

The searches took a tenth of a start, and each one of a process's life took as much longer as there are modules.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Load modules in the block."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
