"""Which zones are served, and from which commit: the repository's heads as the configuration shows them.

A zone is here when its served branch (or its pinned revision) exists, so zones come and go with their refs. Of all
zones the names are known; a zone is read when it is asked for. If its head has a served view it is answered from
there, else from the tree. While neither can be read, what was served goes on being served, or else the answer is
SERVFAIL; both are tried again whenever the store moved.
"""

from collections.abc import Callable, Iterable
from time import time
from typing import Final

from zonegit.daemon.heads import heads, read_head
from zonegit.daemon.reading import NONE, Precautions, UnreadableVersion, WatchedVersion, watched_steps
from zonegit.dns.canary import Canary
from zonegit.dns.held import Changes, Shown
from zonegit.dns.past import Moves
from zonegit.dns.zones import ServedZone
from zonegit.errors import CorruptStore, InvalidData, NotFound, ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.names import WireName, canonical_apex, parse_apex, to_text
from zonegit.model.refs import RefName, head
from zonegit.model.zone import Zone
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.values import parse_canary
from zonegit.store.reader import StoreReader
from zonegit.store.views import ViewVersion, find_view
from zonegit.sync.peers import expired_zones
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersion, TreeVersionLater
from zonegit.tree.version import ZoneVersion
from zonegit.tree.walk import runs

Log = Callable[[str, BaseException], None]
_UNREADABLE: Final = (CorruptStore, NotFound, InvalidData)
"""What says that a zone itself can't be read. Other errors are the store's: the next query tries again."""
_NOWHERE: Final = ObjectId(bytes(ID_SIZE))


class ZoneTable:
    """A `dns.held.Source`, read through a reader that is open whenever a method is called."""

    def __init__(
        self,
        config: Config,
        reader: StoreReader,
        log: Log,
        precautions: Precautions = NONE,
    ) -> None:
        self._config = config
        self._reader = reader
        self._log = log
        self._precautions = precautions
        self._reading = precautions.reading
        self._careful = precautions.careful
        self._nodes = Nodes(reader)
        self._peer = config.primary.name if config.primary else None
        self._seq: int | None = None
        """How far the journal was read; None: nothing is known."""
        self._expired: frozenset[str] = frozenset()
        self._pins: dict[str, ObjectId] = {}
        self._incomplete: set[WireName] = set()
        """Zones that lack a view, or can't be read."""
        self._left_out = set(precautions.left_out)
        self.apexes: set[WireName] = set()
        """Of all served zones."""

    def refresh(self) -> Changes | None:
        """What changed since the last call; None for nothing."""
        seq = self._reader.seq
        expired = self._config.expired | (expired_zones(self._reader, self._peer) if self._peer else frozenset())
        if seq == self._seq and expired == self._expired and not self._incomplete:
            return None
        moved = self._reader.moved_since(self._seq) if self._seq is not None else None
        first, self._seq = self._seq is None, None  # until all of it is taken in
        overdue, self._expired = expired ^ self._expired, expired
        changes = self._read_all(first=first) if moved is None else self._read_moved(moved, overdue)
        self._seq = seq
        return changes

    def start_over(self) -> None:
        """Know nothing: what `refresh` told was not taken in."""
        self._seq = None

    def take(self, apex: WireName, shown: Shown | None) -> ServedZone:
        """Look at one zone. It goes on being answered from what is shown while the new version can't be read."""
        zone = to_text(apex)
        settings = self._config.zone(zone)
        if apex in self._left_out:
            return ServedZone(UnreadableVersion(apex, _NOWHERE), asked_by=settings.allow_query)
        self._incomplete.discard(apex)
        with self._reading(apex):
            main, fallback = self._main(apex, zone, settings, shown.commit if shown else None)
            canary = self._canary(apex, zone, settings, shown.canary if shown else None)
        return ServedZone(main, canary, fallback, zone in self._expired, settings.allow_query)

    def runs(self, version: ZoneVersion) -> Iterable[tuple[int, bytes]]:
        """The records of a version as they lie, pinned to the commit that it shows now."""
        source = self._nodes.source
        commit = Commit.decode(source.get(version.commit))
        found = runs(self._nodes, Zone.decode(source.get(commit.zone_root)).tree)
        return watched_steps(found, version.apex, self._reading) if self._careful else found

    def moves(self, version: ZoneVersion) -> Moves:
        """The moves of the branch that shows a version, newest first; none for a pinned one."""
        zone = to_text(version.apex)
        for branch in self._config.zone(zone).branches:
            name = head(zone, branch)
            if self._reader.ref(name) == version.commit:
                return ((entry.old, entry.new) for entry in self._reader.reflog(name))
        return ()

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
                self._take_back(apex)
        return Changes(anything=True)

    def _read_moved(self, moved: Iterable[RefName], overdue: Iterable[str]) -> Changes:
        """Look at the names of these refs."""
        zones = {ref.zone for name in moved if (ref := read_head(name, self._damaged)) is not None}
        came, gone, others = set(), set(), set(self._incomplete)
        for zone in zones:
            apex = parse_apex(zone)
            self._take_back(apex)
            here, was = self._config.serves(zone) and self._is_here(zone), apex in self.apexes
            if here and was:
                others.add(apex)
            elif here:
                came.add(apex)
            elif was:
                gone.add(apex)
                self._pins.pop(zone, None)
                self._incomplete.discard(apex)
        self.apexes |= came
        self.apexes -= gone
        others |= {parse_apex(zone) for zone in overdue}
        return Changes(came, gone, (others & self.apexes) - came)

    def _take_back(self, apex: WireName) -> None:
        """Read a zone that was left out, since it moved."""
        if apex in self._left_out:
            self._left_out.discard(apex)
            self._precautions.take_back(apex)

    def _is_here(self, zone: str) -> bool:
        settings = self._config.zone(zone)
        if settings.at is None:
            return self._reader.ref(head(zone, settings.branch)) is not None
        names = self._reader.refs(f"refs/heads/{zone}/", self._damaged)
        return any(ref.zone == zone for name, _ in names if (ref := read_head(name, self._damaged)) is not None)

    def _damaged(self, error: ZonegitError) -> None:
        self._log("a zone can't be served, the name of its ref is damaged", error)

    def _main(
        self, apex: WireName, zone: str, settings: ZoneConfig, shown: ObjectId | None
    ) -> tuple[ZoneVersion, ZoneVersion | None]:
        """How a zone is read, and by what else."""
        try:
            if settings.at is None:
                return self._branch(apex, zone, settings.branch, shown)
            return self._tree(apex, zone, self._pin(zone, settings), shown), None
        except _UNREADABLE as error:
            self._log(f"zone {zone} can't be loaded", error)
            self._incomplete.add(apex)
            return UnreadableVersion(apex, _NOWHERE), None

    def _canary(self, apex: WireName, zone: str, settings: ZoneConfig, shown: ObjectId | None) -> Canary | None:
        if settings.canary is None:
            return None
        branch, percent = parse_canary(settings.canary)
        try:
            if self._reader.ref(head(zone, branch)) is None:
                return None
            version, fallback = self._branch(apex, zone, branch, shown)
        except _UNREADABLE as error:
            self._log(f"the canary of zone {zone} can't be loaded", error)
            self._incomplete.add(apex)
            return None
        return Canary(version, percent, settings.canary_salt, fallback)

    def _branch(
        self, apex: WireName, zone: str, branch: str, shown: ObjectId | None
    ) -> tuple[ZoneVersion, ZoneVersion | None]:
        """How a branch's tip is read: by its view, else by its tree."""
        name = head(zone, branch)
        tip: ObjectId | None = None
        try:
            tip = self._reader.ref(name)
        except CorruptStore as error:
            self._tell_damage(apex, f"zone {zone}: the tip of its branch can't be read", error)
        try:
            view = find_view(self._reader.tables, name)
            if view is not None and tip in (None, view.commit):
                tree = TreeVersionLater(self._nodes, apex, view.commit)
                return self._watched(ViewVersion(self._reader.tables, self._nodes, name, view)), self._watched(tree)
            if view is not None:
                raise CorruptStore(f"the served view of {name} shows another commit; run `zonegit reindex`")
        except CorruptStore as error:
            self._tell_damage(apex, f"zone {zone} is answered from its tree", error)
        if tip is None:
            raise CorruptStore(f"{name} can't be read: restore a backup or clone it again")
        return self._tree(apex, zone, tip, shown), None

    def _tree(self, apex: WireName, zone: str, commit: ObjectId, shown: ObjectId | None) -> ZoneVersion:
        """A version's tree; that of what is shown while it can't be read."""
        try:
            return self._watched(TreeVersion(self._nodes, commit))
        except _UNREADABLE as error:
            self._tell_damage(apex, f"zone {zone} can't be read from its tree", error)
        if shown is None or shown in (commit, _NOWHERE):
            return UnreadableVersion(apex, commit)
        return self._watched(TreeVersionLater(self._nodes, apex, shown))

    def _watched(self, version: ZoneVersion) -> ZoneVersion:
        return WatchedVersion(version, self._reading) if self._careful else version

    def _tell_damage(self, apex: WireName, what: str, error: ZonegitError) -> None:
        self._log(what, error)
        self._incomplete.add(apex)

    def _pin(self, zone: str, settings: ZoneConfig) -> ObjectId:
        """What a zone's pin names; looked up once, so that it stands still when the branch moves."""
        if zone not in self._pins:
            self._pins[zone] = resolve_pin(self._reader, zone, settings)
        return self._pins[zone]


def resolve_pin(reader: StoreReader, zone: str, settings: ZoneConfig) -> ObjectId:
    """The commit that `at` names in a zone. `RevisionError`, `NotFound`."""
    from zonegit.repo.results import Position  # this room is dear to import, and few zones are pinned
    from zonegit.repo.revisions import Resolver

    return Resolver(reader, Position(zone, settings.branch), time).resolve(settings.at or settings.branch).id
