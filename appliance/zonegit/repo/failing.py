"""Since when exchanges with a peer fail, and why the last one did, kept for whoever reports on it."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from zonegit.model.foreign import one_line
from zonegit.store.port import Reader, Writer

_SETTING: Final = "failing"
_REASON: Final = 512
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Of one peer."""

    since: int
    """Unix seconds."""
    reason: str

    def told(self, peer: str) -> str:
        """The same for people."""
        since = datetime.fromtimestamp(self.since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"exchanges with {peer} have failed since {since}: {self.reason}"


def failing_peers(reader: Reader) -> dict[str, Failing]:
    """By peer, those of which the last exchange failed."""
    value = reader.setting(_SETTING)
    table: dict[str, tuple[int, str]] = json.loads(value) if value else {}
    return {peer: Failing(*found) for peer, found in table.items()}


def after(known: Failing | None, reason: str, now: float) -> Failing:
    """What is to be noted of an exchange that failed; `known` was noted of others before it in a row."""
    return Failing(int(now) if known is None else known.since, one_line(reason, _REASON))


def set_failing(writer: Writer, peer: str, found: Failing) -> None:
    """Note it of one peer."""
    _set(writer, {**failing_peers(writer), peer: found})


def clear_failing(writer: Writer, peer: str) -> None:
    """Note that none fails any more."""
    known = failing_peers(writer)
    if known.pop(peer, None) is not None:
        _set(writer, known)


def _set(writer: Writer, found: dict[str, Failing]) -> None:
    value = {peer: [each.since, each.reason] for peer, each in sorted(found.items())}
    writer.set_setting(_SETTING, json.dumps(value).encode() if value else None)
