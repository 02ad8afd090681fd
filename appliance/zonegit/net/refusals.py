"""Log lines about callers of `/v0` that were refused: who, with which key, and why.

    refused a caller source=192.0.2.7 kid=k2026a reason=unknown_key

A caller that tries on and on leaves a line a minute; all callers together leave at most `MOST` of them, and the
next line says how many were left out. `kid` is the key that was named, whether it exists or not (a-z 0-9 . _ -).
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from zonegit.ops import log

PERIOD: Final = 60.0
MOST: Final = 20
"""Lines within a period."""

_logger: Final = logging.getLogger(__name__)


class Refusals:
    """Of one server. What it remembers is bounded by `MOST`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._told: dict[tuple[str, str, str], float] = {}
        """What was logged within the last period, and when."""
        self._left_out = 0

    def tell(self, source: str, reason: str, kid: str = "") -> None:
        """Log a refusal, unless the same one was logged just now, or too many others were."""
        now = self._clock()
        key = (source, kid, reason)
        self._told = {known: when for known, when in self._told.items() if now - when < PERIOD}
        if key in self._told:
            return
        if len(self._told) >= MOST:
            self._left_out += 1
            return
        self._told[key] = now
        more = {"left_out": self._left_out} if self._left_out else {}
        self._left_out = 0
        log.event(
            _logger, "refused a caller", logging.WARNING, source=source, kid=kid or "-", reason=reason, **more
        )
