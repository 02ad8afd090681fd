"""What the supervisor checks in the repository before it starts or reloads anything.

It opens the store for the duration of a call only; its children open it themselves.
"""

import logging
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.daemon.expired_zones import overdue_transfers, record_overdue
from zonegit.daemon.freshness import Freshness
from zonegit.daemon.heads import heads
from zonegit.daemon.places import places_of
from zonegit.daemon.transfers import tsig_keys
from zonegit.daemon.views import missing
from zonegit.daemon.zone_table import resolve_pin
from zonegit.errors import (
    NotFound,
    Refused,
    RevisionError,
    StoreBusy,
    StoreError,
    StoreFull,
    StorePanicked,
)
from zonegit.model import refs
from zonegit.ops import log
from zonegit.ops.catalog_members import with_members
from zonegit.ops.config import Config
from zonegit.ops.config_source import mentioned
from zonegit.ops.publish_policies import policies_of
from zonegit.ops.validator import validate
from zonegit.repo.catalog.made import made_catalogs
from zonegit.repo.catalog.membership import members_here
from zonegit.repo.context import Context
from zonegit.repo.incoming.state import transfer_states
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish
from zonegit.repo.publishing.reading import own_publications, published_at
from zonegit.repo.results import Position
from zonegit.ssh.files import read_allowed_signers
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reader import StoreReader
from zonegit.store.writer_lock import Patience

_NOT_LONG: Final = Patience(5.0)
_NAMED: Final = 10
"""Branches named in one log line."""

_logger: Final = logging.getLogger(__name__)


class Prepared(NamedTuple):
    """A configuration that fits the repository."""

    config: Config
    """With pins as commit ids, so that all workers serve the same commit and a pin never moves; with the members of
    followed catalogs, and whether there are TSIG keys."""
    lacks_views: bool
    published: bool
    """Whether any branch has a published version that was made here."""
    transferred: bool = False
    """Whether any branch is written by transfers only."""


def prepare(config: Config, *, create: bool = False) -> Prepared:
    """Open the repository and resolve the pins. With `create`, a missing one that others fill is created.

    `StoreError` if it can't be opened, `ConfigError` if a pinned revision of a zone doesn't exist or a file with
    facts about addresses can't be used, `AllowedSignersError` for a policy's file, `KeyFileError`.
    """
    places_of(config)
    for place, policy in policies_of(config.zones).items():
        _check_people(place, policy)
    _tell_unrunnable(config)
    store = _opened(config, create=create)
    try:
        with store.read() as reader:
            _tell_absent(config, reader)
            published = any(own_publications(reader))
            transferred = next(transfer_states(reader), None) is not None or bool(made_catalogs(reader))
            fit = with_members(_pinned(config, reader), members_here(reader))
            fit = replace(fit, has_tsig_keys=bool(tsig_keys(config)))
            return Prepared(fit, bool(missing(config, reader)), published, transferred)
    finally:
        store.close()


def _opened(config: Config, *, create: bool) -> LmdbStore:
    """The store; with `create`, one that other servers fill is created if it is missing or was not completed."""
    try:
        return LmdbStore.open(config.repo, readonly=True)
    except StoreError:
        if not (config.pulled or config.peers or config.transfers_in) or not create:
            raise
        try:
            return LmdbStore.create(config.repo)
        except Refused:  # it exists, so the error is another one
            pass
        raise


def note_expired(config: Config, clock: Callable[[], float]) -> None:
    """Before a secondary answers anything: record the zones that expired while it was down. `StoreError`."""
    if not (config.pulled or config.transfers_in):
        return
    try:
        with closing(LmdbStore.open(config.repo, patience=_NOT_LONG)) as store:
            branch = partial(_branch, config)
            for link in config.pulled:
                Freshness(store, link.name, branch, link.pull_interval, clock).overdue()
            record_overdue(config, store, clock)
    except (
        StoreFull,
        StoreBusy,
        StorePanicked,
    ) as error:  # the puller retries each second; refusing to start would help nobody
        log.event(_logger, "cannot record the zones past their SOA expire", logging.ERROR, error=error)


def close_absent(config: Config, clock: Callable[[], float]) -> None:
    """Before a peer fills a zone that has a policy: have nothing of it served until it passes. `StoreError`.

    The publisher would take what the peer has sent until its first look for what was served until then.
    """
    policies = policies_of(config.zones)
    if not policies:
        return
    with closing(LmdbStore.open(config.repo, readonly=True)) as store, store.read() as reader:
        absent = [
            place
            for place in policies
            if reader.ref(refs.head(place.zone, place.branch)) is None and published_at(reader, place) is None
        ]
    if absent:
        with closing(LmdbStore.open(config.repo, patience=_NOT_LONG)) as store:
            for place in absent:
                publish(Context.over(store, clock), place, policies[place], validate)


def too_old(config: Config, clock: Callable[[], float]) -> frozenset[str]:
    """The mirrored and transferred zones that are past their SOA expire, recorded or not; writes nothing.

    `StoreError`.
    """
    if not (config.pulled or config.transfers_in):
        return frozenset()
    store = LmdbStore.open(config.repo, readonly=True)
    try:
        branch = partial(_branch, config)
        each = (Freshness(store, link.name, branch, link.pull_interval, clock) for link in config.pulled)
        with store.read() as reader:
            transferred = overdue_transfers(config, reader, clock)
        return frozenset(transferred).union(*(found.too_old() for found in each))
    finally:
        store.close()


def _branch(config: Config, zone: str) -> str:
    return config.zone(zone).branch


def _tell_absent(config: Config, reader: StoreReader) -> None:
    """Log the configured zones and branches that don't exist: they may come yet, or be misspelt."""
    here = set(heads(reader))
    zones = {zone for zone, _ in here}
    named = zones | config.only_zones | config.zones.keys()
    wanted = {(zone, branch) for zone in filter(config.serves, named) for branch in config.zone(zone).branches}
    wanted |= {(zone, config.zone(zone).branch) for zone in filter(config.serves, named - zones)}
    made = config.made_catalogs
    absent = sorted(
        f"{zone} {branch}" for zone, branch in wanted - here if not config.zone(zone).primaries and zone not in made
    )
    if absent:
        shown = ", ".join(absent[:_NAMED]) + (", ..." if len(absent) > _NAMED else "")
        log.event(_logger, "configured zones or branches do not exist (yet)", logging.WARNING, named=shown)


def _check_people(place: Position, policy: PublishPolicy) -> None:
    """Read the files of a policy, and log what can't be meant. `AllowedSignersError`."""
    if policy.allowed_signers is not None:
        read_allowed_signers(policy.allowed_signers)
        if not policy.require_signed:
            log.event(
                _logger,
                "allowed_signers without require_signed = true: unsigned commits are published",
                logging.WARNING,
                zone=place.zone,
                branch=place.branch,
            )
    if policy.allowed_approvers is None:
        return
    named = read_allowed_signers(policy.allowed_approvers).named
    keys = None if named is None else len({key.blob for _, key in named})
    if keys is not None and keys < policy.approvals:
        log.event(
            _logger,
            "a policy asks for more approvals than allowed_approvers has keys: commits stay held",
            logging.WARNING,
            zone=place.zone,
            branch=place.branch,
            approvals=policy.approvals,
            keys=keys,
        )


def _tell_unrunnable(config: Config) -> None:
    """Log the validators that aren't there or can't be executed: they hold every commit of their zones."""
    for place, policy in policies_of(config.zones).items():
        file = policy.validator[0] if policy.validator else None
        if file is not None and not (Path(file).is_file() and os.access(file, os.X_OK)):
            log.event(
                _logger,
                "a validator is not an executable file; until it is, no commit of the zone is published",
                logging.WARNING,
                zone=place.zone,
                branch=place.branch,
                file=file,
            )


def _pinned(config: Config, reader: StoreReader) -> Config:
    if config.default_zone.at is None and all(zone.at is None for zone in config.zones.values()):
        return config
    zones = dict(config.zones)
    for zone in {zone for zone, _ in heads(reader)}:
        settings = config.zone(zone)
        if settings.at is None or not config.serves(zone):
            continue
        try:
            zones[zone] = settings._replace(at=resolve_pin(reader, zone, settings).hex())
        except (NotFound, RevisionError) as error:
            why = f"zone {zone} can't be served at {settings.at!r}: {error}"
            raise mentioned(config.file, settings.at, why) from None
    return replace(config, zones=zones)
