"""A short-lived process that makes missing views of served heads; workers answer from the trees meanwhile."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from time import sleep
from typing import Final

from zonegit.daemon.heads import heads, viewed
from zonegit.daemon.writers_patience import writers_patience
from zonegit.errors import CorruptStore, NotFound, StoreBusy, StoreFull
from zonegit.model.refs import RefName
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Reader, Store
from zonegit.store.served import served_ref

_PART: Final = 5000
"""Records of a view that are written in one transaction: about 50 ms."""
_AGAIN: Final = 5.0
"""Seconds between two attempts while the disk is full."""
_PAUSE: Final = 0.005
"""Seconds between two transactions, so that a waiting writer gets its turn."""

_logger: Final = logging.getLogger(__name__)


def run(config: Config, _block: SharedBlock, _index: int) -> None:
    """Make the missing views."""
    store = LmdbStore.open(config.repo, patience=writers_patience(_logger))
    try:
        with store.read() as reader:
            names = missing(config, reader)
        keep = max((link.limits.disk_free for link in config.pulled), default=0)
        for name in names:
            _make_once_there_is_room(store, name, keep)
    finally:
        store.close()


def _make_once_there_is_room(store: Store, name: RefName, keep: int) -> None:
    seldom = log.Seldom(_logger)
    while True:
        try:
            for made in make(store, [name], keep):
                log.event(_logger, "served view made", ref=made)
            return
        except (StoreFull, StoreBusy) as error:
            seldom("cannot make a served view yet", error)
            sleep(_AGAIN)
        except CorruptStore as error:
            log.event(_logger, "cannot make a served view", logging.ERROR, ref=name, error=error)
            return


def make(store: Store, names: Iterable[RefName], keep: int = 0) -> Iterator[RefName]:
    """Make a view of each of these heads, in short transactions between which others can write.

    Yields each head that is done. `StoreFull` also if fewer than `keep` bytes are free (`Store.has_room`): a view
    may be thousands of times as large as what a primary sent for it.
    """
    for name in names:
        with suppress(NotFound):  # the head was deleted since
            while not _part(store, name, keep):
                sleep(_PAUSE)
            yield name


def _part(store: Store, name: RefName, keep: int) -> bool:
    if not store.has_room(keep):
        raise StoreFull("no space is left: some of the disk stays free (disk_free in [primary.limits])")
    with store.write() as writer:
        return writer.show_part(name, _PART)


def lacking(store: Store, names: Iterable[RefName]) -> list[RefName]:
    """The heads among `names` that have no view."""
    with store.read() as reader:
        return [name for name in names if _lacks_view(reader, name)]


def _lacks_view(reader: Reader, name: RefName) -> bool:
    try:
        return reader.live(name) is not None and reader.view(name) is None
    except CorruptStore:
        return False  # `zonegit reindex` repairs it; the tree answers meanwhile


def missing(config: Config, reader: Reader) -> list[RefName]:
    """Served heads without a view. A damaged view counts as present: `zonegit reindex` repairs it."""
    served = {
        (zone, branch)
        for zone, branch in heads(reader)
        if config.serves(zone) and branch in config.zone(zone).branches
    }
    return [served_ref(reader, zone, branch) for zone, branch in sorted(served - viewed(reader))]
