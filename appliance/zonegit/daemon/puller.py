"""The puller process: a `Mirror` in an event loop, with its signals. The only writer of a secondary."""

import asyncio
import logging
import os
import signal
import time
from typing import Final

from zonegit.auth.gate import Signer
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.signing import primary_keys
from zonegit.daemon.upkeep import ask_for_views
from zonegit.daemon.writers_patience import writers_patience
from zonegit.dns.stats import NOTIFIES_OK
from zonegit.errors import ConfigError
from zonegit.ops.config import Config
from zonegit.ops.memory import give_back_large_blocks
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Pull until SIGTERM. `ConfigError`, `KeyFileError` or `StoreError` when that can't begin."""
    primary = config.primary
    if primary is None:
        raise ConfigError("the puller needs a [primary] with url and name")
    give_back_large_blocks()
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request, each long-poll too
    store = LmdbStore.open(config.repo, patience=writers_patience(_logger))
    samples = block.samples(index)
    store.committed = lambda seconds: samples.observe("store_commit_duration_seconds", seconds)
    try:
        signer = Signer(primary.name, primary_keys(config, primary), time.time, os.urandom)
        mirror = Mirror(
            store,
            primary,
            signer,
            samples,
            lambda: block.set_ready(index),
            zone=lambda name: block.config().zone(name),
            hints=lambda: block.total(NOTIFIES_OK),
            looked=lambda: block.beat(index),
            views_lack=ask_for_views,
        )
        asyncio.run(_until_terminated(mirror, block))
    finally:
        block.set_ready(index, False)
        store.close()


async def _until_terminated(mirror: Mirror, block: SharedBlock) -> None:
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(mirror.run())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    loop.add_signal_handler(signal.SIGHUP, lambda: mirror.reload(block.config()))
    loop.add_signal_handler(signal.SIGUSR1, mirror.report)
    try:
        await work
    except asyncio.CancelledError:
        await mirror.close()
