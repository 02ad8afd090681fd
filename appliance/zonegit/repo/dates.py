"""Points in time as operators write them in revisions: `2 hours ago`, `yesterday`, `2026-11-20T10:00`."""

import re
from datetime import UTC, datetime
from typing import Final

from zonegit.errors import RevisionError

_UNITS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
_AGO: Final = re.compile(r"([0-9]{1,9})[ .]+(second|minute|hour|day|week|month|year)s?(?:[ .]+ago)?")


def utc(time: float) -> str:
    """A time as text that `parse_when` reads. A peer may write one that is no date: that is given in seconds."""
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%MZ")
    except (ValueError, OverflowError, OSError):
        return f"{time:.0f} s after 1970"


def rfc3339(time: float) -> str:
    """A time to the second, in UTC, as RFC 3339 has it."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_when(text: str, now: float) -> float:
    """Unix seconds. A time without an offset from UTC is local time; a date without a time is its midnight."""
    plain = text.strip().lower()
    if plain in ("now", "today"):
        return now
    if plain == "yesterday":
        return now - 86400
    if ago := _AGO.fullmatch(plain):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError):
        raise RevisionError(f"{text[:80]!r} is not a time: try '2 hours ago' or '2026-11-20T10:00'") from None
