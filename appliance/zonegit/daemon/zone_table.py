"""Which zones are served, and from which commit: the repository's heads as the configuration shows them.

A zone is here when its served branch (or its pinned revision) exists, so zones come and go with their refs. Where a
head has a served view it is answered from there, else from the tree. While neither can be read, what was served
goes on being served, or else the answer is SERVFAIL; both are tried again whenever the store moved.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from time import time

from zonegit.daemon.heads import read_head
from zonegit.daemon.unreadable import UnreadableVersion
from zonegit.dns.canary import Canary
from zonegit.dns.past import Moves
from zonegit.dns.zones import ServedZone
from zonegit.errors import CorruptStore, ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import WireName, parse_apex, to_text
from zonegit.model.refs import head
from zonegit.model.zone import Zone
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.values import parse_canary
from zonegit.store.moved import MovedRefs
from zonegit.store.reader import StoreReader
from zonegit.sync.peers import expired_zones
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersion
from zonegit.tree.version import ZoneVersion
from zonegit.tree.walk import runs

Log = Callable[[str, BaseException], None]


@dataclass(frozen=True, slots=True)
class _Shown:
    """A served zone, and what it was made from."""

    commit: ObjectId
    canary: ObjectId | None
    zone: ServedZone
    complete: bool
    """Whether every head that it is answered from has its view and can be read."""


class ZoneTable:
    """The served zones, read through a reader that is open whenever a method is called."""

    def __init__(self, config: Config, reader: StoreReader, log: Log) -> None:
        self._config = config
        self._reader = reader
        self._log = log
        self._nodes = Nodes(reader)
        self._peer = config.primary.name if config.primary else None
        self._seq: int | None = None
        self._expired: frozenset[str] = frozenset()
        self._shown: dict[str, _Shown] = {}
        self._pins: dict[str, ObjectId | None] = {}
        self._moved = MovedRefs()
        self._heads: dict[str, dict[str, ObjectId]] = {}
        """Zone -> branch -> tip, for the zones that the configuration lets through."""
        self._incomplete: set[str] = set()
        self._served: dict[WireName, ServedZone] = {}

    def refresh(self) -> Mapping[WireName, ServedZone] | None:
        """All served zones, or None when nothing can have moved since the last call."""
        seq = self._reader.seq
        expired = expired_zones(self._reader, self._peer) if self._peer else frozenset()
        if (seq, expired) == (self._seq, self._expired) and not self._incomplete:
            return None
        zones = self._changed() | self._incomplete | (expired ^ self._expired)
        self._seq = None  # until all of it is taken up
        self._expired = expired
        for zone in zones:
            self._take(zone)
        self._seq = seq
        return dict(self._served)

    def _changed(self) -> set[str]:
        """Zones whose heads moved since the last call, which is noted; all of them where that isn't known."""
        moved = None if self._seq is None else self._moved.look(self._reader)
        zones = set()
        if moved is None:
            zones = set(self._shown)
            self._heads = {}
            self._moved.take(self._reader)
            moved = dict(self._reader.refs("refs/heads/", self._nameless))
        for name, tip in moved.items():
            ref = read_head(name, self._nameless)
            if ref is None or not self._config.serves(ref.zone):
                continue
            zones.add(ref.zone)
            if tip is None:
                self._heads[ref.zone].pop(ref.name, None)
            else:
                self._heads.setdefault(ref.zone, {})[ref.name] = tip
        return zones

    def _nameless(self, error: ZonegitError) -> None:
        self._log("a zone can't be served, the name of its ref is damaged", error)

    def _take(self, zone: str) -> None:
        """Look at one zone again."""
        old = self._shown.pop(zone, None)
        branches = self._heads.get(zone)
        found = self._show(zone, branches, old) if branches else None
        self._incomplete.discard(zone)
        if found is None:
            self._pins.pop(zone, None)
            if old is not None:
                del self._served[old.zone.version.apex]
            return
        self._shown[zone] = found
        self._served[found.zone.version.apex] = found.zone
        if not found.complete:
            self._incomplete.add(zone)

    def runs(self, version: ZoneVersion) -> Iterable[tuple[int, bytes]]:
        """The records of a version as they lie, pinned to the commit that it shows now."""
        source = self._nodes.source
        commit = Commit.decode(source.get(version.commit))
        return runs(self._nodes, Zone.decode(source.get(commit.zone_root)).tree)

    def moves(self, version: ZoneVersion) -> Moves:
        """The moves of the branch that shows a version, newest first; none for a pinned one."""
        zone = to_text(version.apex)
        for branch in self._config.zone(zone).branches:
            name = head(zone, branch)
            if self._reader.ref(name) == version.commit:
                return ((entry.old, entry.new) for entry in self._reader.reflog(name))
        return ()

    def commits(self) -> Mapping[str, ObjectId]:
        """The served commit of each zone."""
        return {zone: shown.commit for zone, shown in self._shown.items()}

    def _show(self, zone: str, branches: Mapping[str, ObjectId], old: _Shown | None) -> _Shown | None:
        """A zone as it is served; the old one when the new one can't be read."""
        try:
            settings = self._config.zone(zone)
            commit = branches.get(settings.branch) if settings.at is None else self._pin(zone, settings)
            if commit is None:
                return None
            share = parse_canary(settings.canary) if settings.canary else None
            canary = branches.get(share[0]) if share else None
            expired = zone in self._expired
            same = old is not None and old.complete and (old.commit, old.canary) == (commit, canary)
            if old is not None and same and old.zone.expired == expired:
                return old
            branch = settings.branch if settings.at is None else None
            main, fallback, complete = self._version(zone, branch, commit)
            taken = None
            if share is not None and canary is not None:
                version, spare, whole = self._version(zone, share[0], canary)
                taken = Canary(version, share[1], settings.canary_salt, spare)
                complete = complete and whole
            shown = (main,) if taken is None else (main, taken.version)
            if old is not None and any(isinstance(each, UnreadableVersion) for each in shown):
                return replace(old, zone=replace(old.zone, expired=expired), complete=False)
            return _Shown(
                commit, canary, ServedZone(main, taken, fallback, expired, settings.allow_query), complete
            )
        except ZonegitError as error:
            self._log(f"zone {zone} can't be loaded", error)
            return old

    def _version(
        self, zone: str, branch: str | None, commit: ObjectId
    ) -> tuple[ZoneVersion, ZoneVersion | None, bool]:
        """How a commit is read, by the branch's view or its tree, and by what else; whether nothing lacks."""
        tree = self._tree(zone, commit)
        whole = isinstance(tree, TreeVersion)
        if branch is None:
            return tree, None, whole
        try:
            view = self._reader.view(head(zone, branch))
            if view is not None:
                return view, tree, whole
        except CorruptStore as error:
            self._log(f"zone {zone} is answered from its tree", error)
        return tree, None, False

    def _tree(self, zone: str, commit: ObjectId) -> ZoneVersion:
        try:
            return TreeVersion(self._nodes, commit)
        except ZonegitError as error:
            self._log(f"zone {zone} can't be read from its tree", error)
            return UnreadableVersion(parse_apex(zone), commit)

    def _pin(self, zone: str, settings: ZoneConfig) -> ObjectId | None:
        """What a zone's pin names; looked up once, so that it stands still when the branch moves."""
        if zone not in self._pins and settings.at is not None:
            self._pins[zone] = resolve_pin(self._reader, zone, settings)
        return self._pins.get(zone)


def resolve_pin(reader: StoreReader, zone: str, settings: ZoneConfig) -> ObjectId:
    """The commit that `at` names in a zone. `RevisionError`, `NotFound`."""
    from zonegit.repo.results import Position  # this room is dear to import, and few zones are pinned
    from zonegit.repo.revisions import Resolver

    return Resolver(reader, Position(zone, settings.branch), time).resolve(settings.at or settings.branch).id
