"""Imports modules while Python's cycle collector is off, and excludes them from later collections: they stay for
good.

The collections took a tenth of the start-up time, and every later one would scan all modules again.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def permanent_imports() -> Iterator[None]:
    """A context in which to import modules."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
