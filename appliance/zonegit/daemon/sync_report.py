"""What a mirror tells of its exchanges with one peer, in the log and in the metrics."""

import asyncio
import logging
from collections.abc import Mapping
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
from zonegit.net.http_server import Samples
from zonegit.ops import log
from zonegit.sync.mirror import Moved
from zonegit.sync.session import Session

GOES_ON: Final = 600.0
"""Seconds between two lines about one pull."""
MOVES: Final = 60
"""Lines about what was pulled, within a minute."""
_NAMED: Final = 10
"""Zones named in one line of the log."""
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

_logger: Final = logging.getLogger(__name__)


class SyncReport:
    """Of one peer."""

    def __init__(self, samples: Samples, peer: str) -> None:
        self._samples = samples
        self._peer = peer
        self._refused: frozenset[str] = frozenset()
        self._told = ""
        """The last failure that is told once, however often it comes in a row."""
        self._left_out: Mapping[str, str] = {}
        self._moves = log.Allowance(MOVES)

    async def going_on(self, session: Session) -> None:
        """Tell now and then how far a long pull is, until cancelled: a slow line, or somebody who holds it up."""
        while True:
            await asyncio.sleep(GOES_ON)
            log.event(_logger, "sync goes on", peer=self._peer, objects=session.objects, bytes=session.size)

    def received(self, session: Session) -> None:
        """What came, whether all of it did or not."""
        self._samples.inc("sync_objects_total", session.objects, peer=self._peer, direction="in")
        self._samples.inc("sync_bytes_total", session.size, peer=self._peer, direction="in")
        self._samples.set("sync_stored_today_bytes", session.quota.size, peer=self._peer)

    def moved(self, moved: Moved, session: Session, seconds: float) -> None:
        """A pull ended well and moved these refs, or none."""
        for name in moved.rewound:
            self._tell_move("followed a rewound ref", logging.WARNING, ref=name, peer=self._peer)
        if moved.branches:
            self._samples.observe("sync_duration_seconds", seconds, peer=self._peer)
            self._tell_move(
                "pulled",
                logging.INFO,
                peer=self._peer,
                branches=len(moved.branches),
                objects=session.objects,
                bytes=session.size,
                seconds=f"{seconds:.3f}",
            )

    def _tell_move(self, message: str, level: int, **fields: object) -> None:
        """Log what a pull brought, so many lines a minute: a peer decides how often it moves something."""
        more = self._moves.take(object())
        if more is not None:
            log.event(_logger, message, level, **fields, **more)

    def refused(self, zones: frozenset[str]) -> None:
        """These zones of the peer's are not followed. Each is logged once until it is followed again."""
        self._samples.set("sync_refused_zones", len(zones), peer=self._peer)
        new, back = zones - self._refused, self._refused - zones
        self._refused = zones
        if new:
            log.event(
                _logger,
                "zones are not followed, since they have commits or tags that the primary doesn't have",
                logging.ERROR,
                peer=self._peer,
                zones=len(new),
                named=_named(new),
                way="zonegit remote adopt ZONE",
            )
        if back:
            again = {"peer": self._peer, "zones": len(back), "named": _named(back)}
            log.event(_logger, "zones are not refused any more", **again)

    def left_out(self, zones: Mapping[str, str]) -> None:
        """These zones of the peer's stand still, for these reasons. Each reason is logged once."""
        self._samples.set("sync_left_out_zones", len(zones), peer=self._peer)
        new = {zone: why for zone, why in zones.items() if self._left_out.get(zone) != why}
        back = self._left_out.keys() - zones.keys()
        self._left_out = zones
        for zone in sorted(new)[:_NAMED]:
            log.event(
                _logger,
                "a zone stands still, since what the primary has of it can't be taken up",
                logging.ERROR,
                peer=self._peer,
                zone=zone,
                reason=new[zone],
            )
        if len(new) > _NAMED:
            more = {"peer": self._peer, "zones": len(new) - _NAMED, "way": "zonegit status --json"}
            log.event(_logger, "more zones stand still", logging.ERROR, **more)
        if back:
            again = {"peer": self._peer, "zones": len(back), "named": _named(frozenset(back))}
            log.event(_logger, "zones stand still no longer", **again)

    def synced(self) -> None:
        """A pull ended well, and what it moved is served."""
        self._told = ""
        self._samples.inc("sync_sessions_total", peer=self._peer, result="ok")

    def failed(self, error: ZonegitError, pause: float) -> None:
        """An exchange failed and is tried again after so many seconds. A quota that is used up is told once."""
        result = next((label for kind, label in _RESULTS if isinstance(error, kind)), "failed")
        self._samples.inc("sync_sessions_total", peer=self._peer, result=result)
        if result == "bad_object":
            self._samples.inc("sync_rejected_objects_total", reason=type(error).__name__)
        before, self._told = self._told, str(error) if result == "quota" else ""
        if self._told and self._told == before:
            return
        log.event(
            _logger,
            "sync failed, what is here stays",
            logging.WARNING,
            peer=self._peer,
            result=result,
            error=error,
            again_in=f"{pause:.1f}s",
        )

    def clock(self, offset: float) -> None:
        """By how many seconds the peer's clock is ahead."""
        self._samples.set("sync_clock_offset_seconds", offset, peer=self._peer)

    def age(self, last: float, age: float) -> None:
        """When the peer was last reached, in Unix seconds, and how many seconds ago."""
        self._samples.set("sync_last_success_timestamp_seconds", last, peer=self._peer)
        self._samples.set("sync_lag_seconds", age, peer=self._peer)

    def expired(self, zones: frozenset[str], age: float) -> None:
        """These zones have become too old."""
        log.event(
            _logger,
            "zones past their SOA expire are not answered from any more",
            logging.ERROR,
            peer=self._peer,
            zones=len(zones),
            named=_named(zones),
            age=f"{age:.0f}s",
        )

    def back(self, zones: frozenset[str]) -> None:
        """These zones were too old."""
        again = {"peer": self._peer, "zones": len(zones), "named": _named(zones)}
        log.event(_logger, "expired zones are answered from again", **again)


def _named(zones: frozenset[str]) -> str:
    first = ",".join(sorted(zones)[:_NAMED])
    return first if len(zones) <= _NAMED else f"{first},..."
