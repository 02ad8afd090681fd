"""The served commit of every zone, and facts about some zones, kept current by the store's journal.

For metrics, not for answering: the cost of a scrape depends on what moved since the last one, and on how many zones
are asked about.
"""

from collections.abc import Mapping
from typing import Final

from zonegit.daemon.expired_zones import zones_on_record
from zonegit.daemon.heads import heads, read_head
from zonegit.daemon.zone_table import resolve_pin
from zonegit.errors import CorruptStore, NotFound
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.zone import Zone
from zonegit.ops.config import Config
from zonegit.ops.metrics import ZoneFacts
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reader import StoreReader
from zonegit.store.served import served_ref

_NONE: Final[frozenset[str]] = frozenset()


class ServedZones:
    """For one thread at a time."""

    def __init__(self, store: LmdbStore) -> None:
        self._store = store
        self._config: Config | None = None
        self._seq: int | None = None
        self._facts: dict[str, tuple[ObjectId, ZoneFacts]] = {}
        self.commits: dict[str, ObjectId] = {}
        """By zone."""
        self.expired: frozenset[str] | None = None
        """Zones past their SOA expire; None on a node that neither mirrors nor transfers any."""

    def look(self, config: Config) -> None:
        """Catch up with what moved."""
        with self._store.read() as reader:
            seq = reader.seq
            known = self._seq if config is self._config else None
            moved = reader.moved_since(known) if known is not None else None
            self._seq, self._config = None, config  # until everything is read
            if moved is None:
                self.commits = {}
                zones = {zone for zone, _ in heads(reader)}
            else:
                zones = {ref.zone for name in moved if (ref := read_head(name, lambda _: None)) is not None}
            for zone in zones:
                self._take(reader, config, zone)
            self.expired = None
            if config.pulled or config.transfers_in:
                noted = zones_on_record(config, reader)
                self.expired = noted & self.commits.keys() if noted else _NONE
            self._seq = seq

    def facts(self, zones: Mapping[str, ObjectId]) -> list[ZoneFacts]:
        """Facts about these zones at these commits, without damaged ones. Facts about others are forgotten."""
        found: dict[str, tuple[ObjectId, ZoneFacts]] = {}
        config = self._config
        if config is None:
            return []
        with self._store.read() as reader:
            for zone, commit in zones.items():
                known = self._facts.get(zone)
                branch = config.zone(zone).branch
                if known is not None and (known[0], known[1].branch) == (commit, branch):
                    found[zone] = known
                    continue
                try:
                    found[zone] = commit, _facts(reader, zone, branch, commit)
                except (CorruptStore, NotFound):
                    continue  # the workers log it, and the other zones are served
        self._facts = found
        return [facts for _, facts in found.values()]

    def _take(self, reader: StoreReader, config: Config, zone: str) -> None:
        """Update one zone."""
        settings = config.zone(zone)
        tip: ObjectId | None = None
        try:
            if config.serves(zone):
                tip = reader.live(served_ref(reader, zone, settings.branch))
            if tip is not None and settings.at is not None:
                tip = resolve_pin(reader, zone, settings)
        except CorruptStore:
            tip = None
        if tip is None:
            self.commits.pop(zone, None)
        else:
            self.commits[zone] = tip


def _facts(reader: StoreReader, zone: str, branch: str, oid: ObjectId) -> ZoneFacts:
    commit = Commit.decode(reader.get(oid))
    records = Zone.decode(reader.get(commit.zone_root)).records
    return ZoneFacts(zone, branch, commit.serial, records, commit.committer.time)
