"""Logging to stderr: one line per event, `zonegitd[dns-1]: message key=value`, or an object of JSON.

    {"time": "2026-11-21T05:00:00.000Z", "level": "info", "from": "dns-1", "message": "state", "fields": {...}}

Nothing here writes a traceback: an unexpected error is its type, message and place. What can happen per query goes
through `Seldom`. No text of others makes a line of its own or moves the cursor of a terminal: whatever made it, a
line is printable and bounded (`model.foreign`).
"""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from time import gmtime, monotonic, strftime
from typing import Final

from zonegit.model.foreign import cut, one_line

PERIOD: Final = 60.0
"""Seconds during which an event that was logged isn't logged again, and lines are counted."""
_MOST: Final = 256


class Format(StrEnum):
    """How lines are written."""

    TEXT = "text"
    JSON = "json"


def setup(process: str, form: Format = Format.TEXT) -> None:
    """Log to stderr as this process of the daemon, at level INFO; replaces what was set up before."""
    handler = logging.StreamHandler(sys.stderr)
    text = _OneLine(f"zonegitd[{process}]: %(message)s")
    handler.setFormatter(text if form is Format.TEXT else _OneObject(process))
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
        return one_line(text)


class _OneObject(logging.Formatter):
    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        message, fields = getattr(record, "event", (record.getMessage(), {}))
        told: dict[str, object] = {
            "time": f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "from": self._process,
            "message": cut(message),
        }
        shown = {key: value if isinstance(value, int | float) else cut(str(value)) for key, value in fields.items()}
        if error is not None:
            shown["error"] = cut(described(error))
        if shown:
            told["fields"] = shown
        return json.dumps(told)


def event(logger: logging.Logger, message: str, level: int = logging.INFO, /, **fields: object) -> None:
    """Log a message with its fields; in text, values with spaces are quoted."""
    shown = "".join(f" {key}={_quoted(str(value))}" for key, value in fields.items())
    logger.log(level, "%s%s", message, shown, extra={"event": (message, fields)})


def described(error: BaseException) -> str:
    """An unexpected error: type, message, and the innermost place; of a task group its first one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
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
        if now - self._last.get(key, -PERIOD) < PERIOD:
            return
        if len(self._last) >= _MOST:
            self._last.clear()
        self._last[key] = now
        event(self._logger, message, logging.ERROR, error=described(error))


class Allowance:
    """Lets so many lines through in a minute, each of another kind, and counts the others."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._clock = clock
        self._told: dict[object, float] = {}
        """What was told within the last minute, and when."""
        self._left_out = 0

    def take(self, kind: object) -> dict[str, int] | None:
        """The fields that a line of this kind has more; None where it is to be left out."""
        now = self._clock()
        self._told = {known: when for known, when in self._told.items() if now - when < PERIOD}
        if kind in self._told or len(self._told) >= self._most:
            self._left_out += 1
            return None
        self._told[kind] = now
        more = {"left_out": self._left_out} if self._left_out else {}
        self._left_out = 0
        return more


def _quoted(value: str) -> str:
    value = one_line(value)
    if value and not any(char.isspace() or char == '"' for char in value):
        return value
    return '"' + value.replace('"', "'") + '"'
