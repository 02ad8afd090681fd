"""What this node says about itself over HTTP: its metrics page, and whether it is ready.

    status = Status(block, store)       # status.app() is for the port of block.listener("metrics")

The store is any open one; the configuration is read from the block, so a reload needs nothing here.
"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from zonegit.daemon.heads import heads
from zonegit.daemon.signature_watch import SignatureWatch
from zonegit.daemon.zone_table import resolve_pin
from zonegit.errors import CorruptStore, NotFound, ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.refs import head
from zonegit.model.zone import Zone
from zonegit.net.metrics_app import MetricsApp
from zonegit.ops.config import Config
from zonegit.ops.metrics import ZoneFacts, render
from zonegit.ops.shared import FIRST_WORKER, SharedBlock
from zonegit.repo.refused import refused_zones
from zonegit.store.lmdb import LmdbStore, StoreStat
from zonegit.store.reader import StoreReader
from zonegit.sync.peers import expired_zones

_NO_WORKER: Final = "no DNS worker answers"
_NO_ZONE: Final = "no zone is served"
_NAMED: Final = 10
"""Zones named in a remark."""


class Status:
    """Facts about the daemon; safe to ask from several threads. `close` it before the store."""

    def __init__(self, block: SharedBlock, store: LmdbStore) -> None:
        self._block = block
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ObjectId], ZoneFacts] = {}
        self._signatures = SignatureWatch(store)

    def app(self) -> MetricsApp:
        """The ASGI application for the metrics port."""
        return MetricsApp(self.page, self.unready, self.remark)

    def close(self) -> None:
        self._signatures.close()

    def page(self, accept: str) -> tuple[bytes, str]:
        """The metrics page and its content type; without the store's part when that can't be read."""
        with self._lock:
            zones: list[ZoneFacts] = []
            stat: StoreStat | None = None
            try:
                zones = self._zones()
                ends = self._signatures.ends(dict(self._known.keys()))
                zones = [replace(facts, first_end=ends.get(facts.zone)) for facts in zones]
                stat = self._store.stat()
            except (ZonegitError, OSError):
                pass  # the counters still tell what goes on
            return render(self._block, zones, stat, accept)

    def unready(self) -> str | None:
        """Why this node isn't ready: no worker yet, or no zone. A secondary has zones once it has synced."""
        workers = range(FIRST_WORKER, FIRST_WORKER + self._block.workers)
        if not any(self._block.is_ready(worker) for worker in workers):
            return _NO_WORKER
        try:
            with self._lock:
                return None if self._zones() else _NO_ZONE
        except ZonegitError as error:
            return str(error)

    def remark(self) -> str:
        """Which zones aren't followed from the primary, if any: for an operator, no reason to ask another node."""
        primary = self._block.config().primary
        if primary is None:
            return ""
        try:
            with self._store.read() as reader:
                zones = sorted(refused_zones(reader).get(primary.name, ()))
        except ZonegitError as error:
            return str(error)
        shown = ", ".join(zones[:_NAMED]) + (", ..." if len(zones) > _NAMED else "")
        return f"not followed from {primary.name}: {shown}" if zones else ""

    def _zones(self) -> list[ZoneFacts]:
        """The served zones but for damaged ones; facts of a commit are read once."""
        config = self._block.config()
        known: dict[tuple[str, ObjectId], ZoneFacts] = {}
        with self._store.read() as reader:
            for zone, branch, commit in _served(config, reader):
                facts = self._known.get((zone, commit))
                if facts is None or facts.branch != branch:
                    try:
                        facts = _facts(reader, zone, branch, commit)
                    except (CorruptStore, NotFound):
                        continue  # the workers tell of it, and the other zones are served
                known[zone, commit] = facts
            old = config.expired | expired_zones(reader, config.primary.name) if config.primary else None
        self._known = known
        if old is None:
            return list(known.values())
        return [replace(facts, expired=facts.zone in old) for facts in known.values()]


def _served(config: Config, reader: StoreReader) -> Iterator[tuple[str, str, ObjectId]]:
    """Zone, branch and commit of each served zone."""
    for zone, branch in heads(reader):
        settings = config.zone(zone)
        if branch == settings.branch and config.serves(zone):
            tip = reader.ref(head(zone, branch))
            commit = tip if settings.at is None else resolve_pin(reader, zone, settings)
            if commit is not None:
                yield zone, branch, commit


def _facts(reader: StoreReader, zone: str, branch: str, oid: ObjectId) -> ZoneFacts:
    commit = Commit.decode(reader.get(oid))
    records = Zone.decode(reader.get(commit.zone_root)).records
    return ZoneFacts(zone, branch, commit.serial, records, commit.committer.time)
