"""After a process was killed by damaged pages: leaves out the zone that it was reading."""

import logging
from typing import Final

from zonegit.daemon.child_process import Child
from zonegit.model.names import WireName, to_text
from zonegit.ops import log
from zonegit.ops.crumbs import Crumbs

_logger: Final = logging.getLogger(__name__)


def leave_out(dead: Child, crumbs: Crumbs) -> bool:
    """Have no process read the zone that killed one. If it is unknown (False), the successor notes every read."""
    zones = crumbs.clear(dead.index)
    crumbs.set_careful(dead.index, not zones)
    for apex in zones:
        zone = to_text(WireName(apex))
        if crumbs.leave_out(apex):
            what = "a process crashed reading a zone; leaving it out until it changes or a reload"
        else:
            what = "a process crashed reading a zone; too many are left out already"
        log.event(_logger, what, logging.ERROR, process=dead.name, zone=zone)
    return bool(zones)
