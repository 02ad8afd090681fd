"""What the supervisor does about a process that was ended by damaged pages: the zone that it read is left out."""

import logging
from typing import Final

from zonegit.daemon.processes import Child
from zonegit.model.names import WireName, to_text
from zonegit.ops import log
from zonegit.ops.crumbs import Crumbs

_logger: Final = logging.getLogger(__name__)


def leave_out(dead: Child, crumbs: Crumbs) -> bool:
    """Have no process read the zone that ended one. If it isn't known (False), the successor notes all it reads."""
    zones = crumbs.clear(dead.index)
    crumbs.set_careful(dead.index, not zones)
    for apex in zones:
        zone = to_text(WireName(apex))
        if crumbs.leave_out(apex):
            what = "a process died reading a zone; it is left out until it changes or a reload"
        else:
            what = "a process died reading a zone, and too many are left out already"
        log.event(_logger, what, logging.ERROR, process=dead.name, zone=zone)
    return bool(zones)
