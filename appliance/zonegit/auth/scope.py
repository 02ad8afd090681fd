"""What a key permits: `read:*`, `read:example.org.`, `push:example.org.:main`, `push:*:staging`.

A zone in a scope includes every zone below it, by whole labels: `read:example.org.` covers `sub.example.org.` but
not `badexample.org.`. A branch may follow the zone; then the scope covers only that branch, and no tags. There are
no patterns and no exceptions.
"""

from typing import Final, NamedTuple

from zonegit.errors import InvalidName, UsageError
from zonegit.model.names import labels, parse_apex, to_text
from zonegit.model.refs import check_name

VERBS: Final = ("read", "push")
EVERY: Final = "*"
"""Every zone, or every branch."""


class Scope(NamedTuple):
    verb: str
    zone: str
    """Canonical text of an apex, or `*`."""
    branch: str = EVERY
    """The only branch; `*`: every branch and every tag."""

    def __str__(self) -> str:
        return f"{self.verb}:{self.zone}" + (f":{self.branch}" if self.branch != EVERY else "")

    def covers(self, zone: str, branch: str | None = None) -> bool:
        """Whether the scope covers a branch of the zone with this canonical name; None: the whole zone."""
        if self.branch not in (EVERY, branch):
            return False
        if self.zone == EVERY:
            return True
        mine = labels(parse_apex(self.zone))
        theirs = labels(parse_apex(zone))
        return not mine or theirs[-len(mine) :] == mine


def parse_scope(text: str) -> Scope:
    """Parse one scope; `UsageError` gives the reason."""
    verb, colon, rest = text.partition(":")
    if not colon or verb not in VERBS:
        raise UsageError(
            f"{text[:80]!r} is not a scope: expected read:*, read:ZONE or push:ZONE, and :BRANCH after it for one "
            "branch only"
        )
    zone, branch = _parted(rest)
    try:
        if branch != EVERY:
            check_name(branch, "branch")
        return Scope(verb, EVERY if zone == EVERY else to_text(parse_apex(zone)), branch)
    except InvalidName as error:
        raise UsageError(f"the scope {text[:80]!r} names no valid zone or branch: {error}") from None


def _parted(rest: str) -> tuple[str, str]:
    """Zone and branch. A zone's name may contain colons; it then ends with a dot, which no branch does."""
    zone, colon, branch = rest.rpartition(":")
    return (zone, branch) if colon and not branch.endswith(".") else (rest, EVERY)
