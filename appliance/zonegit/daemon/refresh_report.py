"""What the process that transfers zones reports: lines in the log, and metrics."""

import logging
from typing import Final

from zonegit.daemon.refresh_round import Failure, Refreshed
from zonegit.errors import TransferError, ZonegitError
from zonegit.model.names import WireName, to_text
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops import log
from zonegit.repo.incoming.state import TransferState

_FAILURES: Final = 100
"""Log lines a minute about failures: thousands of zones may have one primary."""

_logger: Final = logging.getLogger("zonegit.daemon.refresher")


class RefreshReport:
    """For one process. The labels of metrics are kinds, never zones."""

    def __init__(self, samples: MetricsSink) -> None:
        self._samples = samples
        self._failures = log.Allowance(_FAILURES)

    def refreshed(self, apex: WireName, done: Refreshed, seconds: float, before: TransferState) -> None:
        """A round succeeded. `before`: what was known before it."""
        arrival = done.arrival
        kind = "ixfr" if arrival is not None and not arrival.whole else "axfr"
        if arrival is not None:
            self._count(kind, "ok")
            log.event(
                _logger,
                "transferred a zone",
                zone=to_text(apex),
                primary=done.primary.address,
                type=kind.upper(),
                serial=done.serial,
                old=arrival.old_serial if arrival.old_serial is not None else "none",
                versions=arrival.versions,
                changes=arrival.ready.done.change_count,
                seconds=round(seconds, 3),
                **({"errors": len(arrival.findings)} if arrival.findings else {}),
            )
        if before.expired or before.failing_since is not None:
            what = "answering from an expired zone again" if before.expired else "a primary is reached again"
            log.event(_logger, what, zone=to_text(apex), primary=done.primary.address, serial=done.serial)

    def failed(self, apex: WireName, error: ZonegitError, state: TransferState, again: float, now: float) -> None:
        """A round failed; the next one is in `again` seconds."""
        more = self._failures.take((apex, str(error)))
        if more is None:
            return
        log.event(
            _logger,
            "cannot bring a zone up to date",
            logging.WARNING,
            zone=to_text(apex),
            why=error,
            again_in=f"{again:.0f}s",
            **_left(state, now),
            **more,
        )

    def attempt_failed(self, failure: Failure) -> None:
        """A primary wasn't of use."""
        if isinstance(failure.error, TransferError):
            self._count(failure.asked, failure.error.result)

    def expired(self, apex: WireName, state: TransferState) -> None:
        """A zone isn't answered from any more."""
        log.event(
            _logger,
            "a zone is past its SOA expire: it is answered with SERVFAIL until a primary is reached",
            logging.ERROR,
            zone=to_text(apex),
            primaries=", ".join(state.primaries),
            expire=state.expire,
            why=state.error or "no primary was reached",
        )

    def totals(self, zones: int, failing: int, expired: int) -> None:
        """How many zones are transferred, and how many of them can't be."""
        self._samples.set("transferred_zones", zones, state="all")
        self._samples.set("transferred_zones", failing, state="failing")
        self._samples.set("transferred_zones", expired, state="expired")

    def _count(self, kind: str, result: str) -> None:
        self._samples.inc("transfers_total", type=kind, direction="in", result=result)


def _left(state: TransferState, now: float) -> dict[str, object]:
    """How long the zone is still answered from."""
    if state.checked is None:
        return {"served": "nothing yet"}
    left = state.checked + state.expire - now
    return {"expires_in": f"{left:.0f}s"} if left > 0 else {"served": "SERVFAIL"}
