"""A short-lived process that gives served heads the views they lack; workers answer from the trees meanwhile."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from zonegit.daemon.heads import heads
from zonegit.errors import CorruptStore, NotFound
from zonegit.model.refs import RefName
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Store
from zonegit.store.reader import StoreReader

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


def missing(config: Config, reader: StoreReader) -> list[RefName]:
    """Served heads without a view."""
    tips = [ref for ref, _ in heads(reader) if config.serves(ref.zone)]
    served = [ref.full for ref in tips if ref.name in config.zone(ref.zone).branches]
    return [name for name in served if _lacks_view(reader, name)]


def _lacks_view(reader: StoreReader, name: RefName) -> bool:
    try:
        return reader.view(name) is None
    except CorruptStore:
        return False  # `zonegit reindex` makes it again; the tree answers meanwhile
