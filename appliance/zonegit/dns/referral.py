"""Referrals (RFC 1034 §4.3.2 step 3b, RFC 4035 §3.1.4, RFC 9471): the cut's NS, DS or its denial, and glue."""

from zonegit.dns.blocks import Node, rdata_of, split
from zonegit.dns.draft import Draft, Part
from zonegit.dns.nsec import prove_match
from zonegit.dns.paths import is_below, path
from zonegit.dns.zones import Zone
from zonegit.model.names import OwnerKey, WireName
from zonegit.model.rdata import AAAA, DS, NS, A


def refer(zone: Zone, cut: WireName, key: OwnerKey, node: Node, draft: Draft) -> None:
    """Point to the servers of the zone below a cut. The parent's NS and glue are not authoritative: unsigned."""
    if not draft.answer:
        draft.aa = False
    records, rrs = node[NS]
    draft.authority.append((cut, NS, records, rrs))
    if draft.do:
        if DS in node:
            draft.put(draft.authority, cut, DS, node)
        elif zone.nsec:
            prove_match(zone, key, node, draft)
    _put_glue(zone, cut, rrs, draft)


def _put_glue(zone: Zone, cut: WireName, rrs: bytes, draft: Draft) -> None:
    """Addresses of servers below the cut must be there; those of siblings are, as far as they fit."""
    for rr in split(rrs):
        server = WireName(rdata_of(rr))
        if is_below(server, cut):
            _put_addresses(zone, server, draft.glue)
        elif is_below(server, zone.apex):
            _put_addresses(zone, server, draft.additional)


def _put_addresses(zone: Zone, server: WireName, section: list[Part]) -> None:
    steps = path(server, zone.apex)
    node = zone.node(steps[-1][0]) if steps else zone.top()
    if node:
        section.extend((server, rtype, *node[rtype]) for rtype in (A, AAAA) if rtype in node)
