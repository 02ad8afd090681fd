"""Watches for zones past their SOA expire while the puller or the refresher can't: stuck, dying, unable to write.

Each records such zones in the repository and sends a heartbeat after each check. While there is none, the
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
from zonegit.ops.shared import PULLER, REFRESHER, SharedBlock

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
        """Seconds until the next check; None if nothing can expire."""
        return max(self._due - self._timer(), 0.0) if _watchers(config) else None

    def turn(self, config: Config) -> frozenset[str]:
        """The new value of `config.expired`."""
        if self._timer() < self._due:
            return config.expired
        self._due = self._timer() + _AGAIN
        stuck = [name for name, index in _watchers(config).items() if self._is_stuck(index)]
        if not stuck:
            return frozenset()
        try:
            expired = self._look(config, self._clock)
        except ZonegitError as error:
            self._seldom("cannot look up the zones past their SOA expire", error)
            return config.expired
        if expired - config.expired:
            log.event(
                _logger,
                "a process gives no sign of life; not answering from zones past their SOA expire",
                logging.ERROR,
                process=",".join(stuck),
                zones=len(expired),
            )
        return expired

    def _is_stuck(self, index: int) -> bool:
        return self._timer() - max(self._block.last_beat(index), self._started) > STUCK


def _watchers(config: Config) -> dict[str, int]:
    """The processes that watch for expired zones, and their indices."""
    puller = {"puller": PULLER} if config.pulled else {}
    return puller | ({"refresher": REFRESHER} if config.transfers_in else {})
