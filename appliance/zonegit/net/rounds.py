"""The share of an event loop that connections without a key have: one piece of work in each of its rounds, in all.

Whatever they send, and however many they are, whoever else has something to do waits for one piece in each round.
Lines of connections (those of a source at a port) have their turns one by one; in a line whoever had the fewest
comes first, so that a newcomer isn't behind those who send without end. Where anybody is answered for as long as he
asks, all of a line say that they had none, and have their turns in the order in which they want them.
"""

import asyncio
from heapq import heappop, heappush
from itertools import count

_Waiting = tuple[int, int, asyncio.Future[None]]
"""How many turns it had, and its number."""


class Rounds:
    """Of one event loop."""

    def __init__(self) -> None:
        self.taken = 0
        """How many turns there have been."""
        self._lines: dict[str, list[_Waiting]] = {}
        """Heaps of those who wait; the first line is the next one."""
        self._numbers = count()
        self._running = False

    async def take(self, line: str, had: int = 0) -> None:
        """Wait for a turn: at once where nobody had one in this round. `had`: how many the connection has had."""
        loop = asyncio.get_running_loop()
        if self._running:
            turn = loop.create_future()
            heappush(self._lines.setdefault(line, []), (had, next(self._numbers), turn))
            await turn
        else:
            self._running = True
            loop.call_soon(self._next, loop)
        self.taken += 1

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._lines:
            line = next(iter(self._lines))
            waiting = self._lines.pop(line)
            _, _, turn = heappop(waiting)
            if waiting:
                self._lines[line] = waiting
            if not turn.done():  # nobody has ended it, with the task that waits
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._running = False
