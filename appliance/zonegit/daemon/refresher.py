"""The refresher process: transfers zones from other name servers and keeps them current (`refresh_schedule`),
and makes and follows catalogs (`catalogs`)."""

import asyncio
import logging
import signal
from typing import Final

from zonegit.daemon.catalogs import Catalogs
from zonegit.daemon.channels import REFRESHER, Receiver
from zonegit.daemon.exchanges import Exchanges
from zonegit.daemon.refresh_schedule import RefreshSchedule
from zonegit.daemon.storing import StoringProcess
from zonegit.daemon.transfers import fresh_keys, tsig_keys
from zonegit.daemon.upkeep import ask_for_views
from zonegit.daemon.writers_patience import writers_patience
from zonegit.dns.notice import notice_of
from zonegit.ops.config import Config
from zonegit.ops.memory import collect_cycles_rarely, give_back_large_blocks
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore

_PAUSE: Final = 0.01
_LONGEST: Final = 200
"""Seconds between two checks whether workers use a new configuration, and how many there are at most: a worker that
doesn't react is replaced by one that does."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Transfer zones until SIGTERM. `ConfigError`, `KeyFileError` or `StoreError` if it can't start."""
    give_back_large_blocks()
    collect_cycles_rarely()
    store = LmdbStore.open(config.repo, patience=writers_patience(_logger))
    try:
        asyncio.run(_until_terminated(store, config, block, index))
    finally:
        block.set_ready(index, False)
        store.close()


async def _until_terminated(store: LmdbStore, config: Config, block: SharedBlock, index: int) -> None:
    keys = tsig_keys(config)
    exchanges = Exchanges(lambda: keys, config.dns.incoming_limits)
    storing = StoringProcess(config.repo, config.log)
    schedule = RefreshSchedule(
        store, exchanges, block.samples(index), lambda: block.beat(index), ask_for_views, storing
    )
    catalogs = Catalogs(store, config, block.samples(index))
    reloads = asyncio.Event()

    def reload() -> None:
        nonlocal keys
        keys = fresh_keys(block.config(), keys)
        exchanges.forget()
        schedule.configure(block.config())
        catalogs.configure(block.config())

    loop = asyncio.get_running_loop()
    receiver = Receiver(block.channel_ends(REFRESHER))

    def receive() -> None:
        for _, request in receiver.receive(0):
            notice = notice_of(request.packet)
            if notice is not None:
                schedule.notified(notice, request.client)

    async def reload_in_time() -> None:
        """Use each new configuration once all workers answer by it: no zone comes before its settings."""
        while True:
            await reloads.wait()
            reloads.clear()
            for _ in range(_LONGEST):
                if block.is_config_in_force:
                    break
                await asyncio.sleep(_PAUSE)
            reload()

    async def transfer_and_follow() -> None:
        async with asyncio.TaskGroup() as group:
            for each in (schedule.run(), catalogs.run(), reload_in_time()):
                group.create_task(each)

    loop.add_reader(receiver.fileno(), receive)
    work = asyncio.create_task(transfer_and_follow())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    loop.add_signal_handler(signal.SIGHUP, reloads.set)
    loop.add_signal_handler(signal.SIGUSR1, schedule.report)
    reload()
    block.set_ready(index)
    try:
        await work
    except asyncio.CancelledError:
        await schedule.close()
    finally:
        loop.remove_reader(receiver.fileno())
        receiver.close()
        exchanges.close_idle(-1.0)
