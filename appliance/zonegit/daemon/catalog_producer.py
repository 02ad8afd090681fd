"""Makes the catalog zones that list the zones of this node (RFC 9432, docs/catalogs.md).

A part of the refresher process. It looks at the journal of moved refs: when zones came or went, or the
configuration changed, it commits to the catalogs. Nothing is done for a commit that only changes a zone's records.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final

from zonegit.daemon.catalog_gauges import Gauges
from zonegit.daemon.heads import heads, read_head
from zonegit.errors import ZonegitError
from zonegit.model import refs
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.repo.catalog.listing import Listed, next_listing
from zonegit.repo.catalog.made import catalog_at, made_catalogs, moved_members
from zonegit.repo.catalog.producing import commit_catalog, keep_listing
from zonegit.repo.catalog.values import Broken, Catalog, Member
from zonegit.repo.context import Context
from zonegit.repo.results import Position
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reader import StoreReader
from zonegit.store.served import served_ref

_AGAIN: Final = 5.0
"""Seconds until a catalog is tried again that couldn't be made, and between looks for zones that moved long ago."""
_MOVED: Final = 3600.0
"""Seconds between two looks at when zones moved to another catalog."""
_REMEMBERED: Final = 1000
"""Moves of a zone that are looked at to find out whether it began again."""

_ENDED: Final = "no zone names a catalog any more: it stays as it is, and 'zonegit zone remove' ends it"
_logger: Final = logging.getLogger(__name__)


class CatalogProducer:
    """For one thread."""

    def __init__(
        self, store: LmdbStore, config: Config, gauges: Gauges, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._context = Context.over(store, clock)
        self._config = config
        self._configured = config.made_catalogs
        self._gauges = gauges
        self._clock = clock
        self._txn = -1
        self._seq: int | None = None
        """How far the journal was read. None: all zones are to be looked at."""
        self._zones: dict[str, ObjectId] = {}
        """The served zones, and the commit of each."""
        self._again: set[str] = set()
        """Zones that were removed and added again since the catalogs were made."""
        self._due = 0.0
        """When to make the catalogs, by the clock, though no zone came or went."""
        self._is_first = True
        self._is_idle = False
        """Whether there is no catalog to make."""
        self._failed: dict[str, str] = {}
        """Catalogs that can't be made, and why."""

    def configure(self, config: Config) -> None:
        """List by another configuration from the next look on."""
        self._config, self._configured = config, config.made_catalogs
        self._seq, self._txn, self._due = None, -1, 0.0

    def look(self) -> None:
        """Commit to the catalogs what is new. Errors are logged, and tried again."""
        txn, now = self._store.txn_id(), self._clock()
        if self._due > now and (txn == self._txn or self._is_idle):
            return
        self._txn = txn
        try:
            with self._store.read() as reader:
                made, moved = made_catalogs(reader), moved_members(reader)
                self._is_idle = not made and not self._configured
                changed = not self._is_idle and self._find_moved(reader, made)
            if changed or now >= self._due:
                self._make(made, moved, int(now))
                self._due = now + (_AGAIN if self._failed else _MOVED)
        except ZonegitError as error:
            self._due = now + _AGAIN
            self._tell("", str(error))
        else:
            self._failed.pop("", None)

    def _find_moved(self, reader: StoreReader, made: frozenset[str]) -> bool:
        """Read which zones are served; whether any came or went."""
        config, known = self._config, self._zones
        seq = reader.seq
        moved = reader.moved_since(self._seq) if self._seq is not None else None
        if moved is None:
            zones = {zone for zone, _ in heads(reader)} | known.keys()
        else:
            zones = {ref.zone for name in moved if (ref := read_head(name, lambda _: None)) is not None}
        times = {name: self._time_of(reader, name) for name in made} if self._is_first else {}
        changed = False
        for zone in zones:
            settings = config.zone(zone)
            tip = reader.live(served_ref(reader, zone, settings.branch)) if config.serves(zone) else None
            old = known.get(zone)
            if tip is None:
                if known.pop(zone, None) is not None:
                    self._again.add(zone)  # it may be back before the catalog is made
                    changed = True
                continue
            known[zone] = tip
            changed |= old is None
            since = times.get(settings.catalog) if settings.catalog is not None else None
            if tip != old and _began_again(reader, refs.head(zone, settings.branch), old, since):
                self._again.add(zone)
                changed = True
        self._seq, self._is_first = seq, False
        return changed

    def _time_of(self, reader: StoreReader, name: str) -> int | None:
        """When a catalog was last committed to; None if it isn't there."""
        tip = reader.live(refs.head(name, self._config.zone(name).branch))
        return None if tip is None else Commit.decode(reader.get(tip)).committer.time

    def _make(self, made: frozenset[str], moved: Mapping[tuple[str, str], int], now: int) -> None:
        """Commit to the catalogs whose members differ. `made`: those that this node makes by now."""
        found = {name: self._read(name, is_known=name in made) for name in made | self._configured}
        sound = {name: catalog for name, catalog in found.items() if isinstance(catalog, Catalog)}
        usable = sound.keys() | {name for name, catalog in found.items() if catalog is None}
        ended = made - self._configured
        wanted = self._wanted(usable - ended)
        tag = self._context.random(16)
        listing = next_listing(wanted, sound, moved, frozenset(self._again), ended, tag, now)
        for name in sorted(usable):
            members = listing.members.get(name, {})
            if members != (sound[name].members if name in sound else {}):
                self._commit(name, sound.get(name), members)
            self._gauges.set("catalog_listed_zones", len(members), catalog=name)
        still = {old for old, _ in listing.moved} | (made - ended)
        still |= {name for name in usable - ended if name in sound or listing.members.get(name)}
        for name in sorted(ended - still):
            log.event(_logger, _ENDED, logging.WARNING, catalog=name)
        if made != still or moved != listing.moved:
            keep_listing(self._context, still, listing.moved)
        if not self._failed:
            self._again.clear()

    def _wanted(self, usable: Iterable[str]) -> dict[str, Listed]:
        """How each zone is to be listed: none that is a catalog itself."""
        config, catalogs = self._config, set(usable)
        none = config.catalogs.keys() | self._configured | catalogs
        found: dict[str, Listed] = {}
        for zone in self._zones:
            settings = config.zone(zone)
            if settings.catalog in catalogs and zone not in none:
                found[zone] = Listed(settings.catalog, settings.catalog_group)
        return found

    def _read(self, name: str, *, is_known: bool) -> Catalog | Broken | None:
        """A catalog as it is; `Broken` for a zone that isn't one, which stays as it is."""
        try:
            found = catalog_at(self._context, self._place(name))
        except ZonegitError as error:
            found = Broken(name, (str(error),))
        if isinstance(found, Broken):
            why = "; ".join(found.reasons)
            self._tell(name, why if is_known else f"there is a zone of this name that is no catalog: {why}")
        return found

    def _commit(self, name: str, old: Catalog | None, members: Mapping[str, Member]) -> None:
        try:
            done = commit_catalog(self._context, self._place(name), old, members)
        except ZonegitError as error:
            self._tell(name, str(error))
            return
        self._failed.pop(name, None)
        log.event(_logger, "listed zones in a catalog", catalog=name, zones=len(members), serial=done.serial)

    def _place(self, name: str) -> Position:
        return Position(name, self._config.zone(name).branch)

    def _tell(self, name: str, why: str) -> None:
        """Log what keeps a catalog from being made, once."""
        if self._failed.get(name) != why:
            self._failed[name] = why
            log.event(_logger, "cannot make a catalog", logging.ERROR, catalog=name or "-", error=why)


def _began_again(reader: StoreReader, name: RefName, known: ObjectId | None, since: int | None) -> bool:
    """Whether a branch was removed and added again: since it was at the commit `known`, or else since a time."""
    if known is None and since is None:
        return False
    for entry in islice(reader.reflog(name), _REMEMBERED):
        if entry.new == known if known is not None else entry.who.time <= (since or 0):
            return False
        if entry.old is None or (entry.new is not None and is_tombstone(reader, entry.new)):
            return True
    return False
