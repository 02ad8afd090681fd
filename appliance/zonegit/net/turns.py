"""Shares an event loop between sources in turns of bounded time, however many connections a source has.

While nothing waits, work is done at once, so a loop with little to do has no turns.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

TURN: Final = 0.002
"""Seconds of a turn, and of all work between two polls of the sockets. A piece of work is never interrupted, so
the last one of a turn may take longer."""

Work = Callable[[float], bool]
"""Works until the clock shows the argument (`TURN` from now), for one piece at least. Whether there is more to
do. Never raises."""


class Turns:
    """Work that waits for its turn. `clock` is in seconds; `soon` calls a function after the next poll."""

    def __init__(self, clock: Callable[[], float], soon: Callable[[Callable[[], None]], object]) -> None:
        self._clock = clock
        self._soon = soon
        self._waiting: OrderedDict[bytes, deque[Work]] = OrderedDict()
        """By source. The first source is next."""
        self._spent = 0.0
        """Seconds of work since the last poll of the sockets, or since an earlier one."""
        self._scheduled = False

    def ask(self, source: bytes, work: Work) -> None:
        """Do the work in turns, starting now if nothing waits. It must not be waiting already."""
        if self._waiting or self._spent >= TURN:
            self._put(source, work)
            return
        clock = self._clock
        began = clock()
        more = work(began + TURN)
        self._spent += clock() - began
        if more:
            self._put(source, work)
        elif self._spent >= TURN:
            self._schedule()

    def _put(self, source: bytes, work: Work) -> None:
        self._waiting.setdefault(source, deque()).append(work)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._soon(self._go_round)

    def _go_round(self) -> None:
        self._scheduled = False
        self._spent = 0.0
        while self._waiting and self._spent < TURN:
            source, works = next(iter(self._waiting.items()))
            work = works.popleft()
            if works:
                self._waiting.move_to_end(source)
            else:
                del self._waiting[source]
            began = self._clock()
            if work(began + TURN):
                self._put(source, work)
            self._spent += self._clock() - began
        if self._waiting or self._spent >= TURN:
            self._schedule()
