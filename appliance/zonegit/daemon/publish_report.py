"""What the publisher reports: lines in the log, and gauges of zones.

A zone may have several branches with a policy, as for a canary, and one gauge for all of them: it is held for a
reason while any of them is, and was published when the last of them was.
"""

import logging
from collections.abc import Iterable
from typing import Final

from zonegit.daemon.dnssec_report import DnssecReport
from zonegit.model.ids import ID_SIZE, ObjectId, short
from zonegit.ops import log
from zonegit.ops.samples import Samples
from zonegit.repo.publishing.policy import Held, Published, Reason
from zonegit.repo.publishing.publish import Stopped
from zonegit.repo.publishing.reading import Publication
from zonegit.repo.results import Position

_NO_VERSION: Final = ObjectId(bytes(ID_SIZE))
_logger: Final = logging.getLogger("zonegit.daemon.publisher")


class PublishReport:
    """What was reported of each branch. For one thread."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples
        self._dnssec = DnssecReport(samples)
        self._versions: dict[Position, ObjectId] = {}
        self._times: dict[str, dict[str, int]] = {}
        """By zone and branch: when it was published."""
        self._held: dict[str, dict[str, Held]] = {}
        """By zone and branch."""
        self._reasons: dict[str, frozenset[Reason]] = {}
        """By zone: why it was held at any time, since a gauge that was set once has to be set to 0 again."""

    def begun(self, places: Iterable[Position]) -> None:
        """These branches had no version until now: the next one is news."""
        self._versions.update(dict.fromkeys(places, _NO_VERSION))

    def publication(self, place: Position, found: Publication) -> None:
        """Report where a branch is published, as far as that is news."""
        if found.published is not None:
            self._published(place, found.published, is_new=found.released is not None)
        before = self._held.setdefault(place.zone, {}).pop(place.branch, None)
        if found.held is not None:
            self._held[place.zone][place.branch] = found.held
        if found.held != before:
            self._tell_held(place, found.held)
        if found.dnssec is not None:
            self._dnssec.zone(found.dnssec)

    def stopped(self, place: Position, how: Stopped) -> None:
        """Report that a branch has no policy any more."""
        self._versions.pop(place, None)
        if self._held.get(place.zone, {}).pop(place.branch, None) is not None:
            self._tell_held(place, None)
        if how is Stopped.SERVES_TIP:
            log.event(_logger, "serving a branch from its tip: it has no policy any more", **place._asdict())
        else:
            log.event(_logger, "following a peer's versions: a branch has no policy any more", **place._asdict())

    def _published(self, place: Position, published: Published, *, is_new: bool) -> None:
        """`is_new`: whether it was published just now. What others published since the last look is new, too."""
        version = published.version
        known = self._versions.get(place)
        self._versions[place] = version.id
        if any(published.of) and (is_new or known not in (None, version.id)):
            log.event(
                _logger,
                "published",
                zone=place.zone,
                branch=place.branch,
                commit=short(published.of),
                serial=version.commit.serial,
            )
        times = self._times.setdefault(place.zone, {})
        times[place.branch] = version.commit.committer.time
        self._samples.set("zone_published_timestamp_seconds", max(times.values()), zone=place.zone)

    def _tell_held(self, place: Position, held: Held | None) -> None:
        """Report what holds a branch now, or that nothing does any more."""
        if held is not None:
            log.event(
                _logger,
                "not publishing a commit",
                logging.INFO if held.until else logging.WARNING,
                zone=place.zone,
                branch=place.branch,
                commit=short(held.commit),
                reason=held.reason,
                detail=held.detail,
                remedy=held.remedy,
            )
        now = {each.reason for each in self._held.get(place.zone, {}).values()}
        reasons = self._reasons[place.zone] = self._reasons.get(place.zone, frozenset()) | now
        for reason in reasons:
            self._samples.set("publish_held", int(reason in now), zone=place.zone, reason=reason)
