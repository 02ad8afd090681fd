"""Follows catalog zones: their members come and go as zones here (RFC 9432, docs/catalogs.md).

A part of the refresher process, which transfers the catalogs as it does other zones, and their members once these
are in the configuration. The supervisor makes that anew when `announce` was called. So no member is here before
every process has its settings.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from zonegit.daemon.catalog_gauges import Gauges
from zonegit.errors import ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.repo.catalog.consuming import carry_out, zones_here
from zonegit.repo.catalog.following import Decided, Following, decide
from zonegit.repo.catalog.made import catalog_in
from zonegit.repo.catalog.membership import (
    MOST_CLASHES,
    CatalogState,
    Members,
    allowed_version,
    catalog_states,
    members_here,
)
from zonegit.repo.catalog.values import Broken, Catalog
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.incoming.state import expired_transfers
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Reader
from zonegit.store.served import served_ref

_AGAIN: Final = 1.0
"""Seconds until zones that a catalog can't have are looked at again, and until what failed is tried again."""
_PAUSES: Final = 20.0
"""How much longer that pause is at least than the look before it, which may take seconds."""
_NAMED: Final = 10
"""Zones that are named in the log at a time."""

_logger: Final = logging.getLogger(__name__)


class _Version(NamedTuple):
    """A version of a catalog zone."""

    commit: ObjectId
    serial: int
    allowed: bool
    """Whether the operator let its removals through."""


class CatalogConsumer:
    """For one thread."""

    def __init__(
        self,
        store: LmdbStore,
        config: Config,
        gauges: Gauges,
        announce: Callable[[], None],
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """`announce` is called when the members have changed, after that was recorded. `timer`: elapsed seconds."""
        self._timer = timer
        self._store = store
        self._context = Context.over(store, clock)
        self._config = config
        self._gauges = gauges
        self._announce = announce
        self._clock = clock
        self._txn = -1
        self._versions: dict[str, _Version] | None = None
        """What the members follow from now. None: that is to be found out."""
        self._found: dict[str, tuple[ObjectId, Catalog | Broken]] = {}
        """What was read of each catalog, and from which commit."""
        self._again: float | None = None
        """When to decide again although no catalog moved."""
        self._decided = -1
        """The transaction as of which that was done last."""
        self._states: Mapping[str, CatalogState] = {}
        """As they were reported."""
        self._seldom = log.Seldom(_logger)

    def configure(self, config: Config) -> None:
        """Follow by another configuration from the next look on."""
        if (config.catalogs, _own(config)) != (self._config.catalogs, _own(self._config)):
            self._versions, self._txn = None, -1
        self._config = config

    def look(self) -> None:
        """Take up what followed catalogs say. Errors are logged, and it is tried again."""
        txn = self._store.txn_id()
        if txn == self._txn or not self._config.catalogs:
            return
        now = self._clock()
        try:
            with self._store.read() as reader:
                versions = {name: each for name in self._config.catalogs if (each := self._version(reader, name))}
            is_due = self._again is not None and now >= self._again and txn != self._decided
            if versions != self._versions or is_due:
                self._follow(versions)
                self._versions, self._decided = versions, txn
            self._txn = txn if self._again is None else -1
        except ZonegitError as error:
            self._again = now + _AGAIN
            self._seldom("cannot follow the catalogs", error)

    def _version(self, reader: Reader, name: str) -> _Version | None:
        """The version of a catalog that is served; None if there is none, or it is too old to follow (§5.1)."""
        tip = reader.live(served_ref(reader, name, self._config.zone(name).branch))
        if tip is None or name in expired_transfers(reader):
            return None
        return _Version(tip, Commit.decode(reader.get(tip)).serial, allowed_version(reader, name) == tip.hex())

    def _follow(self, versions: Mapping[str, _Version]) -> None:
        config, began = self._config, self._timer()
        following = {
            name: Following(self._read(name, version.commit), config.catalogs[name].max_removals, version.allowed)
            for name, version in versions.items()
        }
        with self._store.read() as reader:
            before, here, known = members_here(reader), zones_here(reader), catalog_states(reader)
        decided = decide(following, before, here, _own(config))
        states = {name: known.get(name, CatalogState()) for name in config.catalogs}
        states |= {name: _state(name, version, following[name], decided) for name, version in versions.items()}
        changed = decided.members != before or bool(decided.removed)
        if changed or states != known:
            carry_out(self._context, before, decided, states, self._guarded(before, decided.members))
        self._report(states, before, decided)
        pause = max(_AGAIN, _PAUSES * (self._timer() - began))
        self._again = self._clock() + pause if decided.clashes else None
        if changed:
            self._announce()

    def _read(self, name: str, commit: ObjectId) -> Catalog | Broken:
        known = self._found.get(name)
        if known is None or known[0] != commit:
            content = Content.of(self._context.nodes, read_commit(self._context.nodes.source, commit))
            known = self._found[name] = commit, catalog_in(content, name)
        return known[1]

    def _guarded(self, before: Members, after: Members) -> list[Position]:
        """The branches of new members that have a policy."""
        found = []
        for zone, (name, member) in after.items():
            if before.get(zone) != (name, member) and (catalog := self._config.catalogs.get(name)) is not None:
                settings = catalog.settings(member.groups)
                if settings.policy is not None:
                    found.append(Position(zone, settings.branch))
        return found

    def _report(self, states: Mapping[str, CatalogState], before: Members, decided: Decided) -> None:
        for name, state in states.items():
            old = self._states.get(name, CatalogState())
            self._gauges.set("catalog_members", state.members, catalog=name)
            self._gauges.set("catalog_broken", int(bool(state.broken)), catalog=name)
            self._gauges.set("catalog_held_removals", state.held.removals if state.held else 0, catalog=name)
            self._gauges.set("catalog_clashes", state.clash_count, catalog=name)
            _report_members(name, state, before, decided)
            if state.broken and state.broken != old.broken:
                text = "a catalog is broken: its members stay as they are"
                log.event(
                    _logger, text, logging.ERROR, catalog=name, serial=state.serial, why="; ".join(state.broken)
                )
            if state.held is not None and (state.held, state.commit) != (old.held, old.commit):
                log.event(
                    _logger,
                    "a catalog removes too many members at once: they stay",
                    logging.ERROR,
                    catalog=name,
                    serial=state.serial,
                    removals=state.held.removals,
                    allowed=state.held.most,
                    remedy=f"zonegit catalog allow {name}",
                )
            for zone, why in sorted(set(state.clashes) - set(old.clashes))[:_NAMED]:
                text = "a catalog lists a zone that is not taken from it"
                log.event(_logger, text, logging.ERROR, catalog=name, zone=zone, why=why)
        self._states = states


def _own(config: Config) -> Collection[str]:
    """The zones that have settings of their own, and the catalogs made here, even without a member yet."""
    return (config.zones.keys() - config.members) | config.made_catalogs


def _state(name: str, version: _Version, following: Following, decided: Decided) -> CatalogState:
    clashes = sorted((zone, str(why)) for zone, (catalog, why) in decided.clashes.items() if catalog == name)
    return CatalogState(
        version.commit.hex(),
        version.serial,
        sum(catalog == name for catalog, _ in decided.members.values()),
        following.found.reasons if isinstance(following.found, Broken) else (),
        decided.held.get(name),
        tuple(clashes[:MOST_CLASHES]),
        len(clashes),
    )


def _report_members(name: str, state: CatalogState, before: Members, decided: Decided) -> None:
    """Log which members came and went, if any did."""
    came = [zone for zone, (catalog, _) in decided.members.items() if catalog == name and zone not in before]
    gone = [zone for zone, (catalog, _) in before.items() if catalog == name and zone not in decided.members]
    again = [zone for zone in decided.removed if zone in decided.members and decided.members[zone][0] == name]
    if not (came or gone or again):
        return
    counts = {word: len(zones) for word, zones in (("came", came), ("gone", gone), ("again", again)) if zones}
    zones = [f"+{zone}" for zone in came] + [f"-{zone}" for zone in gone] + [f"*{zone}" for zone in again]
    named = ", ".join(zones[:_NAMED]) + (", ..." if len(zones) > _NAMED else "")
    log.event(
        _logger,
        "followed a catalog",
        catalog=name,
        serial=state.serial,
        members=state.members,
        **counts,
        zones=named,
    )
