"""The zones that are served: which one a name belongs to for a client, and how new versions take their place."""

from collections.abc import Iterator, Mapping
from typing import cast

from zonegit.dns.acl import Clients
from zonegit.dns.zones import OnCorrupt, ServedZone, Zone
from zonegit.model.names import WireName
from zonegit.model.rdata import DS
from zonegit.tree.version import ZoneVersion


class Held:
    """All served zones by apex."""

    __slots__ = ("_on_corrupt", "_parents", "_served", "by_client", "zones")

    def __init__(self, on_corrupt: OnCorrupt) -> None:
        self.zones: dict[WireName, Zone] = {}
        self.by_client = False
        """Whether answers depend on who asks: some zone has a canary, or may not be asked by everybody."""
        self._on_corrupt = on_corrupt
        self._parents: frozenset[bytes] | None = None
        self._served: Mapping[WireName, ServedZone] = {}

    @property
    def by_name(self) -> dict[bytes, Zone]:
        """The zones, for who has names as plain bytes."""
        return cast(dict[bytes, Zone], self.zones)

    def has_below(self, apex: WireName) -> bool:
        """Whether zones below this one are held."""
        if self._parents is None:
            self._parents = frozenset(end for name in self.zones for end in _above(name))
        return apex in self._parents

    def route(self, name: WireName, qtype: int, client: bytes) -> Zone | None:
        """The zone with the longest apex that is `name` or above it (lowercase), as this client sees it: None for
        one that it may not ask.

        A DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1), if that is held as well.
        """
        zones = self.zones
        at = 0
        found = zones.get(name)
        while found is None:
            label = name[at]
            if not label:
                return None
            at += 1 + label
            found = zones.get(WireName(name[at:]))
        if qtype == DS and not at and len(name) > 1:
            above = self.route(WireName(name[1 + name[0] :]), 0, client)
            if above is not None:
                return above
        if found.asked_by is not None and not found.asked_by(client):
            return None
        return found if found.canary is None else _shown(found, client)

    def covers(self, name: WireName) -> bool:
        """Whether any zone is held that a name (lowercase) is in, whoever may ask it."""
        return name in self.zones or any(end in self.by_name for end in _above(name))

    def exact(self, name: WireName, client: bytes) -> Zone | None:
        """The zone with this very apex (lowercase), as this client sees it."""
        found = self.zones.get(name)
        return None if found is None else _shown(found, client)

    def replace(self, served: Mapping[WireName, ServedZone]) -> set[Zone] | None:
        """Serve these zones from now on; the zones whose answers changed, or None if any answer may have."""
        old = self.zones
        moved: set[Zone] = set()
        new: dict[WireName, Zone] = {}
        for apex, item in served.items():
            was = old.get(apex)
            if was is not None and self._served.get(apex) is item and was.version is item.version:
                new[apex] = was  # nothing about it is new: there may be 10,000 of these beside one that moved
                continue
            before = None if was is None else was.canary_zone
            zone = new[apex] = self._zone(was, item.version, item.fallback, moved, item.expired)
            canary = item.canary
            if canary is not None:
                zone.canary_zone = self._zone(before, canary.version, canary.fallback, moved, item.expired)
            elif before is not None:
                zone.canary_zone = None
                moved.add(before)
            zone.canary = canary
            if (zone.asked_by is None) != (item.asked_by is None):
                moved.add(zone)
            zone.asked_by = None if item.asked_by is None else Clients(item.asked_by)
        was_by_client = self.by_client
        self._served = served
        self.zones = new
        self._parents = None
        self.by_client = any(zone.canary is not None or zone.asked_by is not None for zone in new.values())
        return None if new.keys() != old.keys() or was_by_client != self.by_client else moved

    def _zone(
        self,
        old: Zone | None,
        version: ZoneVersion,
        fallback: ZoneVersion | None,
        moved: set[Zone],
        expired: bool,
    ) -> Zone:
        if old is not None and old.commit == version.commit and old.expired == expired:
            old.renew(version, fallback)
            return old
        zone = Zone(version, fallback, self._on_corrupt, expired)
        if old is not None:
            moved.add(old)
            zone.landmarks = old.landmarks
        return zone


def _shown(zone: Zone, client: bytes) -> Zone:
    """The zone, or its canary for those clients that see it."""
    canary = zone.canary
    if canary is not None and zone.canary_zone is not None and canary.takes(client):
        return zone.canary_zone
    return zone


def _above(name: bytes) -> Iterator[bytes]:
    while len(name) > 1:
        name = name[1 + name[0] :]
        yield name
