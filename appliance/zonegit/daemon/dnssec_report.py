"""What the publisher reports of signed zones: lines in the log, and gauges."""

import logging
from math import inf
from typing import Final

from zonegit.ops import log
from zonegit.ops.families import PUBLISHED
from zonegit.ops.samples import Samples
from zonegit.repo.dates import rfc3339
from zonegit.repo.dnssec.status import DnssecStatus, Problem

_WAITING: Final = "dnssec_waiting_seconds"
_PROBLEM: Final = "dnssec_problem"
_EXPIRES: Final = "dnssec_signature_expires_timestamp_seconds"
_logger: Final = logging.getLogger("zonegit.daemon.publisher")


class DnssecReport:
    """What was reported of each zone. For one thread."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._known: dict[str, DnssecStatus] = {}
        self._series: dict[str, set[tuple[str, ...]]] = {}
        """By zone, those that were ever set, by a publisher before this one, too: what is over is to be told."""
        for family, labels, _ in samples.read():
            if family.name in (_WAITING, _PROBLEM, _EXPIRES):
                self._series.setdefault(labels[0], set()).add((family.name, *labels))

    def zone(self, status: DnssecStatus) -> None:
        """Report what is new about a zone."""
        before = self._known.get(status.zone)
        self._known[status.zone] = status
        self._log_process(before, status)
        self._log_problems(before.problems if before else (), status)
        self._set_gauges(status)

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
                **({"until": rfc3339(waiting.until)} if waiting.until is not None else {}),
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

    def _set_gauges(self, status: DnssecStatus) -> None:
        zone = status.zone
        now: dict[tuple[str, ...], float] = {
            (_WAITING, zone, each.label): max(status.noted - each.since, 0) for each in status.waiting
        }
        for problem in status.problems:
            now[_PROBLEM, zone, problem.reason] = 1
        if status.first_end is not None:
            now[_EXPIRES, zone] = status.first_end
        over = {series: inf if series[0] == _EXPIRES else 0 for series in self._series.get(zone, ())}
        for series, value in {**over, **now}.items():
            name, *labels = series
            self._samples.set(name, value, **dict(zip(PUBLISHED[name].labels, labels, strict=True)))
        self._series.setdefault(zone, set()).update(now)


def _awaited(status: DnssecStatus) -> str:
    return " ".join(waiting.label for waiting in status.waiting)
