"""The progress of work in several steps, as a number from 0 to 1."""

from collections.abc import Callable, Collection, Iterator
from itertools import chain, islice
from typing import Final, TypeVar

Report = Callable[[float], None]
"""Called now and then with the fraction of the work that is done, 0 to 1."""

T = TypeVar("T")
_EVERY: Final = 1 << 13


def silent(done: float) -> None:
    """Report no progress."""


def step(report: Report, begin: float, end: float) -> Report:
    """A report for one step of the work, which takes the whole from `begin` to `end`."""
    return lambda done: report(begin + (end - begin) * done)


def counter(total: int, report: Report) -> Callable[[int], None]:
    """A function to call with the number of further items that are done, of `total`."""
    done = 0

    def counted(more: int) -> None:
        nonlocal done
        if done // _EVERY != (done + more) // _EVERY:
            report(min(1, (done + more) / total))
        done += more

    return counted


def watched(items: Collection[T], report: Report) -> Iterator[T]:
    """The items one by one, reporting the fraction yielded so far."""
    return iter(items) if report is silent else chain.from_iterable(_parts(items, report))


def _parts(items: Collection[T], report: Report) -> Iterator[list[T]]:
    following = iter(items)
    for count in range(0, len(items), _EVERY):
        report(count / len(items))
        yield list(islice(following, _EVERY))
