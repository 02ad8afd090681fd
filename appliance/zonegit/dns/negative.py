"""NXDOMAIN, NODATA and what else isn't there (RFC 2308): the SOA that says for how long, and proofs under DO.

Proofs are by NSEC (RFC 4035 §3.1.3) or by NSEC3 (RFC 5155 §7.2), as the zone is signed.
"""

from zonegit.dns import nsec3
from zonegit.dns.blocks import Node
from zonegit.dns.draft import Draft
from zonegit.dns.message import Rcode
from zonegit.dns.nsec import prove_cover, prove_match
from zonegit.dns.zones import Zone
from zonegit.model.names import OwnerKey


def no_data(zone: Zone, key: OwnerKey, node: Node, draft: Draft) -> None:
    """The owner is there, as a node or an empty non-terminal (`node` is {} then), without the type."""
    _put_soa(zone, draft)
    prove_no_type(zone, key, node, draft)


def no_name(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
    """Neither the owner nor a wildcard below its closest encloser is there."""
    draft.rcode = Rcode.NXDOMAIN
    _put_soa(zone, draft)
    if not draft.do:
        return
    if zone.nsec:
        prove_cover(zone, key, draft)
        prove_cover(zone, OwnerKey(encloser + b"*\0"), draft)
    elif zone.hashed is not None:
        nsec3.prove_no_name(zone, key, encloser, draft)


def no_data_at_wildcard(zone: Zone, key: OwnerKey, encloser: OwnerKey, node: Node, draft: Draft) -> None:
    """The owner isn't there, and the wildcard below its closest encloser lacks the type."""
    _put_soa(zone, draft)
    if not draft.do:
        return
    if zone.nsec:
        prove_match(zone, OwnerKey(encloser + b"*\0"), node, draft)
        prove_cover(zone, key, draft)
    elif zone.hashed is not None:
        nsec3.prove_wildcard_no_data(zone, key, encloser, draft)


def prove_no_type(zone: Zone, key: OwnerKey, node: Node, draft: Draft) -> None:
    """Under DO, show that an owner lacks the type: what was asked for, or DS at a cut."""
    if not draft.do:
        return
    if zone.nsec:
        prove_match(zone, key, node, draft)
    elif zone.hashed is not None:
        nsec3.prove_no_data(zone, key, draft)


def prove_no_closer(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
    """Under DO, show that the owner isn't there and the wildcard could be answered from."""
    if not draft.do:
        return
    if zone.nsec:
        prove_cover(zone, key, draft)
    elif zone.hashed is not None:
        nsec3.prove_wildcard(zone, key, encloser, draft)


def _put_soa(zone: Zone, draft: Draft) -> None:
    zone.top()
    draft.authority += zone.negative if draft.do else zone.negative[:1]
