"""Who may use an event loop next: sources in turn, each for a bounded time, however many connections it has.

Work is done at once while nobody waits, so a loop with little to do knows no turns.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

TURN: Final = 0.002
"""Seconds after which it is another source's turn, and those in which the loop does work between looks at sockets.
One piece of work is never broken off: the last one of a turn may take longer."""

Work = Callable[[float], bool]
"""Works until the clock shows this (`TURN` from now), one piece at least; whether there is more. Never raises."""


class Turns:
    """The work that waits. `clock` is in seconds; `soon` has a function called after the next look at sockets."""

    def __init__(self, clock: Callable[[], float], soon: Callable[[Callable[[], None]], object]) -> None:
        self._clock = clock
        self._soon = soon
        self._waiting: OrderedDict[bytes, deque[Work]] = OrderedDict()
        """By source, the next one first."""
        self._spent = 0.0
        """Seconds of work since sockets were looked at, or longer."""
        self._scheduled = False

    def ask(self, source: bytes, work: Work) -> None:
        """Have it done, by and by: now if nobody waits. It must not be waiting already."""
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
