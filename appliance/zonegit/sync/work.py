"""Long work in slices: a generator that goes on until its slice is over, then yields, and returns what it made.

Whoever drives it decides how long a slice is (`Due`) and what comes between two. A work holds no transaction and no
half-made state of others' while it yields, and looks at `Due` at least once in each step of a few hundred
microseconds.
"""

from collections.abc import Callable, Generator
from typing import TypeVar

from zonegit.store.port import Reader, Store

T = TypeVar("T")
Work = Generator[None, None, T]
Due = Callable[[], bool]
"""Whether the slice is over."""


def never() -> bool:
    """For work that is done at once."""
    return False


def finish(work: Work[T]) -> T:
    """Do all of it."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found


def in_reads(store: Store, go_on: Callable[[Reader], bool]) -> Work[None]:
    """Call `go_on` in one read transaction after the other, until it says that it has come to its end."""
    while True:
        with store.read() as reader:
            if go_on(reader):
                return
        yield
