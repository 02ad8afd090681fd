"""The times of an allowed-signers file: `YYYYMMDD`, `YYYYMMDDHHMM[SS]`, of UTC with a `Z` behind, else local."""

import re
import time
from datetime import UTC, datetime
from typing import Final

_TIME: Final = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?(Z|UTC)?", re.ASCII | re.IGNORECASE
)


def parse_time(text: str) -> int | None:
    """Unix seconds, above 0; None if it isn't a time. A local time is standard time, as OpenSSH reads it."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    try:
        utc = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
        seconds = utc if match[7] else int(time.mktime((year, month, day, hour, minute, second, 0, 0, 0)))
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None
