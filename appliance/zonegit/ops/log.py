"""Logging to stderr: one line per event, `zonegitd[dns-1]: message key=value`.

Nothing here writes a traceback: an unexpected error is its type, message and place. What can happen per query goes
through `Seldom`.
"""

import logging
import sys
import traceback
from time import monotonic
from typing import Final

_QUIET: Final = 60.0
"""Seconds during which an event that was logged isn't logged again."""
_MOST: Final = 256


def setup(process: str) -> None:
    """Log to stderr as this process of the daemon, at level INFO; replaces what was set up before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine(f"zonegitd[{process}]: %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        record.exc_info = record.exc_text = None
        text = super().format(record)
        if error is not None:
            text += f": {described(error)}"
        return " ".join(text.splitlines())


def event(logger: logging.Logger, message: str, level: int = logging.INFO, /, **fields: object) -> None:
    """Log a message with its fields; values with spaces are quoted."""
    shown = "".join(f" {key}={_quoted(str(value))}" for key, value in fields.items())
    logger.log(level, "%s%s", message, shown)


def described(error: BaseException) -> str:
    """An unexpected error in one line: type, message, and the innermost place."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


class Seldom:
    """Lets each distinct event through once a minute."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._last: dict[str, float] = {}

    def __call__(self, message: str, error: BaseException) -> None:
        """Log an error that may come again with every packet."""
        key = f"{message}{type(error).__name__}{error}"
        now = monotonic()
        if now - self._last.get(key, -_QUIET) < _QUIET:
            return
        if len(self._last) >= _MOST:
            self._last.clear()
        self._last[key] = now
        event(self._logger, message, logging.ERROR, error=described(error))


def _quoted(value: str) -> str:
    if value and not any(char.isspace() or char == '"' for char in value):
        return value
    return '"' + value.replace('"', "'") + '"'
