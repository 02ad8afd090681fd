"""NXDOMAIN and NODATA (RFC 2308, RFC 4035 §3.1.3): the SOA that says for how long, and proofs under DO."""

from zonegit.dns.blocks import Node
from zonegit.dns.draft import Draft
from zonegit.dns.message import Rcode
from zonegit.dns.nsec import prove_cover, prove_match
from zonegit.dns.zones import Zone
from zonegit.model.names import OwnerKey


def no_data(zone: Zone, key: OwnerKey, node: Node, draft: Draft) -> None:
    """The owner is there, as a node or an empty non-terminal (`node` is {} then), without the type."""
    _put_soa(zone, draft)
    if draft.do and zone.nsec:
        prove_match(zone, key, node, draft)


def no_name(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
    """Neither the owner nor a wildcard below its closest encloser is there (RFC 4035 §3.1.3.2)."""
    draft.rcode = Rcode.NXDOMAIN
    _put_soa(zone, draft)
    if draft.do and zone.nsec:
        prove_cover(zone, key, draft)
        prove_cover(zone, OwnerKey(encloser + b"*\0"), draft)


def _put_soa(zone: Zone, draft: Draft) -> None:
    zone.top()
    draft.authority += zone.negative if draft.do else zone.negative[:1]
