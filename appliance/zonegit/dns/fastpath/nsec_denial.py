"""Denials for DO queries in a zone that is signed with NSEC (RFC 4035 §3.1.3.2).

For names right below the apex these are the SOA and its signatures, the NSEC before the name, and the NSEC before
the apex's wildcard if that is another one. All names of one length in one gap get the same, so it is made once.
"""

from zonegit.dns.access.requestor import NOBODY
from zonegit.dns.fastpath.gap_cache import Gap
from zonegit.dns.fastpath.zone_index import LIMIT, ZoneIndex
from zonegit.dns.lookup.nsec import cut_above
from zonegit.dns.wire.encode import COUNTS, encode
from zonegit.dns.wire.message import HEADER_SIZE, MAX_MESSAGE
from zonegit.dns.wire.name_table import POINTER
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import node_of, signatures, split
from zonegit.model.names import OwnerKey, WireName, key_owner
from zonegit.model.rdata import NSEC, A


def proven_denial(index: ZoneIndex, name: bytes, key: bytes, gap: Gap | None) -> tuple[bytes, bytes] | None:
    """Counts and records for an absent name with nothing below it, in this gap if that is known. None: it is for
    the slow path."""
    if gap is not None:
        low, block = gap.low, gap.block
    else:
        found = index.blocks.before(key)
        if found is None:
            return None
        low, block = index.prefix + found[0], found[1]
    gap_and_size = (low, len(name))
    made = index.proofs.get(gap_and_size)
    if made is None:
        made = _prove(index, name, low, block)
        if made is not None:
            if len(index.proofs) >= LIMIT:
                index.proofs.clear()
            index.proofs[gap_and_size] = made
    return made


def _prove(index: ZoneIndex, name: bytes, low: bytes, block: bytes) -> tuple[bytes, bytes] | None:
    # 1. Find both NSECs. The wildcard's must be at the apex or the same one: no other owner is compressed.
    wildcard_nsec = index.wildcard_nsec
    if wildcard_nsec is None:
        found = index.blocks.before(index.prefix + b"*\0")
        wildcard_nsec = index.wildcard_nsec = None if found is None else _covering_nsec(index, *found)
    cover = _covering_nsec(index, low[len(index.prefix) :], block)
    if wildcard_nsec is None or cover is None or wildcard_nsec[0] not in (b"", cover[0]):
        return None
    # 2. Write the SOA, then each NSEC and its signatures, whose owners point to the first one's.
    records, out = _soa(index, name)
    end = HEADER_SIZE + len(name)
    apex = (POINTER | end - len(index.apex)).to_bytes(2, "big")
    for owner, rrs in (cover,) if cover[0] == wildcard_nsec[0] else (cover, wildcard_nsec):
        here = end + 4 + len(out)
        pointer = apex if not owner else (POINTER | here).to_bytes(2, "big")
        out += (owner + apex if owner else apex) + rrs[0][2:]
        out += b"".join(pointer + rr[2:] for rr in rrs[1:])
        records += len(rrs)
    return COUNTS.pack(0, records, 1), out


def _soa(index: ZoneIndex, name: bytes) -> tuple[int, bytes]:
    """The number of records in the signed SOA, and the records."""
    known = index.signed_soa.get(len(name))
    if known is None:
        draft = Draft(WireName(name), A, do=True, sender=NOBODY)
        draft.authority += index.zone.negative
        counts, out = encode(draft, MAX_MESSAGE, edns=True)
        known = index.signed_soa[len(name)] = COUNTS.unpack(counts)[1], out
    return known


def _covering_nsec(index: ZoneIndex, key: bytes, block: bytes) -> tuple[bytes, list[bytes]] | None:
    """The NSEC that covers what comes after a key: its owner without the apex, then it and its signatures. None
    where there is none, or where it shares names with other records of a denial, which would need other
    pointers."""
    node = node_of(block)
    if 0 in node:  # a large block, which isn't in the view
        return None
    if NSEC not in node:
        cut = cut_above(index.zone, OwnerKey(key))  # glue, for example: the chain continues from the cut
        if cut is None:
            return None
        key, node = cut
    owner = key_owner(OwnerKey(key))
    signed = signatures(node, NSEC)
    if NSEC not in node or node[NSEC][0] != 1 or signed is None:
        return None
    at = 0
    while at < len(owner):
        if owner[at:] + index.apex in index.soa_names:
            return None
        at += 1 + owner[at]
    return owner, [node[NSEC][1], *split(signed[1])]
