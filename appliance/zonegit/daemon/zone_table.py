"""Which zones are served, and from which commits: the repository's heads, selected by the configuration.

A zone is served if its served branch (or its pinned revision) exists, so zones come and go with their refs. The
names of all zones are known; a zone is read at its first query. It is answered from its served view if its head
has one, else from the tree. While neither can be read, the version served before stays, or else the answer is
SERVFAIL. Both are tried again whenever the store has moved.
"""

from collections.abc import Callable, Iterable, Sequence
from time import time
from typing import Final, NamedTuple

from zonegit.daemon.expired_zones import zones_on_record
from zonegit.daemon.heads import heads, read_head
from zonegit.daemon.reading import NONE, Precautions, UnreadableVersion, WatchedVersion, watched_steps
from zonegit.dns.routes.evaluate import Predicate, predicate
from zonegit.dns.routes.facts import NoPlaces, Places
from zonegit.dns.transfer.versions import Moves
from zonegit.dns.zone.canary import Canary
from zonegit.dns.zone.routed import RoutedVersion, Routes
from zonegit.dns.zone.served_zones import Changes, ServedCommits
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.errors import CorruptStore, InvalidData, NotFound, ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.names import WireName, canonical_apex, parse_apex, to_text
from zonegit.model.refs import Ref, RefName
from zonegit.model.zone import Zone
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.values import parse_canary
from zonegit.store.port import RefLogEntry
from zonegit.store.reader import StoreReader
from zonegit.store.served import served_ref
from zonegit.store.successive import Successive
from zonegit.store.views import ViewVersion, find_view
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersion, TreeVersionLater
from zonegit.tree.version import ZoneVersion
from zonegit.tree.walk import runs

Log = Callable[[str, BaseException], None]
_UNREADABLE: Final = (CorruptStore, NotFound, InvalidData)
"""Errors that mean that a zone itself can't be read. Others are the store's: the next query tries again."""
_NOWHERE: Final = ObjectId(bytes(ID_SIZE))


def _count_nothing() -> None:
    """The default: matches aren't counted."""


class Routing(NamedTuple):
    """What the routes of zones are evaluated with."""

    clock: Callable[[], float] = time
    """Unix seconds."""
    places: Callable[[Config], Places] = lambda _config: NoPlaces()
    """What is known of addresses, by a configuration."""
    counter: Callable[[str, str], Callable[[], None]] = lambda _zone, _rule: _count_nothing
    """`(zone, rule)`: what to call when the rule decides a query."""


NOT_COUNTED: Final = Routing()


class ZoneTable:
    """A `dns.zone.served_zones.Source`, read through a reader that is open whenever a method is called."""

    def __init__(
        self,
        config: Config,
        reader: StoreReader,
        log: Log,
        precautions: Precautions = NONE,
        routing: Routing = NOT_COUNTED,
    ) -> None:
        self._config = config
        self._reader = reader
        self._log = log
        self._precautions = precautions
        self._routing = routing
        self._places = routing.places(config)
        self._reading = precautions.reading
        self._careful = precautions.careful
        self._nodes = Nodes(reader)
        self._seq: int | None = None
        """How far the journal was read. None: all has to be read."""
        self._expired: frozenset[str] = frozenset()
        self._pins: dict[str, ObjectId] = {}
        self._rules: dict[str, list[tuple[Predicate, Callable[[], None]]]] = {}
        """By zone: what each of its routes is evaluated and counted by, made when the zone is first loaded."""
        self._incomplete: set[WireName] = set()
        """Zones without a readable view or without readable data."""
        self._left_out = set(precautions.left_out)
        self.apexes: set[WireName] = set()
        """Of all served zones."""

    def refresh(self) -> Changes | None:
        """What changed since the last call; None for nothing."""
        seq = self._reader.seq
        expired = zones_on_record(self._config, self._reader)
        if seq == self._seq and expired == self._expired and not self._incomplete:
            return None
        moved = self._reader.moved_since(self._seq) if self._seq is not None else None
        first, self._seq = self._seq is None, None  # until all of it is read
        overdue, self._expired = expired ^ self._expired, expired
        changes = self._read_all(first=first) if moved is None else self._read_moved(moved, overdue)
        self._seq = seq
        return changes

    def start_over(self) -> None:
        """Read all heads at the next `refresh`: the changes from the last one were not applied."""
        self._seq = None

    def load(self, apex: WireName, served: ServedCommits | None) -> ServedZone:
        """Read one zone. While its new version can't be read, the one served until now is used."""
        zone = to_text(apex)
        settings = self._config.zone(zone)
        if apex in self._left_out:
            return ServedZone(UnreadableVersion(apex, _NOWHERE), allow_query=settings.allow_query)
        self._incomplete.discard(apex)
        with self._reading(apex):
            main, fallback = self._main(apex, zone, settings, served.commit if served else None)
            canary = self._canary(apex, zone, settings, served.canary if served else None)
            routes = self._routes(apex, zone, settings, served.routed if served else ())
        return ServedZone(main, canary, fallback, zone in self._expired, settings.allow_query, routes)

    def runs(self, version: ZoneVersion) -> Iterable[tuple[int, bytes]]:
        """The records of a version as stored, of the commit that it is at now."""
        source = self._nodes.source
        commit = Commit.decode(source.get(version.commit))
        found = runs(self._nodes.through(Successive(self._reader)), Zone.decode(source.get(commit.zone_root)).tree)
        return watched_steps(found, version.apex, self._reading) if self._careful else found

    def moves(self, version: ZoneVersion) -> Moves:
        """The moves of the branch that a version is the tip of, newest first; none for a pinned one."""
        zone = to_text(version.apex)
        for branch in self._config.zone(zone).branches:
            name = served_ref(self._reader, zone, branch)
            if self._reader.ref(name) == version.commit:
                return (self._move(entry) for entry in self._reader.reflog(name))
        return ()

    def _move(self, entry: RefLogEntry) -> tuple[ObjectId | None, ObjectId | None]:
        """The versions before and after a move.

        The first published version shows a commit of the branch, which was served at that commit's parent before.
        """
        if entry.old is None and entry.new is not None:
            source = self._nodes.source
            of = Commit.decode(source.get(entry.new)).publishes
            if of is not None and any(of):
                parents = Commit.decode(source.get(of)).parents
                return (parents[0] if parents else None), entry.new
        return entry.old, entry.new

    def _read_all(self, *, first: bool) -> Changes:
        """Read the names of all heads."""
        config = self._config
        found: set[WireName] = set()
        for zone, branch in heads(self._reader, self._damaged):
            settings = config.zone(zone)
            if (settings.at is not None or branch == settings.branch) and config.serves(zone):
                found.add(canonical_apex(zone))
        self.apexes = found
        self._incomplete.clear()
        if not first:
            for apex in list(self._left_out):
                self._serve_again(apex)
        return Changes(anything=True)

    def _read_moved(self, moved: Iterable[RefName], overdue: Iterable[str]) -> Changes:
        """Update the zones of these refs."""
        found = filter(None, (read_head(name, self._damaged) for name in moved))
        zones = {ref.zone for ref in found if self._is_served(ref)}
        came, gone, others = set(), set(), set(self._incomplete)
        for zone in zones:
            apex = parse_apex(zone)
            self._serve_again(apex)
            exists, existed = self._config.serves(zone) and self._exists(zone), apex in self.apexes
            if exists and existed:
                others.add(apex)
            elif exists:
                came.add(apex)
            elif existed:
                gone.add(apex)
                self._pins.pop(zone, None)
                self._incomplete.discard(apex)
        self.apexes |= came
        self.apexes -= gone
        others |= {parse_apex(zone) for zone in overdue}
        return Changes(came, gone, (others & self.apexes) - came)

    def _is_served(self, ref: Ref) -> bool:
        """Whether a branch's move may change what is answered; of a pinned zone, any branch makes it exist."""
        settings = self._config.zone(ref.zone)
        return settings.at is not None or ref.name in settings.branches

    def _serve_again(self, apex: WireName) -> None:
        """Serve a zone again that was left out, since it moved."""
        if apex in self._left_out:
            self._left_out.discard(apex)
            self._precautions.take_back(apex)

    def _exists(self, zone: str) -> bool:
        """Whether there is something to serve of a zone: its branch or, for a pin, any branch."""
        settings = self._config.zone(zone)
        if settings.at is None:
            return self._reader.live(served_ref(self._reader, zone, settings.branch)) is not None
        names = self._reader.live_refs(f"refs/heads/{zone}/", self._damaged)
        return any(ref.zone == zone for name, _ in names if (ref := read_head(name, self._damaged)) is not None)

    def _damaged(self, error: ZonegitError) -> None:
        self._log("cannot serve a zone: the name of its ref is damaged", error)

    def _main(
        self, apex: WireName, zone: str, settings: ZoneConfig, shown: ObjectId | None
    ) -> tuple[ZoneVersion, ZoneVersion | None]:
        """What a zone is read through, and the fallback if there is one."""
        try:
            if settings.at is None:
                return self._branch(apex, zone, settings.branch, shown)
            return self._tree(apex, zone, self._pin(zone, settings), shown), None
        except _UNREADABLE as error:
            self._log(f"cannot load a zone: {zone}", error)
            self._incomplete.add(apex)
            return UnreadableVersion(apex, _NOWHERE), None

    def _canary(self, apex: WireName, zone: str, settings: ZoneConfig, shown: ObjectId | None) -> Canary | None:
        if settings.canary is None:
            return None
        branch, percent = parse_canary(settings.canary)
        try:
            if self._reader.live(served_ref(self._reader, zone, branch)) is None:
                return None
            version, fallback = self._branch(apex, zone, branch, shown)
        except _UNREADABLE as error:
            self._log(f"cannot load the canary of a zone: {zone}", error)
            self._incomplete.add(apex)
            return None
        return Canary(version, percent, settings.canary_salt, fallback)

    def _routes(
        self, apex: WireName, zone: str, settings: ZoneConfig, shown: Sequence[ObjectId | None]
    ) -> Routes | None:
        if not settings.routes:
            return None
        if zone not in self._rules:
            self._rules[zone] = [
                (predicate(route.when), self._routing.counter(zone, str(number)))
                for number, route in enumerate(settings.routes, 1)
            ]
        found: dict[str, tuple[ZoneVersion | None, ZoneVersion | None]] = {}
        rules = []
        for index, (route, (matches, count)) in enumerate(zip(settings.routes, self._rules[zone], strict=True)):
            if route.branch not in found:
                before = shown[index] if index < len(shown) else None
                found[route.branch] = self._routed(apex, zone, route.branch, before)
            version, fallback = found[route.branch]
            rules.append(RoutedVersion(matches, version, fallback, count))
        return Routes(tuple(rules), self._routing.clock, self._places)

    def _routed(
        self, apex: WireName, zone: str, branch: str, shown: ObjectId | None
    ) -> tuple[ZoneVersion | None, ZoneVersion | None]:
        """The same as `_branch`; None for a branch that doesn't exist, SERVFAIL for one that can't be read."""
        try:
            if self._reader.live(served_ref(self._reader, zone, branch)) is None:
                return None, None
            return self._branch(apex, zone, branch, shown)
        except _UNREADABLE as error:
            self._log(f"cannot load a branch that a route of a zone names: {zone}", error)
            self._incomplete.add(apex)
            return UnreadableVersion(apex, _NOWHERE), None

    def _branch(
        self, apex: WireName, zone: str, branch: str, shown: ObjectId | None
    ) -> tuple[ZoneVersion, ZoneVersion | None]:
        """What a branch is read through: its view, with the tree as the fallback, or else its tree."""
        name = served_ref(self._reader, zone, branch)
        tip: ObjectId | None = None
        try:
            tip = self._reader.ref(name)
        except CorruptStore as error:
            self._log_damage(apex, f"cannot read the tip of a zone's branch: {zone}", error)
        try:
            view = find_view(self._reader.tables, name)
            if view is not None and tip in (None, view.commit):
                tree = TreeVersionLater(self._nodes, apex, view.commit)
                return self._watched(ViewVersion(self._reader.tables, self._nodes, name, view)), self._watched(tree)
            if view is not None:
                raise CorruptStore(f"the served view of {name} shows another commit; run `zonegit reindex`")
        except CorruptStore as error:
            self._log_damage(apex, f"answering a zone from its tree: {zone}", error)
        if tip is None:
            raise CorruptStore(f"{name} can't be read: restore a backup or clone it again")
        return self._tree(apex, zone, tip, shown), None

    def _tree(self, apex: WireName, zone: str, commit: ObjectId, shown: ObjectId | None) -> ZoneVersion:
        """A version's tree; while it can't be read, that of the version that is shown."""
        try:
            return self._watched(TreeVersion(self._nodes, commit))
        except _UNREADABLE as error:
            self._log_damage(apex, f"cannot read a zone from its tree: {zone}", error)
        if shown is None or shown in (commit, _NOWHERE):
            return UnreadableVersion(apex, commit)
        return self._watched(TreeVersionLater(self._nodes, apex, shown))

    def _watched(self, version: ZoneVersion) -> ZoneVersion:
        return WatchedVersion(version, self._reading) if self._careful else version

    def _log_damage(self, apex: WireName, what: str, error: ZonegitError) -> None:
        self._log(what, error)
        self._incomplete.add(apex)

    def _pin(self, zone: str, settings: ZoneConfig) -> ObjectId:
        """The commit that a zone's pin names. Looked up once, so that it stays when the branch moves."""
        if zone not in self._pins:
            self._pins[zone] = resolve_pin(self._reader, zone, settings)
        return self._pins[zone]


def resolve_pin(reader: StoreReader, zone: str, settings: ZoneConfig) -> ObjectId:
    """The commit that `at` names in a zone. `RevisionError`, `NotFound`."""
    from zonegit.repo.results import Position  # this room is slow to import, and few zones are pinned
    from zonegit.repo.revisions import Resolver

    return Resolver(reader, Position(zone, settings.branch), time).resolve(settings.at or settings.branch).id
