"""Long work in slices: a generator that yields when its slice is over, and returns its result at the end.

The driver decides how long a slice is (`Due`) and what happens between two. While it yields, a work holds no
transaction and leaves no shared state inconsistent. It checks `Due` at least every few hundred microseconds.
"""

from collections.abc import Callable, Generator
from typing import TypeVar

from zonegit.store.port import Reader, Store

T = TypeVar("T")
Work = Generator[None, None, T]
Due = Callable[[], bool]
"""Whether the slice is over."""


def never() -> bool:
    """Never due: for work that is done in one slice."""
    return False


def finish(work: Work[T]) -> T:
    """Run a work to its end, and return its result."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            found: T = end.value
            return found


def in_reads(store: Store, go_on: Callable[[Reader], bool]) -> Work[None]:
    """Call `go_on` in one read transaction after another, until it returns true."""
    while True:
        with store.read() as reader:
            if go_on(reader):
                return
        yield
