"""What the supervisor asks of the repository before it starts or reloads anything.

It opens the store for as long as a call takes; its children open it for themselves.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from zonegit.daemon.freshness import Freshness
from zonegit.daemon.heads import heads
from zonegit.daemon.views import missing
from zonegit.daemon.zone_table import resolve_pin
from zonegit.errors import (
    ConfigError,
    NotFound,
    Refused,
    RevisionError,
    StoreBusy,
    StoreError,
    StoreFull,
    StorePanicked,
)
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reader import StoreReader
from zonegit.store.writer_lock import Patience

_NOT_LONG: Final = Patience(5.0)
_NAMED: Final = 10
"""Branches named in one line of the log."""

_logger: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration that fits the repository."""

    config: Config
    """With pins as commit ids, so that all workers show the same and a pin stands still."""
    lacks_views: bool


def prepare(config: Config, *, create: bool = False) -> Prepared:
    """Open the repository and look up the pins. With `create`, a secondary's is made if there is none.

    `StoreError` when it can't be opened, `ConfigError` when a pinned revision of a zone isn't there.
    """
    store = _opened(config, create=create)
    try:
        with store.read() as reader:
            _tell_absent(config, reader)
            return Prepared(_pinned(config, reader), bool(missing(config, reader)))
    finally:
        store.close()


def _opened(config: Config, *, create: bool) -> LmdbStore:
    """The store; with `create`, a secondary's is made if there is none, or if its making was cut short."""
    try:
        return LmdbStore.open(config.repo, readonly=True)
    except StoreError:
        if config.primary is None or not create:
            raise
        try:
            return LmdbStore.create(config.repo)
        except Refused:  # there is one, so it's something else
            pass
        raise


def note_expired(config: Config, clock: Callable[[], float]) -> None:
    """Before a secondary answers anything: note what has become too old while nothing ran. `StoreError`."""
    primary = config.primary
    if primary is None:
        return
    try:
        with closing(LmdbStore.open(config.repo, patience=_NOT_LONG)) as store:
            branch = partial(_branch, config)
            Freshness(store, primary.name, branch, primary.pull_interval, clock).overdue()
    except (
        StoreFull,
        StoreBusy,
        StorePanicked,
    ) as error:  # the puller tries each second; not to start would help nobody
        log.event(_logger, "zones that are too old can't be noted", logging.ERROR, error=error)


def too_old(config: Config, clock: Callable[[], float]) -> frozenset[str]:
    """The mirrored zones that are past their SOA expire, noted or not; nothing is written. `StoreError`."""
    primary = config.primary
    if primary is None:
        return frozenset()
    store = LmdbStore.open(config.repo, readonly=True)
    try:
        branch = partial(_branch, config)
        return Freshness(store, primary.name, branch, primary.pull_interval, clock).too_old()
    finally:
        store.close()


def _branch(config: Config, zone: str) -> str:
    return config.zone(zone).branch


def _tell_absent(config: Config, reader: StoreReader) -> None:
    """Say which zones and branches aren't here, that the configuration names: they may come yet, or be misspelt."""
    here = set(heads(reader))
    zones = {zone for zone, _ in here}
    named = zones | config.only_zones | config.zones.keys()
    wanted = {(zone, branch) for zone in filter(config.serves, named) for branch in config.zone(zone).branches}
    wanted |= {(zone, config.zone(zone).branch) for zone in filter(config.serves, named - zones)}
    absent = sorted(f"{zone} {branch}" for zone, branch in wanted - here)
    if absent:
        shown = ", ".join(absent[:_NAMED]) + (", ..." if len(absent) > _NAMED else "")
        log.event(_logger, "zones or branches to be served are not here (yet)", logging.WARNING, named=shown)


def _pinned(config: Config, reader: StoreReader) -> Config:
    if config.default_zone.at is None and all(zone.at is None for zone in config.zones.values()):
        return config
    zones = dict(config.zones)
    for zone in {zone for zone, _ in heads(reader)}:
        settings = config.zone(zone)
        if settings.at is None or not config.serves(zone):
            continue
        try:
            zones[zone] = replace(settings, at=resolve_pin(reader, zone, settings).hex())
        except (NotFound, RevisionError) as error:
            raise ConfigError(f"zone {zone} can't be served at {settings.at!r}: {error}") from None
    return replace(config, zones=zones)
