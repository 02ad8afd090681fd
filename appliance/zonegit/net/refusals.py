"""Log lines that clients of the http process cause: a stranger's are one a minute, whatever there are of them.

    refused a caller source=192.0.2.7 kid=k2026a reason=unknown_key
    too many connections with one key source=192.0.2.7 kid=k2026a way="..."
    a connection failed source=192.0.2.7 error="..." left_out=3107

Without a key nobody makes the log grow by more than that line a minute in each process, and the next one says how
many were left out. A caller whose MAC was right is told of once a minute for each key and reason; of all of these
there are at most `MOST` lines a minute. `kid` is the key that was named, whether it exists or not (a-z 0-9 . _ -).
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from zonegit.ops import log

MOST: Final = 20
"""Lines within a minute about callers whose MAC was right."""

_WAY: Final = "give each secondary its own key, or raise connections_per_source in [replication]"

_logger: Final = logging.getLogger(__name__)


class Refusals:
    """Of one process. What it remembers is bounded by `MOST`."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._strangers = log.Allowance(1, clock)
        self._proven = log.Allowance(MOST, clock)

    def tell(self, source: str, reason: str, kid: str = "", *, proven: bool = False) -> None:
        """Log a refusal, or count it. `proven`: whether the caller's MAC was right."""
        kept = self._proven if proven else self._strangers
        self._write(kept.take((kid, reason)), "refused a caller", source=source, kid=kid or "-", reason=reason)

    def crowded(self, source: str, kid: str) -> None:
        """Log that a request was refused since its key has too many connections, or count it."""
        more = self._proven.take((kid, "crowded"))
        self._write(more, "too many connections with one key", source=source, kid=kid, way=_WAY)

    def displaced(self, source: str, kid: str) -> None:
        """Log that a connection was ended since its key has too many of them, or count it."""
        more = self._proven.take((kid, "displaced"))
        self._write(more, "an idle connection made room for another with its key", source=source, kid=kid, way=_WAY)

    def failed(self, source: str, error: BaseException) -> None:
        """Log that a connection ended by an error that is not its client's, or count it."""
        self._write(self._strangers.take(""), "a connection failed", source=source, error=log.described(error))

    def filter(self, record: logging.LogRecord) -> bool:
        """As a filter of other loggers: their lines count among those of strangers."""
        more = self._strangers.take("")
        if more is not None and more:
            record.msg, record.args = f"{record.getMessage()} left_out={more['left_out']}", None
        return more is not None

    def _write(self, more: dict[str, int] | None, message: str, **fields: object) -> None:
        if more is not None:
            log.event(_logger, message, logging.WARNING, **fields, **more)
