"""Zones past their SOA expire, where the puller can't see to them: it is stuck, keeps dying, or can't write.

The puller notes such zones in the repository and beats after each look. While it doesn't, the supervisor looks in
its place, without writing anything.
"""

import logging
from collections.abc import Callable
from time import monotonic, time
from typing import Final

from zonegit.daemon.repository import too_old
from zonegit.errors import ZonegitError
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import PULLER, SharedBlock

STUCK: Final = 10.0
"""Seconds without a beat, of which there is one a second."""
_AGAIN: Final = 1.0
"""Seconds between two looks."""

_logger: Final = logging.getLogger(__name__)


class ExpiryGuard:
    """Tells which zones count as expired beside those that are noted. `timer` is monotonic, as the beats are."""

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
        """Seconds until the next look; None where nothing is mirrored."""
        return max(self._due - self._timer(), 0.0) if config.primary is not None else None

    def turn(self, config: Config) -> frozenset[str]:
        """What `config.expired` should be."""
        if self._timer() < self._due:
            return config.expired
        self._due = self._timer() + _AGAIN
        if config.primary is None or not self._is_stuck():
            return frozenset()
        try:
            expired = self._look(config, self._clock)
        except ZonegitError as error:
            self._seldom("zones that are too old can't be looked up", error)
            return config.expired
        if expired - config.expired:
            log.event(
                _logger,
                "the puller doesn't see to zones past their SOA expire, so they are not answered from any more",
                logging.ERROR,
                zones=len(expired),
            )
        return expired

    def _is_stuck(self) -> bool:
        return self._timer() - max(self._block.last_beat(PULLER), self._started) > STUCK
