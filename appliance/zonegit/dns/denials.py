"""Denials under DO in a zone that is signed with NSEC (RFC 4035 §3.1.3.2), written for the straight way.

For names right below the apex: the SOA and its signatures, the NSEC before the name, the NSEC before the apex's
wildcard where that is another one. For all names of one length in one gap that is the same, so it is made once.
"""

from typing import Final

from zonegit.dns.blocks import node_of, signatures, split
from zonegit.dns.compress import COUNTS, encode
from zonegit.dns.draft import Draft
from zonegit.dns.gaps import Gap
from zonegit.dns.message import MAX_MESSAGE
from zonegit.dns.nsec import cut_above
from zonegit.dns.ways import LIMIT, Way
from zonegit.model.names import OwnerKey, WireName, key_owner
from zonegit.model.rdata import NSEC, A

_QUESTION: Final = 12
_POINTER: Final = 0xC000


def proven_denial(way: Way, name: bytes, key: bytes, gap: Gap | None) -> tuple[bytes, bytes] | None:
    """Counts and records for a name that isn't there nor any below it, in this gap if that is known; None where the
    walk has more to look at."""
    if gap is not None:
        low, block = gap.low, gap.block
    else:
        found = way.before(key)
        if found is None:
            return None
        low, block = way.prefix + found[0], found[1]
    mark = (low, len(name))
    made = way.proofs.get(mark)
    if made is None:
        made = _prove(way, name, low, block)
        if made is not None:
            if len(way.proofs) >= LIMIT:
                way.proofs.clear()
            way.proofs[mark] = made
    return made


def _prove(way: Way, name: bytes, low: bytes, block: bytes) -> tuple[bytes, bytes] | None:
    wild = way.wild_cover
    if wild is None:
        found = way.before(way.prefix + b"*\0")
        wild = way.wild_cover = None if found is None else _cover(way, *found)
    cover = _cover(way, low[len(way.prefix) :], block)
    if wild is None or cover is None or wild[0] not in (b"", cover[0]):
        return None
    records, out = _soa(way, name)
    end = _QUESTION + len(name)
    apex = (_POINTER | end - len(way.apex)).to_bytes(2, "big")
    for owner, rrs in (cover,) if cover[0] == wild[0] else (cover, wild):
        here = end + 4 + len(out)
        pointer = apex if not owner else (_POINTER | here).to_bytes(2, "big")
        out += (owner + apex if owner else apex) + rrs[0][2:]
        out += b"".join(pointer + rr[2:] for rr in rrs[1:])
        records += len(rrs)
    return COUNTS.pack(0, records, 1), out


def _soa(way: Way, name: bytes) -> tuple[int, bytes]:
    """The SOA with its signatures, and how many records they are."""
    known = way.signed_soa.get(len(name))
    if known is None:
        draft = Draft(WireName(name), A, do=True, client=b"")
        draft.authority += way.zone.negative
        counts, out = encode(draft, MAX_MESSAGE, edns=True)
        known = way.signed_soa[len(name)] = COUNTS.unpack(counts)[1], out
    return known


def _cover(way: Way, key: bytes, block: bytes) -> tuple[bytes, list[bytes]] | None:
    """The owner of the NSEC that spans what lies behind a key, without the apex, and that NSEC with its signatures.
    None where that isn't as simple: there is none, or it shares names with what else stands in a denial."""
    node = node_of(block)
    if 0 in node:  # what a view doesn't hold
        return None
    if NSEC not in node:
        cut = cut_above(way.zone, OwnerKey(key))  # glue, say: the chain goes on from the cut
        if cut is None:
            return None
        key, node = cut
    owner = key_owner(OwnerKey(key))
    signed = signatures(node, NSEC)
    if NSEC not in node or node[NSEC][0] != 1 or signed is None:
        return None
    at = 0
    while at < len(owner):
        if owner[at:] + way.apex in way.soa_names:
            return None
        at += 1 + owner[at]
    return owner, [node[NSEC][1], *split(signed[1])]
