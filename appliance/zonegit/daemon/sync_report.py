"""Reports a mirror's exchanges with one peer, in the log and in the metrics."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from zonegit.errors import (
    InvalidData,
    InvalidFrame,
    NotAuthorised,
    QuotaUsedUp,
    Refused,
    StoreError,
    SyncCut,
    Unreachable,
    ZonegitError,
)
from zonegit.model.refs import Ref, RefKind
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops import log
from zonegit.sync.arrival import Result
from zonegit.sync.mirror import Moved
from zonegit.sync.session import Session

GOES_ON: Final = 600.0
"""Seconds between two lines about one pull."""
MOVES: Final = 60
"""Log lines a minute about pulled refs."""
_NAMED: Final = 10
"""Zones named in one log line."""
_RESULTS: Final[tuple[tuple[type[ZonegitError], str], ...]] = (
    (Unreachable, "unreachable"),
    (NotAuthorised, "unauthorized"),
    (Refused, "refused"),
    (InvalidFrame, "bad_stream"),
    (SyncCut, "cut"),
    (InvalidData, "bad_object"),
    (QuotaUsedUp, "quota"),
    (StoreError, "store"),
)

_APART: Final = {
    "branch": "a branch has diverged from the peer's; keeping the local one",
    "tag": "a tag differs from the peer's; keeping the local one",
}
_WAYS: Final = {"branch": "merge", "tag": "tag -d"}
_NO_MATTER: Final = frozenset(("behind", "unfit", "seq", "forged-merge", "wrong-object", "name", "new-zone"))
"""Reasons that need no log line of their own: the peer only lacks commits, or the whole zone is left out."""

_logger: Final = logging.getLogger(__name__)


class SyncReport:
    """The reports about one peer."""

    def __init__(self, samples: MetricsSink, peer: str) -> None:
        self._samples = samples
        self._peer = peer
        self._refused: frozenset[str] = frozenset()
        self._last_failure = ""
        """The last failure that is logged once, however often it repeats."""
        self._left_out: Mapping[str, str] = {}
        self._apart: dict[Ref, str] = {}
        """Branches and tags that differ from the peer's, and the reasons that were logged."""
        self._unfit = (0, "")
        """How many reviews and proposals of the peer the last pull left out, and the first reason."""
        self._moves = log.Allowance(MOVES)

    async def going_on(self, session: Session) -> None:
        """Log the progress of a long pull every `GOES_ON` seconds, until cancelled."""
        while True:
            await asyncio.sleep(GOES_ON)
            log.event(_logger, "sync in progress", peer=self._peer, objects=session.objects, bytes=session.size)

    def received(self, session: Session) -> None:
        """Count what was received, complete or not."""
        self._samples.inc("sync_objects_total", session.objects, peer=self._peer, direction="in")
        self._samples.inc("sync_bytes_total", session.size, peer=self._peer, direction="in")
        self._samples.set("sync_stored_today_bytes", session.quota.size, peer=self._peer)

    def moved(self, moved: Moved, session: Session, seconds: float) -> None:
        """A pull succeeded and moved these refs, or none."""
        for name in moved.rewound:
            self._log_move("followed a rewound ref", logging.WARNING, ref=name, peer=self._peer)
        for name in moved.removed:
            self._log_move("the peer removed a branch", logging.WARNING, ref=name, peer=self._peer)
        reviews = _count_updated(moved.results)
        if moved.branches or reviews:
            self._samples.observe("sync_duration_seconds", seconds, peer=self._peer)
            self._log_move(
                "pulled",
                logging.INFO,
                peer=self._peer,
                branches=len(moved.branches),
                **reviews,
                objects=session.objects,
                bytes=session.size,
                seconds=f"{seconds:.3f}",
            )

    def decided(self, results: Iterable[Result]) -> None:
        """The results of refs that are written here, too. A difference is logged once."""
        results = list(results)
        self._note_unfit(
            [result for result in results if result.ref.kind.is_review and result.outcome == "refused"]
        )
        for result in results:
            ref = result.ref
            if ref.kind.is_review:
                continue
            what = "branch" if ref.kind is RefKind.HEAD else "tag"
            where = {"peer": self._peer, "zone": ref.zone, what: ref.name}
            if result.outcome == "merged":
                self._log_move("merged the changes of both sides", logging.INFO, **where, rules=result.rules)
            if result.outcome in ("updated", "merged", "unchanged") or result.reason in _NO_MATTER:
                self._apart.pop(ref, None)
            elif self._apart.get(ref) != result.message:
                self._apart[ref] = result.message
                way = f"zonegit {_WAYS[what]}"
                self._log_move(_APART[what], logging.ERROR, **where, reason=result.message, way=way)

    def _note_unfit(self, refused: Sequence[Result]) -> None:
        """Log which reviews and proposals of the peer can't be accepted: one line for a pull, unless it repeats."""
        first = refused[0].message if refused else ""
        known, self._unfit = self._unfit, (len(refused), first)
        if refused and known != self._unfit:
            fields = {"peer": self._peer, "count": len(refused), "reason": first}
            self._log_move("left out reviews or proposals of the peer", logging.WARNING, **fields)

    def _log_move(self, message: str, level: int, **fields: object) -> None:
        """Log what a pull brought, rate-limited: the peer decides how often it moves something."""
        more = self._moves.take(object())
        if more is not None:
            log.event(_logger, message, level, **fields, **more)

    def refused(self, zones: frozenset[str]) -> None:
        """These zones of the peer are not followed. Each is logged once until it is followed again."""
        self._samples.set("sync_refused_zones", len(zones), peer=self._peer)
        new, back = zones - self._refused, self._refused - zones
        self._refused = zones
        if new:
            log.event(
                _logger,
                "not following zones with commits or tags that the primary does not have",
                logging.ERROR,
                peer=self._peer,
                zones=len(new),
                named=_named(new),
                way="zonegit remote adopt ZONE",
            )
        if back:
            again = {"peer": self._peer, "zones": len(back), "named": _named(back)}
            log.event(_logger, "following zones again that were refused", **again)

    def left_out(self, zones: Mapping[str, str]) -> None:
        """These zones of the peer stay at their previous version, for these reasons. Each reason is logged once."""
        self._samples.set("sync_left_out_zones", len(zones), peer=self._peer)
        new = {zone: why for zone, why in zones.items() if self._left_out.get(zone) != why}
        back = self._left_out.keys() - zones.keys()
        self._left_out = zones
        for zone in sorted(new)[:_NAMED]:
            log.event(
                _logger,
                "cannot accept a zone from the primary; it stays at its previous version",
                logging.ERROR,
                peer=self._peer,
                zone=zone,
                reason=new[zone],
            )
        if len(new) > _NAMED:
            more = {"peer": self._peer, "zones": len(new) - _NAMED, "way": "zonegit status --json"}
            log.event(_logger, "cannot accept more zones from the primary", logging.ERROR, **more)
        if back:
            again = {"peer": self._peer, "zones": len(back), "named": _named(frozenset(back))}
            log.event(_logger, "accepting zones from the primary again", **again)

    def synced(self) -> None:
        """A pull succeeded, and what it moved is served."""
        self._last_failure = ""
        self._samples.inc("sync_sessions_total", peer=self._peer, result="ok")

    def failed(self, error: ZonegitError, pause: float) -> None:
        """An exchange failed and is retried after `pause` seconds. An exhausted quota is logged once."""
        result = outcome_of(error)
        self._samples.inc("sync_sessions_total", peer=self._peer, result=result)
        if result == "bad_object":
            self._samples.inc("sync_rejected_objects_total", reason=type(error).__name__)
        before, self._last_failure = self._last_failure, str(error) if result == "quota" else ""
        if self._last_failure and self._last_failure == before:
            return
        log.event(
            _logger,
            "sync failed; keeping the previous versions",
            logging.WARNING,
            peer=self._peer,
            result=result,
            error=error,
            again_in=f"{pause:.1f}s",
        )

    def clock(self, offset: float) -> None:
        """Publish by how many seconds the peer's clock is ahead."""
        self._samples.set("sync_clock_offset_seconds", offset, peer=self._peer)

    def age(self, last: float, age: float) -> None:
        """Publish when the peer was last reached, in Unix seconds, and how many seconds ago."""
        self._samples.set("sync_last_success_timestamp_seconds", last, peer=self._peer)
        self._samples.set("sync_lag_seconds", age, peer=self._peer)

    def expired(self, zones: frozenset[str], age: float) -> None:
        """These zones have expired."""
        log.event(
            _logger,
            "not answering from zones past their SOA expire",
            logging.ERROR,
            peer=self._peer,
            zones=len(zones),
            named=_named(zones),
            age=f"{age:.0f}s",
        )

    def back(self, zones: frozenset[str]) -> None:
        """These zones are no longer expired."""
        again = {"peer": self._peer, "zones": len(zones), "named": _named(zones)}
        log.event(_logger, "answering from expired zones again", **again)


def outcome_of(error: ZonegitError) -> str:
    """The result label of an exchange that failed with this error."""
    return next((label for kind, label in _RESULTS if isinstance(error, kind)), "failed")


def _count_updated(results: Iterable[Result]) -> dict[str, int]:
    """How many reviews and proposals moved, by kind; empty if none did."""
    kinds = [result.ref.kind for result in results if result.ref.kind.is_review and result.outcome == "updated"]
    return {kind.value: count for kind, count in Counter(kinds).items()}


def _named(zones: frozenset[str]) -> str:
    first = ",".join(sorted(zones)[:_NAMED])
    return first if len(zones) <= _NAMED else f"{first},..."
