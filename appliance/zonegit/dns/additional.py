"""Addresses that an answer's reader will ask for next (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1), from held zones.

Left out when they don't fit. Names below a cut are given for NS only: there they are glue.
"""

from itertools import islice
from typing import Final

from zonegit.dns.blocks import Node, rdata_of, split
from zonegit.dns.draft import Draft
from zonegit.dns.held import Held
from zonegit.dns.paths import path
from zonegit.dns.zones import Zone
from zonegit.model.names import ROOT, WireName, lower
from zonegit.model.rdata import AAAA, DNAME, HTTPS, MX, NS, SRV, SVCB, A, name_end

_TARGET: Final = {NS: 0, MX: 2, SRV: 6, SVCB: 2, HTTPS: 2}
"""Bytes before the target's name in RDATA."""
_MOST: Final = 64
"""Records of an answer that are looked at: no message has room for the addresses of more."""


def add_additional(held: Held, zone: Zone, rtype: int, rrs: bytes, draft: Draft) -> None:
    """Add the addresses of what this RRset of the answer points to, and an SVCB's next SVCB."""
    if rtype not in _TARGET:
        return
    follow = (rtype, A, AAAA) if rtype in (SVCB, HTTPS) else (A, AAAA)
    for target in _targets(rtype, rrs):
        home = held.route(target, 0, draft.client)
        if home is None:
            draft.mixed = draft.mixed or held.by_client
            continue
        if home is not zone:
            draft.mixed = True
        if home.expired:
            continue
        node = _data_at(home, target, glue=rtype == NS)
        for wanted in follow:
            if wanted in node:
                draft.put(draft.additional, target, wanted, node)


def _targets(rtype: int, rrs: bytes) -> list[WireName]:
    """The first names that the records point to, each once."""
    skip = _TARGET[rtype]
    found: dict[WireName, None] = {}
    for rr in islice(split(rrs), _MOST):
        rdata = rdata_of(rr)
        found[WireName(lower(rdata[skip : name_end(rdata, skip)]))] = None
    found.pop(ROOT, None)
    return list(found)


def _data_at(zone: Zone, name: WireName, *, glue: bool) -> Node:
    """The RRsets at a name; {} where there are none, or where they aren't this zone's to give."""
    known = zone.targets
    node = known.get((name, glue))
    if node is None:
        node = known[name, glue] = _read_at(zone, name, glue=glue)
    return node


def _read_at(zone: Zone, name: WireName, *, glue: bool) -> Node:
    if name == zone.apex:
        return zone.top()
    steps = path(name, zone.apex)
    if not glue:
        if DNAME in zone.top():
            return {}
        for key, start in steps:
            node = zone.node(key)
            if node is not None and (NS in node or (DNAME in node and start)):
                return {}
    return zone.node(steps[-1][0]) or {}
