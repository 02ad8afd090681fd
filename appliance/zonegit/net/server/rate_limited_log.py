"""Rate-limited log lines about clients of the http process: those without a key get one line a minute in total.

    refused a request source=192.0.2.7 kid=k2026a reason=unknown_key
    too many connections with one key source=192.0.2.7 kid=k2026a way="..."
    a connection failed source=192.0.2.7 error="..." left_out=3107

Clients without a key can't make the log grow faster than that in each process; the next line says how many were
left out. A client whose MAC was right is logged once a minute for each key and reason, with at most `MOST` lines a
minute in total. `kid` is the key that the request named, whether it exists or not (a-z 0-9 . _ -).
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from zonegit.ops import log

MOST: Final = 20
"""Lines a minute about clients whose MAC was right."""

_WAY: Final = "give each secondary its own key, or raise connections_per_source in [replication]"

_logger: Final = logging.getLogger(__name__)


class RateLimitedLog:
    """The log of one process. What it remembers is bounded by `MOST`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._unproven = log.Allowance(1, clock)
        self._proven = log.Allowance(MOST, clock)

    def refused(self, source: str, reason: str, kid: str = "", *, proven: bool = False) -> None:
        """Log a refused request, or count it. `proven`: whether its MAC was right."""
        kept = self._proven if proven else self._unproven
        self._write(kept.take((kid, reason)), "refused a request", source=source, kid=kid or "-", reason=reason)

    def crowded(self, source: str, kid: str) -> None:
        """Log that a request was refused because its key has too many connections, or count it."""
        more = self._proven.take((kid, "crowded"))
        self._write(more, "too many connections with one key", source=source, kid=kid, way=_WAY)

    def displaced(self, source: str, kid: str) -> None:
        """Log that a connection was closed because its key has too many of them, or count it."""
        more = self._proven.take((kid, "displaced"))
        message = "closed an idle connection to make room for another with its key"
        self._write(more, message, source=source, kid=kid, way=_WAY)

    def failed(self, source: str, error: BaseException) -> None:
        """Log that a connection ended with an error that its client did not cause, or count it."""
        self._write(self._unproven.take(""), "a connection failed", source=source, error=log.described(error))

    def filter(self, record: logging.LogRecord) -> bool:
        """As a filter of other loggers: count their lines among those of clients without a key."""
        more = self._unproven.take("")
        if more is not None and more:
            record.msg, record.args = f"{record.getMessage()} left_out={more['left_out']}", None
        return more is not None

    def _write(self, more: dict[str, int] | None, message: str, **fields: object) -> None:
        if more is not None:
            log.event(_logger, message, logging.WARNING, **fields, **more)
