"""The served zones: which one a name belongs to for a client, and how new versions replace old ones.

A zone is loaded at its first query. Beyond `LIMIT`, the one loaded first is unloaded. So the cost of a start and
that of a change don't grow with the number of zones.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Final, NamedTuple, Protocol

from zonegit.dns.access.acl import Clients
from zonegit.dns.wire.message import Sender
from zonegit.dns.zone.choice import choice_of
from zonegit.dns.zone.query_budget import UNBOUNDED, Budget
from zonegit.dns.zone.zone_state import OnTrouble, ServedZone, ZoneState
from zonegit.model.ids import ObjectId
from zonegit.model.names import ROOT, WireName, suffixes
from zonegit.model.rdata import DS
from zonegit.tree.version import ZoneVersion

LIMIT: Final = 10_000
"""The most zones that are loaded at a time: some 60 MB when the fast path uses all of them."""


class ServedCommits(NamedTuple):
    """The commits that a zone is answered from."""

    commit: ObjectId
    canary: ObjectId | None
    routed: tuple[ObjectId | None, ...] = ()
    """By index of the route; None if its branch doesn't exist."""


class Source(Protocol):
    """Where `ServedZones` gets the zones from."""

    @property
    def apexes(self) -> Collection[WireName]:
        """The apexes of all served zones."""
        ...

    def load(self, apex: WireName, served: ServedCommits | None) -> ServedZone:
        """What to answer a zone from. `served`: the commits that it was answered from until now. Damage in a zone
        is only reported when its versions are read."""
        ...


class Changes(NamedTuple):
    """What may have changed in a source since it was last served."""

    came: Collection[WireName] = ()
    gone: Collection[WireName] = ()
    moved: Collection[WireName] = ()
    """Zones that were served before, and whose version, storage or settings may have changed."""
    anything: bool = False
    """Whether anything may have changed, so that the other fields don't matter."""


class Moved(NamedTuple):
    """The zones whose answers may have changed."""

    zones: Collection[ZoneState]
    apexes: Collection[WireName]


class LoadedZones:
    """Zones by apex; names may be plain bytes. `get` loads a zone that isn't loaded yet."""

    __slots__ = ("_apexes", "_load", "loaded")

    def __init__(self, load: Callable[[WireName], ZoneState]) -> None:
        self.loaded: OrderedDict[bytes, ZoneState] = OrderedDict()
        """The zones that are loaded, in the order in which they were."""
        self._apexes: Collection[WireName] = ()
        self._load = load

    def set_apexes(self, apexes: Collection[WireName]) -> None:
        """Serve zones with these apexes from now on."""
        self._apexes = apexes

    def get(self, name: bytes) -> ZoneState | None:
        zone = self.loaded.get(name)
        if zone is None and name in self._apexes:
            return self._load(WireName(name))
        return zone

    def enclosing(self, name: bytes) -> ZoneState | None:
        """The zone with the longest apex that is this name or above it."""
        loaded, apexes = self.loaded, self._apexes
        at = 0
        while True:
            end = name[at:]
            found = loaded.get(end)
            if found is not None:
                return found
            if end in apexes:
                return self._load(WireName(end))
            if not name[at]:
                return None
            at += 1 + name[at]

    def __contains__(self, name: bytes) -> bool:
        return name in self._apexes

    def __len__(self) -> int:
        return len(self._apexes)


class ServedZones:
    """All served zones by apex."""

    __slots__ = ("_on_unload", "_parents", "_per_client", "_source", "budget", "by_apex", "by_client", "on_trouble")

    def __init__(
        self,
        on_trouble: OnTrouble,
        on_unload: Callable[[ZoneState], None] = lambda _: None,
        budget: Budget | None = None,
    ) -> None:
        """`on_unload` is called with each zone that is unloaded because of `LIMIT`. `budget` is the budget of a
        query across all zones; None: unlimited.
        """
        self.budget = budget or Budget(UNBOUNDED)
        self.by_apex = LoadedZones(self._load_within_limit)
        self.by_client = False
        """Whether answers depend on the client: some loaded zone has routes, a canary or an ACL."""
        self.on_trouble = on_trouble
        """Called with each error because of which a zone's data is left out of an answer from another zone."""
        self._on_unload = on_unload
        self._parents: Counter[bytes] | None = None
        """Name -> number of served zones below it; None until it is needed."""
        self._source: Source = FixedSource({})
        self._per_client: set[WireName] = set()
        """Loaded zones with routes, a canary or an ACL."""

    def has_below(self, apex: bytes) -> bool:
        """Whether zones below this one are served."""
        if self._parents is None:
            self._parents = Counter(above for name in self._source.apexes for above in _above(name))
        return self._parents[apex] > 0

    def find(self, name: WireName, qtype: int, sender: Sender) -> ZoneState | None:
        """The zone with the longest apex that is `name` (lowercase) or above it (RFC 1034 §4.3.2, step 2), as this
        client sees it. None if there is none, or if this client may not query it.

        DS at an apex is answered from the parent zone (RFC 4035 §3.1.4.1), if that is served here, too. What a zone
        answers for DS at a cut inside it is up to `lookup/descent`.
        """
        found = self.by_apex.enclosing(name)
        if found is None:
            return None
        if qtype == DS and len(name) == len(found.apex) > 1:
            above = self.find(WireName(name[1 + name[0] :]), 0, sender)
            if above is not None:
                return above
        if found.allow_query is not None and not found.allow_query(sender.client):
            return None
        return found if found.choice is None else found.choice.of(found, sender)

    def covers(self, name: WireName) -> bool:
        """Whether a name (lowercase) is in any served zone, whatever its ACL."""
        return any(suffix in self.by_apex for suffix in suffixes(name)) or ROOT in self.by_apex

    def with_apex(self, name: WireName, sender: Sender) -> ZoneState | None:
        """The zone with exactly this apex (lowercase), as this client sees it."""
        found = self.by_apex.get(name)
        return found if found is None or found.choice is None else found.choice.of(found, sender)

    def serve(self, source: Source, changes: Changes) -> Moved | None:
        """Serve the zones of a source with these changes. None if any answer may have changed."""
        by_client = self.by_client
        self._source = source
        self.by_apex.set_apexes(source.apexes)
        if changes.anything:
            self.by_apex.loaded.clear()
            self._per_client.clear()
            self._parents = None
            self.by_client = False
            return None
        zones: set[ZoneState] = set()
        apexes: set[WireName] = set()
        for apex in changes.gone:
            self.by_apex.loaded.pop(apex, None)
            self._note(apex, per_client=False)
        for apex in changes.moved:
            was = self.by_apex.loaded.get(apex)
            if was is None:
                apexes.add(apex)
            else:
                self._load(apex, was, zones)
        if self._parents is not None:
            self._parents.update(above for name in changes.came for above in _above(name))
            self._parents.subtract(above for name in changes.gone for above in _above(name))
        if changes.came or changes.gone or by_client != self.by_client:
            return None
        return Moved(zones, apexes | {zone.apex for zone in zones})

    def _load_within_limit(self, apex: WireName) -> ZoneState:
        """Load a zone that isn't loaded, after unloading the oldest one if there are too many."""
        if len(self.by_apex.loaded) >= LIMIT:
            oldest, zone = self.by_apex.loaded.popitem(last=False)
            self._note(WireName(oldest), per_client=False)
            self._on_unload(zone)
        return self._load(apex, None, set())

    def _load(self, apex: WireName, was: ZoneState | None, moved: set[ZoneState]) -> ZoneState:
        """Load one zone, or load it again; versions of it that are no longer served are added to `moved`."""
        before = None if was is None else was.choice
        item = self._source.load(apex, None if was is None else _served(was))
        zone = self._zone(was, item.version, item.fallback, moved, item.expired)

        def made(old: ZoneState | None, version: ZoneVersion, fallback: ZoneVersion | None) -> ZoneState:
            return self._zone(old, version, fallback, moved, item.expired)

        choice = choice_of(item, before, made)
        if before is not None:
            moved.update(set(before.others) - set(choice.others if choice is not None else ()))
        if (before is None) != (choice is None):
            moved.add(zone)  # its finished packets were for all clients
        zone.choice = choice
        if (zone.allow_query is None) != (item.allow_query is None):
            moved.add(zone)
        zone.allow_query = None if item.allow_query is None else Clients(item.allow_query)
        self._note(apex, per_client=choice is not None or item.allow_query is not None)
        self.by_apex.loaded[apex] = zone
        return zone

    def _note(self, apex: WireName, *, per_client: bool) -> None:
        """Note whether answers from a loaded zone depend on the client."""
        if per_client:
            self._per_client.add(apex)
        else:
            self._per_client.discard(apex)
        self.by_client = bool(self._per_client)

    def _zone(
        self,
        old: ZoneState | None,
        version: ZoneVersion,
        fallback: ZoneVersion | None,
        moved: set[ZoneState],
        expired: bool,
    ) -> ZoneState:
        if old is not None and old.commit == version.commit and old.expired == expired:
            old.renew(version, fallback)
            return old
        zone = ZoneState(version, fallback, self.on_trouble, expired, self.budget)
        if old is not None:
            moved.add(old)
            zone.known_hashes = old.known_hashes
        return zone


class FixedSource:
    """A `Source` of zones in memory."""

    def __init__(self, served: Mapping[WireName, ServedZone]) -> None:
        self._served = served

    @property
    def apexes(self) -> Collection[WireName]:
        return self._served

    def load(self, apex: WireName, _served: ServedCommits | None) -> ServedZone:
        return self._served[apex]

    def since(self, before: "FixedSource") -> Changes:
        """The changes since another one."""
        old, new = before._served, self._served
        moved = [apex for apex, item in new.items() if apex in old and old[apex] is not item]
        return Changes(new.keys() - old.keys(), old.keys() - new.keys(), moved)


def _served(zone: ZoneState) -> ServedCommits:
    """The commits that a loaded zone is answered from."""
    choice = zone.choice
    if choice is None:
        return ServedCommits(zone.commit, None)
    canary = choice.canary_zone
    routed = tuple(None if each is None else each.commit for each in choice.routed)
    return ServedCommits(zone.commit, None if canary is None else canary.commit, routed)


def _above(apex: bytes) -> Iterator[bytes]:
    """The names above an apex, the root included."""
    return (suffix[1 + suffix[0] :] for suffix in suffixes(apex))
