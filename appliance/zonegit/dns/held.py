"""The zones that are served: which one a name belongs to for a client, and how new versions take their place.

A zone is taken up when it is first asked for, and the oldest ones are let go of beyond a bound: what a server needs
to begin, and what a change costs it, don't grow with the number of its zones.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from zonegit.dns.acl import Clients
from zonegit.dns.budget import UNBOUNDED, Budget
from zonegit.dns.zones import OnTrouble, ServedZone, Zone
from zonegit.model.ids import ObjectId
from zonegit.model.names import WireName
from zonegit.model.rdata import DS
from zonegit.tree.version import ZoneVersion

LIMIT: Final = 10_000
"""Zones that are kept taken up: some 60 MB in use by the fast path."""


class Shown(NamedTuple):
    """What a zone is answered from at present."""

    commit: ObjectId
    canary: ObjectId | None


class Source(Protocol):
    """Where zones come from."""

    @property
    def apexes(self) -> Collection[WireName]:
        """Of all zones that are served."""
        ...

    def take(self, apex: WireName, shown: Shown | None) -> ServedZone:
        """What one of them is answered from now, and was until now. Damage in one zone is told by its versions."""
        ...


@dataclass(frozen=True, slots=True)
class Changes:
    """What may be different in a source since it was last looked at."""

    came: Collection[WireName] = ()
    gone: Collection[WireName] = ()
    moved: Collection[WireName] = ()
    """Of the zones that were there and are: versions, where these are read, or settings."""
    anything: bool = False


class Moved(NamedTuple):
    """Whose answers are no longer what they were."""

    zones: Collection[Zone]
    apexes: Collection[WireName]


class Zones:
    """Zones by apex; names may be plain bytes. To be asked for with `get`, which takes a zone up."""

    __slots__ = ("_apexes", "_take", "taken")

    def __init__(self, take: Callable[[WireName], Zone]) -> None:
        self.taken: OrderedDict[bytes, Zone] = OrderedDict()
        self._apexes: Collection[WireName] = ()
        self._take = take

    def turn(self, apexes: Collection[WireName]) -> None:
        """Have zones of these apexes from now on."""
        self._apexes = apexes

    def get(self, name: bytes) -> Zone | None:
        zone = self.taken.get(name)
        if zone is None and name in self._apexes:
            return self._take(WireName(name))
        return zone

    def over(self, name: bytes) -> Zone | None:
        """The zone with the longest apex that is this name or above it."""
        taken, apexes = self.taken, self._apexes
        at = 0
        while True:
            end = name[at:]
            found = taken.get(end)
            if found is not None:
                return found
            if end in apexes:
                return self._take(WireName(end))
            if not name[at]:
                return None
            at += 1 + name[at]

    def __contains__(self, name: bytes) -> bool:
        return name in self._apexes

    def __len__(self) -> int:
        return len(self._apexes)


class Held:
    """All served zones by apex."""

    __slots__ = ("_let_go", "_own", "_parents", "_source", "budget", "by_client", "on_trouble", "zones")

    def __init__(
        self,
        on_trouble: OnTrouble,
        let_go: Callable[[Zone], None] = lambda _: None,
        budget: Budget | None = None,
    ) -> None:
        """`let_go` is told of a zone that isn't kept any longer, though nothing about it has changed. `budget` is
        what a query may cost, for all zones; None: whatever it takes.
        """
        self.budget = budget or Budget(UNBOUNDED)
        self.zones = Zones(self._take_up)
        self.by_client = False
        """Whether answers depend on who asks: some zone has a canary, or may not be asked by everybody."""
        self.on_trouble = on_trouble
        """To be told of damage in one zone that is left out of answers from another."""
        self._let_go = let_go
        self._parents: Counter[bytes] | None = None
        """How many zones are below each name."""
        self._source: Source = Eager({})
        self._own: set[WireName] = set()
        """Taken zones that aren't answered alike to everybody."""

    def has_below(self, apex: bytes) -> bool:
        """Whether zones below this one are held."""
        if self._parents is None:
            self._parents = Counter(end for name in self._source.apexes for end in _above(name))
        return self._parents[apex] > 0

    def route(self, name: WireName, qtype: int, client: bytes) -> Zone | None:
        """The zone with the longest apex that is `name` or above it (lowercase), as this client sees it: None for
        one that it may not ask.

        A DS belongs to the parent's side of a cut (RFC 4035 §3.1.4.1), if that is held as well.
        """
        found = self.zones.over(name)
        if found is None:
            return None
        if qtype == DS and len(name) == len(found.apex) > 1:
            above = self.route(WireName(name[1 + name[0] :]), 0, client)
            if above is not None:
                return above
        if found.asked_by is not None and not found.asked_by(client):
            return None
        return found if found.canary is None else _shown(found, client)

    def covers(self, name: WireName) -> bool:
        """Whether any zone is held that a name (lowercase) is in, whoever may ask it."""
        return name in self.zones or any(end in self.zones for end in _above(name))

    def exact(self, name: WireName, client: bytes) -> Zone | None:
        """The zone with this very apex (lowercase), as this client sees it."""
        found = self.zones.get(name)
        return None if found is None else _shown(found, client)

    def serve(self, source: Source, changes: Changes) -> Moved | None:
        """Serve the zones of a source, in which this has changed; None if any answer may have."""
        by_client = self.by_client
        self._source = source
        self.zones.turn(source.apexes)
        if changes.anything:
            self.zones.taken.clear()
            self._own.clear()
            self._parents = None
            self.by_client = False
            return None
        zones: set[Zone] = set()
        apexes: set[WireName] = set()
        for apex in changes.gone:
            self.zones.taken.pop(apex, None)
            self._note(apex, own=False)
        for apex in changes.moved:
            was = self.zones.taken.get(apex)
            if was is None:
                apexes.add(apex)
            else:
                self._take(apex, was, zones)
        if self._parents is not None:
            self._parents.update(end for name in changes.came for end in _above(name))
            self._parents.subtract(end for name in changes.gone for end in _above(name))
        if changes.came or changes.gone or by_client != self.by_client:
            return None
        return Moved(zones, apexes | {zone.apex for zone in zones})

    def _take_up(self, apex: WireName) -> Zone:
        if len(self.zones.taken) >= LIMIT:
            oldest, zone = self.zones.taken.popitem(last=False)
            self._note(WireName(oldest), own=False)
            self._let_go(zone)
        return self._take(apex, None, set())

    def _take(self, apex: WireName, was: Zone | None, moved: set[Zone]) -> Zone:
        """Look at one zone; those versions of it that are no longer served go into `moved`."""
        before = None if was is None else was.canary_zone
        shown = None if was is None else Shown(was.commit, None if before is None else before.commit)
        item = self._source.take(apex, shown)
        zone = self._zone(was, item.version, item.fallback, moved, item.expired)
        canary = item.canary
        zone.canary_zone = None
        if canary is not None:
            zone.canary_zone = self._zone(before, canary.version, canary.fallback, moved, item.expired)
        elif before is not None:
            moved.add(before)
        zone.canary = canary
        if (zone.asked_by is None) != (item.asked_by is None):
            moved.add(zone)
        zone.asked_by = None if item.asked_by is None else Clients(item.asked_by)
        self._note(apex, own=canary is not None or item.asked_by is not None)
        self.zones.taken[apex] = zone
        return zone

    def _note(self, apex: WireName, *, own: bool) -> None:
        """Note whether a taken zone isn't answered alike to everybody."""
        if own:
            self._own.add(apex)
        else:
            self._own.discard(apex)
        self.by_client = bool(self._own)

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
        zone = Zone(version, fallback, self.on_trouble, expired, self.budget)
        if old is not None:
            moved.add(old)
            zone.landmarks = old.landmarks
        return zone


class Eager:
    """A `Source` of zones that are at hand."""

    def __init__(self, served: Mapping[WireName, ServedZone]) -> None:
        self._served = served

    @property
    def apexes(self) -> Collection[WireName]:
        return self._served

    def take(self, apex: WireName, _shown: Shown | None) -> ServedZone:
        return self._served[apex]

    def since(self, before: "Eager") -> Changes:
        """What is different from another one."""
        old, new = before._served, self._served
        moved = [apex for apex, item in new.items() if apex in old and old[apex] is not item]
        return Changes(new.keys() - old.keys(), old.keys() - new.keys(), moved)


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
