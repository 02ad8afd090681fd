"""Denials under DO in a zone that is signed with NSEC (RFC 4035 §3.1.3.2), written for the straight way.

For names right below the apex: the SOA and its signatures, the NSEC before the name, the NSEC before the apex's
wildcard where that is another one. The first and the last are the same for all names of one length.
"""

from typing import Final

from zonegit.dns.blocks import node_of, signatures, split
from zonegit.dns.compress import COUNTS, encode
from zonegit.dns.draft import Draft
from zonegit.dns.message import MAX_MESSAGE
from zonegit.dns.ways import LIMIT, Way
from zonegit.model.names import OwnerKey, WireName, key_owner
from zonegit.model.rdata import NSEC, A

_QUESTION: Final = 12
_POINTER: Final = 0xC000


def proven_denial(way: Way, name: bytes, key: bytes) -> tuple[bytes, bytes] | None:
    """Counts and records for a name that isn't there nor any below it; None where the walk has more to look at."""
    if way.wild_cover is None:
        found = _before(way, way.prefix + b"*\0")
        if found is None:
            return None
        way.wild_cover = found
    cover = _before(way, key)
    if cover is None:
        return None
    records, out = _soa(way, name)
    end = _QUESTION + len(name)
    apex = (_POINTER | end - len(way.apex)).to_bytes(2, "big")
    if way.wild_cover[0] not in (b"", cover[0]):
        return None
    for owner, rrs in (cover,) if cover[0] == way.wild_cover[0] else (cover, way.wild_cover):
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


def _before(way: Way, key: bytes) -> tuple[bytes, list[bytes]] | None:
    """The owner in front of a key, without the apex, and its NSEC with the signatures. None where that isn't as
    simple: it has no NSEC, or shares names with what else stands in a denial."""
    found = way.before(key)
    if found is None:
        return None
    known = way.covers.get(found[0])
    if known is None:
        known = _cover(way, *found)
        if known is not None:
            if len(way.covers) >= LIMIT:
                way.covers.clear()
            way.covers[found[0]] = known
    return known


def _cover(way: Way, key: bytes, block: bytes) -> tuple[bytes, list[bytes]] | None:
    node = node_of(block)
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
