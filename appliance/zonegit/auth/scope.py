"""What a key may do: `read:*`, `read:example.org.`, `push:example.org.`.

A zone in a scope stands for itself and for every zone below it, by whole labels: `read:example.org.` covers
`sub.example.org.` and not `badexample.org.`. Nothing else can be expressed: no patterns, no exceptions.
"""

from dataclasses import dataclass
from typing import Final

from zonegit.errors import InvalidName, UsageError
from zonegit.model.names import labels, parse_apex, to_text

VERBS: Final = ("read", "push")
EVERY_ZONE: Final = "*"


@dataclass(frozen=True, slots=True)
class Scope:
    verb: str
    zone: str
    """Canonical text of an apex, or `*`."""

    def __str__(self) -> str:
        return f"{self.verb}:{self.zone}"

    def covers(self, zone: str) -> bool:
        """Whether the zone with this canonical name is in the scope."""
        if self.zone == EVERY_ZONE:
            return True
        mine = labels(parse_apex(self.zone))
        theirs = labels(parse_apex(zone))
        return not mine or theirs[-len(mine) :] == mine


def parse_scope(text: str) -> Scope:
    """Read one scope; `UsageError` says what is wrong with it."""
    verb, colon, zone = text.partition(":")
    if not colon or verb not in VERBS:
        raise UsageError(f"{text[:80]!r} is not a scope: expected read:* or read:<zone> or push:<zone>")
    if zone == EVERY_ZONE:
        return Scope(verb, zone)
    try:
        return Scope(verb, to_text(parse_apex(zone)))
    except InvalidName as error:
        raise UsageError(f"the scope {text[:80]!r} names no zone: {error}") from None
