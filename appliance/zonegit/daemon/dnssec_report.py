"""What the publisher reports of signed zones: lines in the log, and gauges."""

import logging
from typing import Final

from zonegit.ops import log
from zonegit.ops.samples import Samples
from zonegit.repo.dnssec.status import DnssecStatus, Problem

_logger: Final = logging.getLogger("zonegit.daemon.publisher")


class DnssecReport:
    """What was reported of each zone. For one thread."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._known: dict[str, DnssecStatus] = {}

    def zone(self, status: DnssecStatus) -> None:
        """Report what is new about a zone."""
        before = self._known.get(status.zone)
        self._known[status.zone] = status
        self._log_process(before, status)
        self._log_problems(before.problems if before else (), status)
        self._set_gauges(before, status)

    def _log_process(self, before: DnssecStatus | None, status: DnssecStatus) -> None:
        was = (before.under_way, _awaited(before)) if before else ("", "")
        if (status.under_way, _awaited(status)) == was:
            return
        if not status.under_way:
            log.event(_logger, "the keys of a zone are up to date", zone=status.zone)
        for waiting in status.waiting:
            log.event(
                _logger,
                "the keys of a zone wait",
                zone=status.zone,
                under_way=status.under_way,
                **{"for": waiting.words},
            )

    def _log_problems(self, before: tuple[Problem, ...], status: DnssecStatus) -> None:
        for problem in status.problems:
            if problem not in before:
                log.event(
                    _logger,
                    "a problem with a signed zone",
                    logging.WARNING,
                    zone=status.zone,
                    problem=problem.words,
                )
        if before and not status.problems:
            log.event(_logger, "no problem with a signed zone any more", zone=status.zone)

    def _set_gauges(self, before: DnssecStatus | None, status: DnssecStatus) -> None:
        zone = status.zone
        if status.first_end is not None:
            self._samples.set("dnssec_signature_expires_timestamp_seconds", status.first_end, zone=zone)
        for waiting in before.waiting if before else ():
            self._samples.set("dnssec_waiting_seconds", 0, zone=zone, **{"for": waiting.label})
        for waiting in status.waiting:
            seconds = max(status.noted - waiting.since, 0)
            self._samples.set("dnssec_waiting_seconds", seconds, zone=zone, **{"for": waiting.label})
        reasons = {problem.reason for problem in status.problems}
        for reason in reasons | {problem.reason for problem in (before.problems if before else ())}:
            self._samples.set("dnssec_problem", int(reason in reasons), zone=zone, reason=reason)


def _awaited(status: DnssecStatus) -> str:
    return " ".join(waiting.label for waiting in status.waiting)
