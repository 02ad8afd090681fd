"""The versions that a zone's `routes` lead to, and which of them a client is answered from."""

from collections.abc import Callable
from typing import NamedTuple

from zonegit.dns.routes.evaluate import Predicate
from zonegit.dns.routes.facts import Facts, Places
from zonegit.dns.wire.message import Sender
from zonegit.tree.version import ZoneVersion


class RoutedVersion(NamedTuple):
    """A version for the clients that a rule matches."""

    matches: Predicate
    version: ZoneVersion | None
    """None: its branch doesn't exist, so the rule is skipped."""
    fallback: ZoneVersion | None
    """The same commit from another source, used if `version` raises `CorruptStore`."""
    matched: Callable[[], None]
    """Called once for each query that the rule decides."""


class Routes(NamedTuple):
    """The rules of a zone, in order, and what they are evaluated with."""

    rules: tuple[RoutedVersion, ...]
    clock: Callable[[], float]
    """Unix seconds."""
    places: Places

    def first(self, sender: Sender) -> int | None:
        """The index of the first rule that matches, which is counted; None if none does."""
        facts = Facts(sender, self.clock, self.places)
        for index, rule in enumerate(self.rules):
            if rule.version is not None and rule.matches(facts):
                rule.matched()
                return index
        return None
