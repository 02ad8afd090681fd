"""The http process: `/v0` for secondaries and the metrics page, each on its own listener, in one event loop.

There may be more of these processes, which accept from the same replication listener and serve no metrics.
SIGHUP loads all new keys and certificates, or keeps all old ones; SIGTERM answers long-polls and lets streams end.
"""

import asyncio
import logging
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Final

from zonegit.auth.gate import Gate
from zonegit.auth.replay import ReplayWindow
from zonegit.daemon.channels import UPDATER, Sender
from zonegit.daemon.http_preflight import check_http
from zonegit.daemon.passed_updates import PassedUpdates
from zonegit.daemon.signing import load_keys
from zonegit.daemon.status import Status
from zonegit.daemon.tls import replication_tls
from zonegit.daemon.writers_patience import writers_patience
from zonegit.errors import ConfigError, ZonegitError
from zonegit.net.server.fair_queue import FairQueue
from zonegit.net.server.h2_server import H2Server
from zonegit.net.server.pushes import Pushes
from zonegit.net.server.rate_limited_log import RateLimitedLog
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.net.server.unauthenticated import Unauthenticated
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.memory import give_back_large_blocks
from zonegit.ops.samples import Samples
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore
from zonegit.store.writer_lock import Patience

SCRAPERS: Final = 64
"""Connections to the metrics page from one source; one more closes the one that was idle longest."""

_BRIEFLY: Final = Patience(0.5)
"""How long the first push waits for another writer. Nothing else is answered meanwhile."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Serve until SIGTERM. `ConfigError`, `KeyFileError` or `StoreError` if it can't start."""
    give_back_large_blocks()
    gate = _gate(config) if config.replication else None
    store = LmdbStore.open(config.repo, readonly=True, patience=writers_patience(_logger))
    status = Status(block, store)
    try:
        asyncio.run(_serve(block, index, store, gate, status))
    finally:
        block.set_ready(index, False)
        status.close()
        store.close()


def _gate(config: Config) -> Gate:
    check_http(config)
    if config.replication is None or config.keys is None:
        raise ConfigError("replication isn't configured")
    replay = ReplayWindow(steady=time.monotonic)
    return Gate(config.replication.name, load_keys(config.keys), time.time, replay=replay)


async def _serve(block: SharedBlock, index: int, store: LmdbStore, gate: Gate | None, status: Status) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    samples = block.samples(index)
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, _report, gate)
    fair_queue, client_log = FairQueue(), RateLimitedLog()
    for other in ("hypercorn.error", "asyncio"):  # clients without a key can cause their lines, too
        logging.getLogger(other).addFilter(client_log)
    async with asyncio.TaskGroup() as group:
        listener = block.listener("replication")
        section = block.config().replication
        if gate is not None and listener is not None and section is not None:
            bounds = section.limits
            pushes = Pushes(
                store,
                samples,
                lambda kid, zone: block.config().pushed_policy(zone, kid),
                bounds,
                name_of=lambda kid: block.config().pusher(kid),
                prepare=partial(store.begin_writing, _BRIEFLY),
            )
            updates = PassedUpdates(Sender(block.channel_ends(UPDATER)), block.config, samples)
            app = ReplicationApp(
                store,
                gate,
                samples,
                workers=len(block.http),
                logged=section.access_log,
                bounds=bounds,
                client_log=client_log,
                pushes=pushes,
                updates=updates,
            )
            server = H2Server(
                app,
                connections=section.connections_per_source,
                bounds=bounds,
                tls=replication_tls(section),
                fair_queue=fair_queue,
                client_log=client_log,
            )
            loop.add_signal_handler(signal.SIGHUP, _reload, block, gate, server, samples)
            _catch_up(block.config(), gate, server)
            share = _Share(block, index) if len(block.http) > 1 else None
            group.create_task(server.serve([listener], stop, app.drain, share))
        listener = block.listener("metrics")
        if listener is not None:
            scrapers = Unauthenticated(per_source=SCRAPERS, seconds=None)
            metrics = H2Server(
                status.app(), unauthenticated=scrapers, fair_queue=fair_queue, client_log=client_log, keyless=True
            )
            group.create_task(metrics.serve([listener], stop))
        block.set_ready(index)


class _Share:
    """`net.acceptor.Share` over the shared block."""

    def __init__(self, block: SharedBlock, index: int) -> None:
        self._block = block
        self._index = index
        self._others = [other for other in block.http if other != index]

    def note(self, count: int) -> None:
        self._block.note_connections(self._index, count)

    def is_ahead(self, count: int) -> bool:
        block = self._block
        return any(block.is_ready(other) and block.connections(other) < count for other in self._others)


def _catch_up(config: Config, gate: Gate, server: H2Server) -> None:
    """Load keys and certificates once more: a reload may have come before its handler was installed."""
    if config.replication is None or config.keys is None:
        return
    with suppress(ZonegitError):  # then those that were loaded before stay
        gate.keyring, server.tls = load_keys(config.keys), replication_tls(config.replication)


def _reload(block: SharedBlock, gate: Gate, server: H2Server, samples: Samples) -> None:
    config = block.config()
    if config.replication is None or config.keys is None:
        return
    try:
        keys, tls = load_keys(config.keys), replication_tls(config.replication)
    except ZonegitError as error:
        log.event(_logger, "reload refused; keeping the previous keys", logging.ERROR, error=error)
        samples.set("keys_reload_failed", 1)
    else:
        gate.keyring, server.tls = keys, tls
        samples.set("keys_reload_failed", 0)
        log.event(_logger, "keys reloaded", keys=len(gate.keyring))


def _report(gate: Gate | None) -> None:
    log.event(_logger, "state", keys=len(gate.keyring) if gate else 0)
