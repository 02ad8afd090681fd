"""The complete zone: its own records, and those that signing adds beside signatures and the chain of denial.

A zone that has signatures or a chain of its own is refused: they would be wrong in the signed version.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.dnssec.signing.denial import record_ttl, stored_record
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.dnssec.signing.zonemd import zonemd
from zonegit.errors import DnssecError
from zonegit.model.names import APEX, APEX_KEY, absolute, to_text
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, NSEC, NSEC3, NSEC3PARAM, RRSIG, ZONEMD
from zonegit.model.rrset import SOA_KEY, RRKey, RRset, key_parts, rr_key
from zonegit.model.zone import Shape
from zonegit.tree.edit import edit
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.types import type_text

Entry = tuple[RRKey, bytes]
"""A key and its stored RRset."""

AT_APEX: Final = tuple(rr_key(APEX_KEY, rtype) for rtype in (DNSKEY, CDS, CDNSKEY, ZONEMD))
"""What signing may add at the apex."""
ZONEMD_KEY: Final = rr_key(APEX_KEY, ZONEMD)
_GENERATED: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (RRSIG, NSEC, NSEC3, NSEC3PARAM))


def complete(unsigned: Tree, shape: Shape, plan: SigningPlan) -> Tree:
    """The complete zone; its new nodes needn't be stored. `DnssecError` if its own ZONEMD would be wrong."""
    if not plan.zonemd and unsigned.payload(ZONEMD_KEY):
        raise DnssecError(
            f"{to_text(plan.apex)} can't be signed: it has a ZONEMD record of its own, which would be wrong in the "
            "signed zone; remove the record, or set zonemd = true"
        )
    added = dict(additions(unsigned, plan))
    built = edit(unsigned.nodes, unsigned.root, shape, added.items())
    return Tree(unsigned.nodes.over(built.by_id), built.root)


def additions(unsigned: Tree, plan: SigningPlan) -> Iterator[Entry]:
    """The RRsets that the complete zone has and the unsigned one doesn't, or not with all of these records."""
    for rtype, found in ((DNSKEY, plan.dnskeys), (CDS, plan.cds), (CDNSKEY, plan.cdnskeys)):
        if found:
            yield _joined(unsigned, RRset.of(APEX, rtype, plan.dnskey_ttl, found))
    for payload in plan.additions.values():
        yield _joined(unsigned, RRset.decode(payload))
    if plan.zonemd:
        yield ZONEMD_KEY, digest_rrset(unsigned, zonemd(plan.serial))


def digest_rrset(zone: Tree, rdata: bytes) -> bytes:
    """The stored ZONEMD RRset of a zone, with the TTL of its SOA (RFC 8976 §2.1)."""
    soa = zone.payload(SOA_KEY)
    if soa is None:
        raise DnssecError("the zone can't be signed: it has no SOA record at its apex")
    return stored_record(APEX, ZONEMD, record_ttl(soa), rdata)


def _joined(unsigned: Tree, rrset: RRset) -> Entry:
    """The RRset, with the records that the zone itself has under its key."""
    own = unsigned.payload(rrset.key)
    if own is not None:
        rrset = RRset.of(rrset.owner, rrset.rtype, rrset.ttl, (*rrset.rdatas, *RRset.decode(own).rdatas))
    return rrset.key, rrset.encode()


def own_entries(entries: Iterable[Entry], plan: SigningPlan) -> Iterator[Entry]:
    """The same entries, each of them looked at: `DnssecError` at one that signing would have to generate."""
    for entry in entries:
        if entry[0][-2:] in _GENERATED:
            refuse(entry[0], plan)
        yield entry


def refuse(key: RRKey, plan: SigningPlan) -> None:
    """`DnssecError` if signing would have to generate what is under this key."""
    if key[-2:] in _GENERATED:
        owner, rtype = key_parts(key)
        zone, name = to_text(plan.apex), to_text(absolute(owner, plan.apex))
        raise DnssecError(
            f"{zone} can't be signed: it has {type_text(rtype)} records of its own, the first at {name}; "
            "import it with `zonegit import --drop-signatures`"
        )
