"""Referrals (RFC 1034 §4.3.2 step 3b, RFC 4035 §3.1.4, RFC 5155 §7.2.7, RFC 9471): NS, DS or its denial, and glue.

The referral is the same for all names below a cut, and there is no limit to these, so it is kept by cut.
"""

from itertools import islice
from typing import Final

from zonegit.dns.lookup.additional import MOST_NAMES
from zonegit.dns.lookup.descent import Cut, path
from zonegit.dns.lookup.negative import prove_no_ds
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import rdata_of, split
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.model.names import WireName, is_at_or_below
from zonegit.model.rdata import AAAA, DS, NS, A

_SERVERS: Final = 200
"""The most servers of a cut whose addresses are looked up: a query can pay for these. An honest cut has 13."""
_LARGEST: Final = 16 << 10
"""The largest referral that is kept, in bytes of records; there may be thousands of cuts."""


def refer(zone: ZoneState, name: WireName, found: Cut, draft: Draft) -> None:
    """Point to the servers of the zone that begins at a cut above `name` or at it. The parent's NS records and glue
    are not authoritative: unsigned."""
    cut = WireName(name[found.start :])
    known = zone.referrals.get((found.key, draft.do))
    if known is None:
        referral = Draft(cut, NS, do=draft.do, sender=draft.sender)
        _fill(zone, cut, found, referral)
        known = (referral.authority, referral.glue, referral.additional)
        if sum(len(each[3]) for section in known for each in section) <= _LARGEST:
            zone.referrals[found.key, draft.do] = known
    if not draft.answer:
        draft.aa = False
        draft.delegation = cut
    draft.authority += [part for part in known[0] if part not in draft.authority]  # a wildcard's proof may be there
    draft.glue += known[1]
    draft.additional += known[2]


def _fill(zone: ZoneState, cut: WireName, found: Cut, draft: Draft) -> None:
    node = found.node
    draft.authority.append((cut, NS, *node[NS]))
    if draft.do and zone.signed:
        if DS in node:
            draft.put(draft.authority, cut, DS, node)
        else:
            prove_no_ds(zone, found.key, node, draft)
    _put_glue(zone, cut, node[NS][1], draft)


def _put_glue(zone: ZoneState, cut: WireName, rrs: bytes, draft: Draft) -> None:
    """Add the addresses of servers below the cut: glue, which must be sent or TC set (RFC 9471 §3.1). And those of
    a few other servers in this zone, which are sent if they fit (sibling glue, §3.2). Servers beyond `_SERVERS`
    are named without addresses: clients get these from the others.
    """
    siblings = 0
    for rr in islice(split(rrs), _SERVERS):
        server = WireName(rdata_of(rr))
        if is_at_or_below(server, cut):
            section = draft.glue
        elif siblings < MOST_NAMES and is_at_or_below(server, zone.apex):
            siblings += 1
            section = draft.additional
        else:
            continue
        steps = path(server, zone.apex)
        at = zone.node(steps[-1][0]) if steps else zone.apex_node()
        for rtype in (A, AAAA):
            if at and rtype in at:
                draft.put(section, server, rtype, at)
