"""How far work of several steps has come, as one number."""

from collections.abc import Callable, Collection, Iterator
from typing import Final, TypeVar

Told = Callable[[float], None]
"""Called now and then with the part of the work that is done, from 0 to 1."""

T = TypeVar("T")
_EVERY: Final = 1 << 13


def silent(done: float) -> None:
    """For work that nobody watches."""


def step(told: Told, begin: float, end: float) -> Told:
    """What one step tells: its own part that is done, as it counts between these parts of the whole."""
    return lambda done: told(begin + (end - begin) * done)


def counter(total: int, told: Told) -> Callable[[int], None]:
    """To be called with how many more of `total` are done."""
    done = 0

    def counted(more: int) -> None:
        nonlocal done
        if done // _EVERY != (done + more) // _EVERY:
            told(min(1, (done + more) / total))
        done += more

    return counted


def watched(items: Collection[T], told: Told) -> Iterator[T]:
    """The items one by one; telling how many of them were taken."""
    if told is silent:
        yield from items
        return
    for count, item in enumerate(items):
        if not count % _EVERY:
            told(count / len(items))
        yield item
