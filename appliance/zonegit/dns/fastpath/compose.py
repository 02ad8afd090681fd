"""Composes responses from the RRsets at one owner: positive answers, aliases, referrals, denials of data.

Each function returns `Parts`, or None for what it leaves to the slow path. `body` is a query behind its id.
"""

from typing import Final

from zonegit.dns.fastpath.targets import records_at_target, referral, shared, with_target_compressed
from zonegit.dns.fastpath.template import NAME_RDATA, SIMPLE, AnswerTemplate
from zonegit.dns.fastpath.zone_index import Cut
from zonegit.dns.lookup.additional import ALIAS_MODE, SERVICES, targets_owner
from zonegit.dns.wire.encode import COUNTS
from zonegit.dns.wire.rrsets import RR_FIXED, split
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.model.rdata import AAAA, CNAME, NS, NSEC3, RRSIG, A
from zonegit.tree.version import BLOCK_ITEM, block_items

Parts = tuple[bytes, bytes, int]
"""Flags and counts; the records behind the question; the slot that counts the response."""
RECORDS: Final = 32
"""Answers with fewer records use a precomputed header (`QueryShape.headers`)."""


def at_owner(zones: ServedZones, body: bytes, template: AnswerTemplate, key: bytes, block: bytes) -> Parts | None:
    """The response for a name that exists, from the block at its owner."""
    # 1. Pick out of the block what decides: the type that was asked for, an alias, signatures, a delegation.
    qtype = template.qtype
    found = alias = signed = None
    at = 0
    end = len(block)
    while at < end:
        rtype, records, size = BLOCK_ITEM.unpack_from(block, at)
        start = at + BLOCK_ITEM.size
        at = start + size
        if rtype == NSEC3 or not rtype or (rtype == NS and template.needs_proof):
            return None  # a hashed owner is no name (RFC 5155 §7.2.8); a signed zone's cuts have proofs
        if rtype == NS:
            return refer(body, template, Cut(template.name(body), key, block[start:at]))
        if rtype == qtype:
            found = records, block[start:at]
        elif rtype == CNAME:
            if records != 1:
                return None  # no zone may have more: the slow path follows the first
            alias = block[start:at]
        elif rtype == RRSIG and template.do:
            signed = block[start:at]
    # 2. Signatures and an alias come before the plain RRset: neither may stand beside it unseen.
    if signed is not None or template.needs_proof:
        return _signed(template, found, alias, signed)
    if alias is not None:
        return _alias(zones, body, template, alias)
    if found is not None:
        return _positive(zones, body, template, block, *found)
    # 3. The name exists without the type. A denial of a name that the SOA holds is compressed otherwise.
    return None if template.name(body) in template.index.soa_names else no_data(body, template)


def from_wildcard(body: bytes, template: AnswerTemplate, block: bytes) -> Parts | None:
    """The response for a name that doesn't exist, from its wildcard's block. The SOA must not hold the name."""
    found = None
    for rtype, records, rrs in block_items(block):
        if rtype in (0, CNAME, NS) or (rtype == RRSIG and template.do):
            return None
        if rtype == template.qtype:
            found = records, rrs
    if found is None:
        return no_data(body, template)
    if template.simple_type < 0 or found[0] >= RECORDS:
        return None
    return template.headers[found[0]], found[1], template.positive


def no_data(body: bytes, template: AnswerTemplate) -> Parts:
    """NOERROR without an answer (RFC 2308 §2.2)."""
    counts, records = template.index.denial(template.name(body), template.shape.edns)
    return template.shape.flags + counts, records, template.positive


def nxdomain(body: bytes, template: AnswerTemplate) -> Parts:
    """NXDOMAIN without proofs (RFC 2308 §2.1)."""
    counts, records = template.index.denial(template.name(body), template.shape.edns)
    return template.shape.absent + counts, records, template.negative


def refer(body: bytes, template: AnswerTemplate, cut: Cut) -> Parts | None:
    """The referral at a cut that the name is at or below."""
    made = referral(template.index, cut, len(template.name(body)), template.shape.edns)
    return None if made is None else (template.shape.referring + made[0], made[1], template.positive)


def _signed(
    template: AnswerTemplate, found: tuple[int, bytes] | None, alias: bytes | None, signed: bytes | None
) -> Parts | None:
    """The RRset that was asked for and its signatures."""
    qtype = template.qtype
    if found is None or alias is not None or qtype not in SIMPLE:
        return None
    covered = qtype.to_bytes(2, "big")
    signatures = [rr for rr in split(signed or b"") if rr[12:14] == covered]
    records = found[0] + len(signatures)
    if records >= RECORDS:
        return None
    return template.headers[records], found[1] + b"".join(signatures), template.positive


def _positive(
    zones: ServedZones, body: bytes, template: AnswerTemplate, block: bytes, records: int, rrs: bytes
) -> Parts | None:
    """The RRset that was asked for, and what its type asks to be added."""
    qtype, index = template.qtype, template.index
    # 1. RDATA without names: the view's bytes are the answer's.
    if qtype in SIMPLE:
        return None if records >= RECORDS else (template.headers[records], rrs, template.positive)
    # 2. RDATA that is a name: only that is compressed.
    name = template.name(body)
    if qtype in NAME_RDATA:
        record = with_target_compressed(zones, index, name, rrs) if records == 1 else None
        return None if record is None else (template.headers[1], record, template.positive)
    # 3. A service at its own owner: addresses beside it are additional.
    if qtype in SERVICES and targets_owner(rrs):
        return _own_service(template, block, rrs) if records == 1 else None
    # 4. Other types with additional records: made by the slow path, and shared by all names with the same records.
    if name[1 + name[0] :] != index.apex:
        return None
    same = shared(zones, index, name, qtype, rrs, template.shape.edns)
    return None if same is None else (template.shape.flags + same.counts, same.records, template.positive)


def _own_service(template: AnswerTemplate, block: bytes, rr: bytes) -> Parts:
    """An SVCB or HTTPS record whose target is its owner, and the addresses there."""
    found = rr
    records = template.shape.edns
    if rr[RR_FIXED : RR_FIXED + 2] != ALIAS_MODE:
        for rtype, number, rrs in block_items(block):
            if rtype in (A, AAAA):
                found += rrs
                records += number
    return template.shape.flags + COUNTS.pack(1, 0, records), found, template.positive


def _alias(zones: ServedZones, body: bytes, template: AnswerTemplate, rr: bytes) -> Parts | None:
    """A CNAME, and what is at its target if that is in this zone."""
    qtype, index, name = template.qtype, template.index, template.name(body)
    record = with_target_compressed(zones, index, name, rr)
    if record is None:
        return None
    if qtype == CNAME:
        return template.headers[1], record, template.positive
    if qtype not in SIMPLE:
        return None
    more = records_at_target(zones, index, name, rr, qtype)
    if more is None or more[0] + 1 >= RECORDS:
        return None
    return template.headers[1 + more[0]], record + more[1], template.positive
