"""The part of the refresher process that makes and follows catalogs, beside its transfers.

It looks at the repository's last transaction id fifty times a second, on the event loop. What is to be done
then may wait for another writer, so it is done on another thread; metrics are set on the loop's, since an area of
them has one writer.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from zonegit.daemon.catalog_consumer import CatalogConsumer
from zonegit.daemon.catalog_gauges import Gauges
from zonegit.daemon.catalog_producer import CatalogProducer
from zonegit.daemon.member_watch import members_changed
from zonegit.errors import ZonegitError
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.samples import Samples
from zonegit.store.lmdb import LmdbStore

_LOOK: Final = 0.02
_AT_LEAST: Final = 1.0
"""Seconds between two looks while nothing moves: something may be due by the clock."""

_logger: Final = logging.getLogger(__name__)


class Catalogs:
    """For one event loop, in which `run` has to be running."""

    def __init__(
        self, store: LmdbStore, config: Config, samples: Samples, announce: Callable[[], None] = members_changed
    ) -> None:
        """`announce` is called when followed catalogs have other members."""
        self._store = store
        self._gauges = Gauges()
        self._samples = samples
        self._producer = CatalogProducer(store, config, self._gauges)
        self._consumer = CatalogConsumer(store, config, self._gauges, announce)
        self._configs: list[Config] = []
        self._seldom = log.Seldom(_logger)

    def configure(self, config: Config) -> None:
        """Go by another configuration from the next look on."""
        self._configs = [config]

    async def run(self) -> None:
        """Make and follow catalogs until cancelled."""
        seen, quiet = -1, 0.0
        while True:
            try:
                txn = self._store.txn_id()
                if txn != seen or self._configs or quiet >= _AT_LEAST:
                    seen, quiet = txn, 0.0
                    await asyncio.to_thread(self._look)
                    self._gauges.give(self._samples)
            except ZonegitError as error:
                self._seldom("cannot look for what catalogs change", error)
            await asyncio.sleep(_LOOK)
            quiet += _LOOK

    def _look(self) -> None:
        if self._configs:
            config = self._configs.pop()
            self._producer.configure(config)
            self._consumer.configure(config)
        self._consumer.look()
        self._producer.look()
