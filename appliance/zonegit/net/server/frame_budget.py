"""How much one HTTP/2 connection may send in frames, and when what it sent is handled.

Every frame and every byte of a header block costs units (`h2_frames`). They come back with time, with requests that
pass authentication, and, once one has passed, with bytes of bodies that really moved. A connection without units
is closed with ENHANCE_YOUR_CALM (RFC 9113 §10.5) by `hypercorn_patches`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

BURST: Final = 2_000
UNAUTHENTICATED_BURST: Final = 500
"""Most units of a connection, and of one that is not authenticated yet."""
PER_SECOND: Final = 20.0
READ: Final = 0.25
"""Units that each read from the socket costs, so that a client that sends single bytes pays too."""

_UNIT: Final = 1_024
"""Bytes of a body, in either direction, that earn one unit."""


async def _at_once(_: int) -> None:
    """No other connection to wait for."""


class FrameBudget:
    """The units of one connection, and its turns."""

    def __init__(
        self,
        passed: Callable[[str], bool] = lambda kid: True,
        turn: Callable[[int], Awaitable[None]] = _at_once,
        answered: Callable[[], None] = lambda: None,
        per_second: float | None = None,
    ) -> None:
        """`passed(kid)` is called when a request has passed; whether the connection is authenticated from now on.

        `answered` is called when such a request is over. `turn(had)` waits for the turn of a connection that is not
        authenticated and has had that many turns.
        """
        self._passed = passed
        self.answered = answered
        self._turn = turn
        self._had = 0
        self.is_authenticated = False
        self.left = float(UNAUTHENTICATED_BURST)
        self._per_second = PER_SECOND if per_second is None else per_second
        self._at = time.monotonic()

    def spend(self, cost: float) -> bool:
        """Charge `cost` units; whether the budget had them."""
        now = time.monotonic()
        self._give((now - self._at) * self._per_second)
        self._at = now
        self.left -= cost
        return self.left >= 0

    def moved(self, count: int) -> None:
        """Credit `count` bytes of a body that were received or sent."""
        if self.is_authenticated:
            self._give(count / _UNIT)

    def passed(self, cost: float, kid: str = "") -> bool:
        """Refund a request whose MAC has passed, or that was answered where there are no keys.

        Returns whether the connection is authenticated now: its key may have too many of them (`authenticated`).
        """
        self._give(cost)
        has_slot = self._passed(kid)
        if has_slot and not self.is_authenticated:
            self.is_authenticated = True
            self.left += BURST - UNAUTHENTICATED_BURST
        return has_slot

    async def turn(self, first: bool) -> None:
        """Wait until a piece of what the connection sent may be handled. `first`: the first piece of a read."""
        if not self.is_authenticated:
            await self._turn(self._had)
            self._had += 1
        elif not first:
            await asyncio.sleep(0)

    def _give(self, amount: float) -> None:
        self.left = min(float(BURST if self.is_authenticated else UNAUTHENTICATED_BURST), self.left + amount)
