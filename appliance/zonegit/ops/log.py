"""Logging to stderr: one line per event, `zonegitd[dns-1]: message key=value`, or an object of JSON.

    {"time": "2026-11-21T05:00:00.000Z", "level": "info", "from": "dns-1", "message": "state", "fields": {...}}

No tracebacks are written: an unexpected error is logged with its type, message and source line. Errors that every
query may cause go through `Seldom`. Foreign text can't forge a line or move a terminal's cursor: every line is
printable and bounded (`model.foreign`).
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
"""Seconds during which `Seldom` and `Allowance` suppress a repeated event."""
_MOST: Final = 256


class Format(StrEnum):
    """The form of the lines."""

    TEXT = "text"
    JSON = "json"


def setup(process: str, form: Format = Format.TEXT) -> None:
    """Log to stderr as this process of the daemon, at level INFO; replaces any previous setup."""
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
        line: dict[str, object] = {
            "time": f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "from": self._process,
            "message": cut(message),
        }
        shown = {key: value if isinstance(value, int | float) else cut(str(value)) for key, value in fields.items()}
        if error is not None:
            shown["error"] = cut(described(error))
        if shown:
            line["fields"] = shown
        return json.dumps(line)


def event(logger: logging.Logger, message: str, level: int = logging.INFO, /, **fields: object) -> None:
    """Log a message with its fields; as text, values with spaces are quoted."""
    shown = "".join(f" {key}={_quoted(str(value))}" for key, value in fields.items())
    logger.log(level, "%s%s", message, shown, extra={"event": (message, fields)})


def described(error: BaseException) -> str:
    """An unexpected error: type, message and innermost source line; for a task group, its first error."""
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

    def __call__(self, message: str, error: BaseException, /, **fields: object) -> None:
        """Log an error that every packet may cause again."""
        key = f"{message}{fields}{type(error).__name__}{error}"
        now = monotonic()
        if now - self._last.get(key, -PERIOD) < PERIOD:
            return
        if len(self._last) >= _MOST:
            self._last.clear()
        self._last[key] = now
        event(self._logger, message, logging.ERROR, **fields, error=described(error))


class Allowance:
    """Lets so many lines through in a minute, each of another kind, and counts the others."""

    def __init__(self, most: int, clock: Callable[[], float] = monotonic) -> None:
        self._most = most
        self._clock = clock
        self._logged: dict[object, float] = {}
        """When each kind was logged, for kinds logged within the last minute."""
        self._left_out = 0

    def take(self, kind: object) -> dict[str, int] | None:
        """The fields that a line of this kind has more; None where it is to be left out."""
        now = self._clock()
        self._logged = {known: when for known, when in self._logged.items() if now - when < PERIOD}
        if kind in self._logged or len(self._logged) >= self._most:
            self._left_out += 1
            return None
        self._logged[kind] = now
        more = {"left_out": self._left_out} if self._left_out else {}
        self._left_out = 0
        return more


def _quoted(value: str) -> str:
    value = one_line(value)
    if value.split() == [value] and '"' not in value:
        return value
    return '"' + value.replace('"', "'") + '"'
