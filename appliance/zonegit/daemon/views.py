"""A short-lived process that gives served heads the views they lack; workers answer from the trees meanwhile."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from zonegit.errors import CorruptStore, NotFound
from zonegit.model.refs import RefName, head, parse
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import SharedBlock
from zonegit.ops.values import parse_canary
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
        for name in make(store, names):
            log.event(_logger, "served view made", ref=name)
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
    tips = [name for name, _ in reader.refs("refs/heads/")]
    wanted: set[RefName] = set()
    for zone in {parse(name).zone for name in tips}:
        if config.only_zones and zone not in config.only_zones:
            continue
        settings = config.zone(zone)
        if settings.at is None:
            wanted.add(head(zone, settings.branch))
        if settings.canary:
            wanted.add(head(zone, parse_canary(settings.canary)[0]))
    return [name for name in tips if name in wanted and _lacks_view(reader, name)]


def _lacks_view(reader: StoreReader, name: RefName) -> bool:
    try:
        return reader.view(name) is None
    except CorruptStore:
        return False  # `zonegit reindex` makes it again; the tree answers meanwhile
