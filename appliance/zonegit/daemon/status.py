"""This node's metrics page and readiness over HTTP.

    status = Status(block, store)       # status.app() is for the port of block.listener("metrics")

Any open `LmdbStore` will do. The configuration is read from the block, so a reload needs no call here.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Final

from zonegit.daemon.served_zones import ServedZones
from zonegit.daemon.signature_watch import SignatureWatch
from zonegit.errors import ZonegitError
from zonegit.net.server.metrics_app import MetricsApp
from zonegit.ops.address import Address
from zonegit.ops.config import Config, MetricsConfig
from zonegit.ops.metrics import ZoneFacts, ZoneTotals, render
from zonegit.ops.shared import FIRST_WORKER, SharedBlock
from zonegit.repo.diverged import diverged
from zonegit.repo.incoming.state import transfer_state, transfer_states
from zonegit.repo.peer_status import FAILING, LEFT_OUT, REFUSED
from zonegit.store.lmdb import LmdbStore, StoreStat
from zonegit.store.port import Reader

_NO_WORKER: Final = "no DNS worker answers"
_NO_ZONE: Final = "no zone is served"
_DEFAULT: Final = MetricsConfig(Address("127.0.0.1", 0))
_NAMED: Final = 10
"""Zones named in a remark."""


class Status:
    """Metrics and readiness of the daemon. Threads may share it. `close` it before the store."""

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
        """The metrics page (`ops.metrics`) and its content type, without the store's part if that can't be read."""
        with self._lock:
            zones: list[ZoneFacts] = []
            totals: ZoneTotals | None = None
            stat: StoreStat | None = None
            try:
                zones, totals = self._zones()
                stat = self._store.stat()
            except (ZonegitError, OSError):
                pass  # the counters are still reported
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
        """Failing peers, and zones that aren't followed, aren't accepted or have diverged: a line each, or empty.

        This is for an operator; it doesn't make the node unready.
        """
        config = self._block.config()
        try:
            with self._store.read() as reader:
                lines = [line for peer in config.called for line in _of_peer(reader, peer.name)]
                lines += _of_transfers(reader, config)
                apart = sorted({each.zone for each in diverged(reader)})
        except ZonegitError as error:
            return str(error)
        return "\n".join([*lines, f"diverged: {_some(apart)}"] if apart else lines)

    def _zones(self) -> tuple[list[ZoneFacts], ZoneTotals]:
        """Facts about the zones with series of their own, and totals of all served zones."""
        config, served = self._block.config(), self._served
        served.look(config)
        commits, old = served.commits, served.expired
        shown = (config.metrics or _DEFAULT).zones_shown(commits)
        ends = self._signatures.ends(commits)
        zones = [
            facts._replace(expired=None if old is None else facts.zone in old, first_end=ends.get(facts.zone))
            for facts in served.facts({zone: commits[zone] for zone in shown})
        ]
        with self._store.read() as reader:
            apart = Counter(each.zone for each in diverged(reader))
            zones = [_with_age(reader, config, facts) for facts in zones]
        expired = None if old is None else len(old)
        totals = ZoneTotals(len(commits), len(zones), expired, min(ends.values(), default=None), apart)
        return zones, totals


def _of_peer(reader: Reader, peer: str) -> Iterator[str]:
    """Remarks about exchanges with one peer."""
    if failing := FAILING.read(reader).get(peer):
        yield failing.message(peer)
    if refused := sorted(REFUSED.read(reader).get(peer, ())):
        yield f"not followed from {peer}: {_some(refused)}"
    if left_out := sorted(LEFT_OUT.read(reader).get(peer, ())):
        yield f"not accepted from {peer}: {_some(left_out)}"


def _of_transfers(reader: Reader, config: Config) -> Iterator[str]:
    """Remarks about zones that are transferred from other servers."""
    if not config.transfers_in:
        return
    states = [(zone, state) for zone, state in transfer_states(reader) if config.zone(zone).primaries]
    if expired := [zone for zone, state in states if state.expired]:
        yield f"expired: {_some(expired)}"
    if failing := [zone for zone, state in states if state.failing_since is not None]:
        yield f"not transferred: {_some(failing)}"


def _with_age(reader: Reader, config: Config, facts: ZoneFacts) -> ZoneFacts:
    """The facts about a zone, with its age if it is transferred."""
    if not config.zone(facts.zone).primaries:
        return facts
    state = transfer_state(reader, facts.zone)
    if state is None or state.checked is None:
        return facts
    return facts._replace(checked=state.checked, expires=state.checked + state.expire)


def _some(zones: list[str]) -> str:
    return ", ".join(zones[:_NAMED]) + (", ..." if len(zones) > _NAMED else "")
