"""The http process: `/v0` for secondaries and the metrics page, each on its own listener, in one event loop.

There may be more of them, which take connections from the same replication listener and serve no metrics.
SIGHUP takes new keys and certificates as a whole or keeps the old ones; SIGTERM answers long-polls and lets streams
end.
"""

import asyncio
import logging
import signal
import time
from contextlib import suppress
from typing import Final

from zonegit.auth.gate import Gate
from zonegit.auth.replay import ReplayWindow
from zonegit.daemon.cleartext import check_replication
from zonegit.daemon.signing import load_keys
from zonegit.daemon.status import Status
from zonegit.daemon.tls import replication_tls
from zonegit.errors import ConfigError, ZonegitError
from zonegit.net.h2_serving import H2Server
from zonegit.net.http_server import ReplicationApp
from zonegit.net.refusals import Refusals
from zonegit.net.rounds import Rounds
from zonegit.net.strangers import Strangers
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.memory import give_back_large_blocks
from zonegit.ops.samples import Samples
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore

SCRAPERS: Final = 64
"""Connections to the metrics page from one source; one more closes the one that was silent longest."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Serve until SIGTERM. `ConfigError`, `KeyFileError` or `StoreError` when that can't begin."""
    give_back_large_blocks()
    gate = _gate(config) if config.replication else None
    store = LmdbStore.open(config.repo, readonly=True)
    status = Status(block, store)
    try:
        asyncio.run(_serve(block, index, store, gate, status))
    finally:
        block.set_ready(index, False)
        status.close()
        store.close()


def _gate(config: Config) -> Gate:
    check_replication(config)
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
    rounds, refusals = Rounds(), Refusals()
    for other in ("hypercorn.error", "asyncio"):  # which strangers can make write, too
        logging.getLogger(other).addFilter(refusals)
    async with asyncio.TaskGroup() as group:
        listener = block.listener("replication")
        section = block.config().replication
        if gate is not None and listener is not None and section is not None:
            bounds = section.limits
            app = ReplicationApp(
                store,
                gate,
                samples,
                workers=len(block.http),
                logged=section.access_log,
                bounds=bounds,
                refusals=refusals,
            )
            server = H2Server(
                app,
                connections=section.connections_per_source,
                bounds=bounds,
                tls=replication_tls(section),
                rounds=rounds,
                refusals=refusals,
            )
            loop.add_signal_handler(signal.SIGHUP, _reload, block, gate, server, samples)
            _catch_up(block.config(), gate, server)
            share = _Share(block, index) if len(block.http) > 1 else None
            group.create_task(server.serve([listener], stop, app.drain, share))
        listener = block.listener("metrics")
        if listener is not None:
            scrapers = Strangers(per_source=SCRAPERS, seconds=None)
            metrics = H2Server(status.app(), strangers=scrapers, rounds=rounds, refusals=refusals, keyless=True)
            group.create_task(metrics.serve([listener], stop))
        block.set_ready(index)


class _Share:
    """`net.accepting.Share` over the shared block."""

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
    """Read keys and certificates once more: a reload may have come before there was anything to take it."""
    if config.replication is None or config.keys is None:
        return
    with suppress(ZonegitError):  # then what was read before is whole
        gate.keyring, server.tls = load_keys(config.keys), replication_tls(config.replication)


def _reload(block: SharedBlock, gate: Gate, server: H2Server, samples: Samples) -> None:
    config = block.config()
    if config.replication is None or config.keys is None:
        return
    try:
        keys, tls = load_keys(config.keys), replication_tls(config.replication)
    except ZonegitError as error:
        log.event(_logger, "reload refused, the old keys stay", logging.ERROR, error=error)
        samples.set("keys_reload_failed", 1)
    else:
        gate.keyring, server.tls = keys, tls
        samples.set("keys_reload_failed", 0)
        log.event(_logger, "keys reloaded", keys=len(gate.keyring))


def _report(gate: Gate | None) -> None:
    log.event(_logger, "state", keys=len(gate.keyring) if gate else 0)
