"""The share of an event loop that connections without a key have: one piece of work in each of its rounds, in all.

Whatever they send, and however many they are, whoever else has something to do waits for one piece in each round.
Sources have their turns one after the other, and so have the connections of one source.
"""

import asyncio
from collections import deque
from typing import Final

Line = deque[asyncio.Future[None]]


class Rounds:
    """Of one event loop."""

    def __init__(self) -> None:
        self.taken = 0
        """How many there have been."""
        self._lines: Final[dict[str, Line]] = {}
        """Those who wait, by their source; the first source is the next one."""
        self._running = False

    async def take(self, source: str) -> None:
        """Wait for a turn: at once where nobody had one in this round of the loop."""
        loop = asyncio.get_running_loop()
        if self._running:
            turn = loop.create_future()
            self._lines.setdefault(source, deque()).append(turn)
            await turn
        else:
            self._running = True
            loop.call_soon(self._next, loop)
        self.taken += 1

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._lines:
            source = next(iter(self._lines))
            line = self._lines.pop(source)
            turn = line.popleft()
            if line:
                self._lines[source] = line
            if not turn.done():  # nobody has ended it, with the task that waits
                turn.set_result(None)
                loop.call_soon(self._next, loop)
                return
        self._running = False
