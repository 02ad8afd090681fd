"""What this node says about itself over HTTP: its metrics page, and whether it is ready.

    status = Status(block, store)       # status.app() is for the port of block.listener("metrics")

The store is any open one; the configuration is read from the block, so a reload needs nothing here.
"""

import threading
from dataclasses import replace
from typing import Final

from zonegit.daemon.served_zones import ServedZones
from zonegit.daemon.signature_watch import SignatureWatch
from zonegit.errors import ZonegitError
from zonegit.net.metrics_app import MetricsApp
from zonegit.ops.config import Address, MetricsConfig
from zonegit.ops.metrics import ZoneFacts, ZoneTotals, render
from zonegit.ops.shared import FIRST_WORKER, SharedBlock
from zonegit.repo.failing import failing_peers
from zonegit.repo.left_out import zones_left_out
from zonegit.repo.refused import refused_zones
from zonegit.store.lmdb import LmdbStore, StoreStat

_NO_WORKER: Final = "no DNS worker answers"
_NO_ZONE: Final = "no zone is served"
_DEFAULT: Final = MetricsConfig(Address("127.0.0.1", 0))
_NAMED: Final = 10
"""Zones named in a remark."""


class Status:
    """Facts about the daemon; safe to ask from several threads. `close` it before the store."""

    def __init__(self, block: SharedBlock, store: LmdbStore) -> None:
        self._block = block
        self._store = store
        self._lock = threading.Lock()
        self._served = ServedZones(store)
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
            totals: ZoneTotals | None = None
            stat: StoreStat | None = None
            try:
                zones, totals = self._zones()
                stat = self._store.stat()
            except (ZonegitError, OSError):
                pass  # the counters still tell what goes on
            return render(self._block, zones, stat, accept, totals)

    def unready(self) -> str | None:
        """Why this node isn't ready: no worker yet, or no zone. A secondary has zones once it has synced."""
        workers = range(FIRST_WORKER, FIRST_WORKER + self._block.workers)
        if not any(self._block.is_ready(worker) for worker in workers):
            return _NO_WORKER
        try:
            with self._lock:
                self._served.look(self._block.config())
                return None if self._served.commits else _NO_ZONE
        except ZonegitError as error:
            return str(error)

    def remark(self) -> str:
        """Whether exchanges with the primary fail, and which zones aren't followed or stand still, if any.

        For an operator, no reason to ask another node.
        """
        primary = self._block.config().primary
        if primary is None:
            return ""
        try:
            with self._store.read() as reader:
                refused = sorted(refused_zones(reader).get(primary.name, ()))
                left_out = sorted(zones_left_out(reader).get(primary.name, ()))
                failing = failing_peers(reader).get(primary.name)
        except ZonegitError as error:
            return str(error)
        told = {f"not followed from {primary.name}": refused, f"not taken up from {primary.name}": left_out}
        lines = [failing.told(primary.name)] if failing else []
        return "\n".join(lines + [f"{what}: {_some(zones)}" for what, zones in told.items() if zones])

    def _zones(self) -> tuple[list[ZoneFacts], ZoneTotals]:
        """Facts about the zones that have series of their own, and about all served ones together."""
        config, served = self._block.config(), self._served
        served.look(config)
        commits, old = served.commits, served.expired
        shown = (config.metrics or _DEFAULT).zones_shown(commits)
        ends = self._signatures.ends(commits)
        zones = [
            replace(facts, expired=None if old is None else facts.zone in old, first_end=ends.get(facts.zone))
            for facts in served.facts({zone: commits[zone] for zone in shown})
        ]
        totals = ZoneTotals(
            len(commits), len(zones), None if old is None else len(old), min(ends.values(), default=None)
        )
        return zones, totals


def _some(zones: list[str]) -> str:
    return ", ".join(zones[:_NAMED]) + (", ..." if len(zones) > _NAMED else "")
