"""Referrals (RFC 1034 §4.3.2 step 3b, RFC 4035 §3.1.4, RFC 5155 §7.2.7, RFC 9471): NS, DS or its denial, and glue.

Names without number lie below a cut and none of them is told apart here: what is sent is kept by cut.
"""

from itertools import islice
from typing import Final

from zonegit.dns.additional import MOST_NAMES
from zonegit.dns.blocks import Node, rdata_of, split
from zonegit.dns.draft import Draft
from zonegit.dns.negative import prove_no_type
from zonegit.dns.paths import is_below, path
from zonegit.dns.zones import Zone
from zonegit.model.names import OwnerKey, WireName
from zonegit.model.rdata import AAAA, DS, NS, A

_SERVERS: Final = 200
"""Servers of a cut whose addresses are looked for, as many as a query can pay for. An honest cut has 13."""
_LARGEST: Final = 16 << 10
"""Bytes of records up to which what is sent at a cut is kept; there may be thousands of cuts."""


def refer(zone: Zone, cut: WireName, key: OwnerKey, node: Node, draft: Draft) -> None:
    """Point to the servers of the zone below a cut. The parent's NS and glue are not authoritative: unsigned."""
    known = zone.referrals.get((key, draft.do))
    if known is None:
        part = Draft(cut, NS, do=draft.do, client=draft.client)
        _fill(zone, cut, key, node, part)
        known = (part.authority, part.glue, part.additional)
        if sum(len(each[3]) for section in known for each in section) <= _LARGEST:
            zone.referrals[key, draft.do] = known
    if not draft.answer:
        draft.aa = False
        draft.cut = cut
    draft.authority += [part for part in known[0] if part not in draft.authority]  # a wildcard's proof may be there
    draft.glue += known[1]
    draft.additional += known[2]


def _fill(zone: Zone, cut: WireName, key: OwnerKey, node: Node, draft: Draft) -> None:
    draft.authority.append((cut, NS, *node[NS]))
    if draft.do and zone.signed:
        if DS in node:
            draft.put(draft.authority, cut, DS, node)
        else:
            prove_no_type(zone, key, node, draft)
    _put_glue(zone, cut, node[NS][1], draft)


def _put_glue(zone: Zone, cut: WireName, rrs: bytes, draft: Draft) -> None:
    """Addresses of servers below the cut must be there; those of a few siblings are, as far as they fit. Servers
    beyond `_SERVERS` are named without: they are known as soon as another one was asked (RFC 9471 §3.1).
    """
    siblings = 0
    for rr in islice(split(rrs), _SERVERS):
        server = WireName(rdata_of(rr))
        if is_below(server, cut):
            section = draft.glue
        elif siblings < MOST_NAMES and is_below(server, zone.apex):
            siblings += 1
            section = draft.additional
        else:
            continue
        steps = path(server, zone.apex)
        at = zone.node(steps[-1][0]) if steps else zone.top()
        for rtype in (A, AAAA):
            if at and rtype in at:
                draft.put(section, server, rtype, at)
