"""How much was stored here of each peer's today, kept for whoever bounds it and whoever reports on it.

A day is one of UTC, as the number of days since 1970-01-01.
"""

import json
from dataclasses import dataclass
from typing import Final

from zonegit.store.port import Reader, Writer

_SETTING: Final = "stored"
DAY: Final = 86_400
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Of one peer's, in one day."""

    day: int
    size: int
    """Bytes."""
    most: int
    """Bytes from which on nothing more was taken."""

    def is_used_up(self, now: float) -> bool:
        """Whether nothing more is taken on the day of `now` (Unix seconds)."""
        return self.day == now // DAY and self.size >= self.most


def stored(reader: Reader) -> dict[str, Stored]:
    """By peer, what was stored on the last day on which anything was."""
    value = reader.setting(_SETTING)
    table: dict[str, list[int]] = json.loads(value) if value else {}
    return {peer: Stored(*numbers) for peer, numbers in table.items()}


def set_stored(writer: Writer, peer: str, found: Stored | None) -> None:
    """Note it of one peer, or forget it."""
    table = stored(writer)
    if found is not None:
        table[peer] = found
    elif table.pop(peer, None) is None:
        return
    value = {name: [each.day, each.size, each.most] for name, each in sorted(table.items())}
    writer.set_setting(_SETTING, json.dumps(value).encode() if value else None)
