"""What the updater reports: a counter for each zone, key and result, and a line in the log for what it refused."""

import logging
from collections.abc import Collection
from ipaddress import ip_address
from time import monotonic
from typing import Final

from zonegit.daemon.channels import Request
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.samples import Samples

UNCHANGED: Final = "unchanged"
"""The result of an UPDATE that is fulfilled already."""
REPEATED: Final = "repeated"
"""That of a message that came before."""
LATE: Final = "late"
"""That of one that its client has been refused meanwhile."""
OTHER: Final = "other"
"""The label of zones that have no series of their own."""
_LINES: Final = 10
"""Lines a minute about refused updates: a client's address may be forged."""

_logger: Final = logging.getLogger(__name__)


def zones_shown(config: Config) -> frozenset[str]:
    """The zones that have series of their own: of those that take UPDATEs, as many as the metrics page has."""
    taking = [zone for zone, settings in config.zones.items() if settings.update]
    return frozenset(taking if config.metrics is None else config.metrics.zones_shown(taking))


def label_of(zone: str, shown: Collection[str]) -> str:
    """A zone in a label; clients name any. Empty where none could be read."""
    return zone if not zone or zone in shown else OTHER


class UpdateReport:
    """For one process."""

    def __init__(self, samples: Samples, config: Config) -> None:
        self._samples = samples
        self._allowance = log.Allowance(_LINES)
        self._shown = zones_shown(config)

    def configure(self, config: Config) -> None:
        """Use another configuration, which says which zones have series of their own."""
        self._shown = zones_shown(config)

    def finished(self, request: Request, zone: str, key: str, result: str) -> None:
        """Count an UPDATE. `zone` and `key` are empty where they aren't known."""
        self._samples.inc("updates_total", zone=label_of(zone, self._shown), key=key, result=result)
        self._samples.observe("update_duration_seconds", monotonic() - request.arrived)

    def refused(
        self, request: Request, zone: str, key: str, result: str, why: str, named: str | None = None
    ) -> None:
        """Count an UPDATE that was refused, and log it: each client and reason once a minute.

        `named`: what the message calls its key, which may be made up, so it is in the log only.
        """
        self.finished(request, zone, key, result)
        more = self._allowance.take((request.client, zone, key, why))
        if more is not None:
            log.event(
                _logger,
                "refused an UPDATE",
                logging.WARNING,
                client=ip_address(request.client),
                zone=zone or "-",
                key=key or named or "-",
                rcode=result,
                why=why,
                **more,
            )
