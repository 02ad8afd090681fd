"""The puller process: a `Mirror` for each peer, and a `Pusher` for each that it pushes to.

All are tasks of one event loop. It is the only writer of a secondary.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from zonegit.auth.gate import Signer
from zonegit.daemon.local_moves import LocalMoves
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.peer_rules import rules_of
from zonegit.daemon.pusher import Pusher
from zonegit.daemon.signing import primary_keys
from zonegit.daemon.upkeep import ask_for_views
from zonegit.daemon.writers_patience import writers_patience
from zonegit.dns.stats import NOTIFIES_OK
from zonegit.errors import ConfigError
from zonegit.ops.config import Config, PeerConfig, PrimaryConfig
from zonegit.ops.memory import collect_cycles_rarely, give_back_large_blocks
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Pull and push until SIGTERM. `ConfigError`, `KeyFileError` or `StoreError` if it can't start."""
    if not config.called:
        raise ConfigError("the puller needs a [primary] with url and name, or a [[peer]] with both")
    give_back_large_blocks()
    collect_cycles_rarely()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request, including each long-poll
    store = LmdbStore.open(config.repo, patience=writers_patience(_logger))
    samples = block.samples(index)
    store.committed = lambda seconds: samples.observe("store_commit_duration_seconds", seconds)
    try:
        heartbeat = Heartbeat([peer.name for peer in config.called], lambda: block.beat(index))
        asyncio.run(_until_terminated(store, config, block, index, heartbeat))
    finally:
        block.set_ready(index, False)
        store.close()


class Heartbeat:
    """Beats when all mirrors have had a turn since the last beat, so that a stuck one is noticed."""

    def __init__(self, names: Sequence[str], beat: Callable[[], None]) -> None:
        self._names = frozenset(names)
        self._beat = beat
        self._had: set[str] = set()

    def note_turn(self, name: str) -> None:
        """Note that a mirror has had a turn."""
        self._had.add(name)
        if self._had >= self._names:
            self._had.clear()
            self._beat()


def _mirror(
    store: LmdbStore,
    peer: PeerConfig,
    link: PrimaryConfig,
    signer: Signer,
    block: SharedBlock,
    index: int,
    heartbeat: Heartbeat,
) -> Mirror:
    return Mirror(
        store,
        link,
        signer,
        block.samples(index),
        lambda: block.set_ready(index),
        zone=lambda name: block.config().zone(name),
        hints=lambda: block.total(NOTIFIES_OK),
        looked=lambda: heartbeat.note_turn(link.name),
        views_lack=ask_for_views,
        rules=lambda: rules_of(block.config(), peer),
    )


async def _until_terminated(
    store: LmdbStore, config: Config, block: SharedBlock, index: int, heartbeat: Heartbeat
) -> None:
    moves = LocalMoves(store)
    tasks: list[Mirror | Pusher] = []
    for peer in config.called:
        if peer.link is not None:
            signer = Signer(peer.name, primary_keys(config, peer.link), time.time, os.urandom)
            tasks.append(_mirror(store, peer, peer.link, signer, block, index, heartbeat))
            if peer.direction.pushes:
                tasks.append(Pusher(store, peer, peer.link, signer, block.samples(index), moves))

    def reload() -> None:
        for each in tasks:
            each.reload(block.config())

    def report() -> None:
        for each in tasks:
            each.report()

    loop = asyncio.get_running_loop()
    watching = any(isinstance(each, Pusher) for each in tasks)
    work = asyncio.create_task(_run_all([*(each.run for each in tasks), *([moves.run] if watching else [])]))
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_signal_handler(signal.SIGUSR1, report)
    try:
        await work
    except asyncio.CancelledError:
        for each in tasks:
            await each.close()


async def _run_all(tasks: Sequence[Callable[[], Coroutine[None, None, None]]]) -> None:
    """Run until cancelled. Only `StorePanicked` ends it otherwise."""
    async with asyncio.TaskGroup() as group:
        for each in tasks:
            group.create_task(each())
