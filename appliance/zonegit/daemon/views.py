"""A short-lived process that gives served heads the views they lack; workers answer from the trees meanwhile."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from zonegit.daemon.heads import heads, viewed
from zonegit.errors import CorruptStore, NotFound
from zonegit.model.refs import RefName, head
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Reader, Store

_logger: Final = logging.getLogger(__name__)


def run(config: Config, _block: SharedBlock, _index: int) -> None:
    """Make the missing views, one transaction each."""
    store = LmdbStore.open(config.repo)
    try:
        with store.read() as reader:
            names = missing(config, reader)
        for name in names:
            try:
                for made in make(store, [name]):
                    log.event(_logger, "served view made", ref=made)
            except CorruptStore as error:
                log.event(_logger, "served view can't be made", logging.ERROR, ref=name, error=error)
    finally:
        store.close()


def make(store: Store, names: Iterable[RefName]) -> Iterator[RefName]:
    """Give each of these heads a view, in a transaction of its own, and tell when it has one."""
    for name in names:
        with suppress(NotFound):  # the head was deleted since
            with store.write() as writer:
                writer.show(name)
            yield name


def missing(config: Config, reader: Reader) -> list[RefName]:
    """Served heads without a view. One that is damaged counts as there: `zonegit reindex` makes it again."""
    served = {
        (zone, branch)
        for zone, branch in heads(reader)
        if config.serves(zone) and branch in config.zone(zone).branches
    }
    return [head(zone, branch) for zone, branch in sorted(served - viewed(reader))]
