"""Watches for zones past their SOA expire while the puller can't: it is stuck, keeps dying, or can't write.

The puller records such zones in the repository and sends a heartbeat after each check. While there is none, the
supervisor checks in its place, without writing anything.
"""

import logging
from collections.abc import Callable
from time import monotonic, time
from typing import Final

from zonegit.daemon.preflight import too_old
from zonegit.errors import ZonegitError
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import PULLER, SharedBlock

STUCK: Final = 10.0
"""Seconds without a heartbeat; there should be one a second."""
_AGAIN: Final = 1.0
"""Seconds between two checks."""

_logger: Final = logging.getLogger(__name__)


class ExpiryGuard:
    """Tells which zones have expired beside those on record. `timer` is monotonic, as the heartbeats are."""

    def __init__(
        self,
        block: SharedBlock,
        look: Callable[[Config, Callable[[], float]], frozenset[str]] = too_old,
        timer: Callable[[], float] = monotonic,
        clock: Callable[[], float] = time,
    ) -> None:
        self._block = block
        self._look = look
        self._timer = timer
        self._clock = clock
        self._due = self._started = timer()
        self._seldom = log.Seldom(_logger)

    def wait(self, config: Config) -> float | None:
        """Seconds until the next check; None if nothing is mirrored."""
        return max(self._due - self._timer(), 0.0) if config.pulled else None

    def turn(self, config: Config) -> frozenset[str]:
        """The new value of `config.expired`."""
        if self._timer() < self._due:
            return config.expired
        self._due = self._timer() + _AGAIN
        if not config.pulled or not self._is_stuck():
            return frozenset()
        try:
            expired = self._look(config, self._clock)
        except ZonegitError as error:
            self._seldom("cannot look up the zones past their SOA expire", error)
            return config.expired
        if expired - config.expired:
            log.event(
                _logger,
                "no sign of life from the puller; not answering from zones past their SOA expire",
                logging.ERROR,
                zones=len(expired),
            )
        return expired

    def _is_stuck(self) -> bool:
        return self._timer() - max(self._block.last_beat(PULLER), self._started) > STUCK
