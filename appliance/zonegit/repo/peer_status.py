"""What this repository records about each peer, for its own limits and for status reports.

Each table is one setting: a JSON object by the peer's name, absent if it would be empty.

    failing    {peer: [unix seconds, reason]}   since when every exchange has failed, and why the last one did
    left-out   {peer: {zone: reason}}           zones that aren't updated, since the peer's version isn't acceptable
    refused    {peer: [zone, ...]}              zones that aren't followed, since this repository owns them
    stored     {peer: [day, bytes, limit]}      what was stored from the peer, on the last day on which anything was
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

from zonegit.model.foreign import one_line
from zonegit.repo.dates import rfc3339
from zonegit.store.port import Reader, Writer

DAY: Final = 86_400
"""Seconds. A day is one of UTC, counted from 1970-01-01."""
_REASON: Final = 512
"""Characters of a reason that are kept."""

T = TypeVar("T")


class Failing(NamedTuple):
    """An unbroken series of failed exchanges with one peer."""

    since: int
    """Unix seconds."""
    reason: str
    """Why the last one failed."""

    @classmethod
    def again(cls, known: "Failing | None", reason: str, now: float) -> "Failing":
        """The series with one more failure; `known` is the series before it, if any."""
        return cls(int(now) if known is None else known.since, one_line(reason, _REASON))

    def message(self, peer: str) -> str:
        """A sentence for users."""
        since = rfc3339(self.since)
        return f"exchanges with {peer} have failed since {since}: {self.reason}"


class Stored(NamedTuple):
    """What was stored from one peer in one day."""

    day: int
    size: int
    """Bytes."""
    most: int
    """Bytes at which the peer's quota is used up."""

    def is_used_up(self, now: float) -> bool:
        """Whether nothing more is stored on the day of `now` (Unix seconds)."""
        return self.day == now // DAY and self.size >= self.most


class PeerTable(Generic[T]):
    """One setting: a value for each peer."""

    def __init__(self, setting: str, decode: Callable[[Any], T], encode: Callable[[T], object]) -> None:
        self._setting = setting
        self._decode = decode
        self._encode = encode

    def read(self, reader: Reader) -> dict[str, T]:
        """The value of each peer that has one."""
        stored = reader.setting(self._setting)
        table: dict[str, object] = json.loads(stored) if stored else {}
        return {peer: self._decode(value) for peer, value in table.items()}

    def set(self, writer: Writer, peer: str, value: T | None) -> None:
        """Record the value of one peer. None or an empty value deletes what was recorded."""
        table = self.read(writer)
        before = table.pop(peer, None)
        if value:
            table[peer] = value
        if (value or None) != before:
            encoded = {name: self._encode(each) for name, each in sorted(table.items())}
            writer.set_setting(self._setting, json.dumps(encoded).encode() if encoded else None)


FAILING: Final = PeerTable[Failing]("failing", lambda noted: Failing(*noted), list)
LEFT_OUT: Final = PeerTable[Mapping[str, str]]("left-out", dict, lambda zones: dict(sorted(zones.items())))
REFUSED: Final = PeerTable[frozenset[str]]("refused", frozenset, sorted)
STORED: Final = PeerTable[Stored]("stored", lambda noted: Stored(*noted), list)
