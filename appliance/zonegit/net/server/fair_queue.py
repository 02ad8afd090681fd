"""Fair queueing for unauthenticated connections: together they get one piece of work in each pass of the loop.

So all other work waits for at most one such piece per pass, however many these connections are and whatever they
send. Connections are grouped in lines, one for each source at a port, and the lines take turns. Within a line the
connection with the fewest turns so far comes first, so a newcomer does not wait behind those that send without end.
On a port where everybody is served for as long as they ask, all connections of a line pass 0 turns, and are served
in the order of their requests.
"""

import asyncio
from heapq import heappop, heappush
from itertools import count

_Waiting = tuple[int, int, asyncio.Future[None]]
"""Turns that it has had, its sequence number, and its turn."""


class FairQueue:
    """The queue of one event loop."""

    def __init__(self) -> None:
        self.taken = 0
        """Turns so far."""
        self._lines: dict[str, list[_Waiting]] = {}
        """Heaps of the waiting by line; the first line is next."""
        self._numbers = count()
        self._running = False

    async def take(self, line: str, had: int = 0) -> None:
        """Wait for a turn; the first in a pass is immediate. `had`: turns that the connection has had so far."""
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
            if not turn.done():  # else its task was cancelled
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._running = False
