"""Which version of a zone a client is answered from: by its routes, else its canary, else the zone's own."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from zonegit.dns.wire.message import Sender
from zonegit.dns.zone.canary import Canary
from zonegit.dns.zone.routed import Routes
from zonegit.dns.zone.zone_state import Choosing, ServedZone, ZoneState
from zonegit.model.ids import ObjectId
from zonegit.tree.version import ZoneVersion

CANARY: Final = -1
OWN: Final = -2
"""What a choice is made by, other than a route."""

Made = Callable[[ZoneState | None, ZoneVersion, ZoneVersion | None], ZoneState]
"""`(before, version, fallback)`: the state of a version; the one before it stays if it is of the same commit."""


class Choice:
    """The versions of one zone beside its own."""

    __slots__ = ("_canary", "_routes", "canary_zone", "routed")

    def __init__(
        self,
        canary: Canary | None,
        canary_zone: ZoneState | None,
        routes: Routes | None,
        routed: Sequence[ZoneState | None],
    ) -> None:
        self._canary = canary
        self.canary_zone = canary_zone
        self._routes = routes
        self.routed = routed
        """By index of the route; None if its branch doesn't exist."""

    def of(self, own: ZoneState, sender: Sender) -> ZoneState:
        """The version that a client is answered from; `own` is the zone's own."""
        found = self.decide(sender)
        if found == OWN:
            return own
        return (self.canary_zone if found == CANARY else self.routed[found]) or own

    def decide(self, sender: Sender) -> int:
        """The index of the route that decides, `CANARY` or `OWN`. The same for all of a query, and counted once."""
        if self._routes is not None and sender.client:
            decided = sender.decided
            if self not in decided:
                decided[self] = self._routes.first(sender)
            route = decided[self]
            if route is not None:
                return route
        return CANARY if self._canary is not None and self._canary.includes(sender) else OWN

    @property
    def others(self) -> Iterator[ZoneState]:
        """All versions but the zone's own."""
        return (zone for zone in (self.canary_zone, *self.routed) if zone is not None)


def choice_of(item: ServedZone, before: Choosing | None, made: Made) -> Choice | None:
    """The choice among the versions that a zone is served from; None if there is only one. `before` was in use."""
    canary, routes = item.canary, item.routes
    if canary is None and routes is None:
        return None
    canary_zone = None
    if canary is not None:
        canary_zone = made(None if before is None else before.canary_zone, canary.version, canary.fallback)
    routed: list[ZoneState | None] = []
    known: dict[ObjectId, ZoneState] = {}
    for index, rule in enumerate(routes.rules if routes is not None else ()):
        if rule.version is None:
            routed.append(None)
            continue
        old = before.routed[index] if before is not None and index < len(before.routed) else None
        commit = rule.version.commit
        if commit not in known:
            known[commit] = made(old, rule.version, rule.fallback)
        routed.append(known[commit])
    return Choice(canary, canary_zone, routes, routed)
