"""The chain of NSEC records around changes, and the whole of it (RFC 4034 §4, RFC 9077)."""

from collections.abc import Iterable, Iterator

from zonegit.dnssec.nodes import Node, Place, nodes
from zonegit.dnssec.proving import bitmaps
from zonegit.dnssec.proving.changes import Change, Served, ttl_of
from zonegit.model.names import APEX_KEY, OwnerKey, key_owner, lower, to_text
from zonegit.model.rdata import DS, NS, NSEC, NSEC3, NSEC3PARAM, RRSIG, name_end
from zonegit.model.rrset import rdatas

_AT_A_CUT = frozenset({NS, DS, RRSIG, NSEC})


def whole_nsec(new: Served, ttl: int) -> Iterator[str]:
    """Everything wrong with the chain. `ttl`: what its records must have."""
    last = new.node(APEX_KEY)
    for node in nodes(new.entries()):
        yield from _strays(new, node)
        if node.in_chain and node.key != last.key:
            yield from _faults(new, last, node.key, ttl)
            last = node
    yield from _faults(new, last, APEX_KEY, ttl)


def nsec_around(new: Served, changes: Iterable[Change], ttl: int) -> Iterator[str]:
    """What is wrong with it at changed owners and those before them; elsewhere it was right, and is as it was."""
    looked_at: set[OwnerKey] = set()
    for node, before in changes:
        chained = bool(node.types) and node.in_chain
        around = [node.key] if chained else []
        if chained != (NSEC in before):
            around.append(new.before(node.key))
        for owner in around:
            if owner not in looked_at:
                looked_at.add(owner)
                yield from _faults(new, node if owner == node.key else new.node(owner), new.after(owner), ttl)
        yield from _strays(new, node)


def _strays(new: Served, node: Node) -> Iterator[str]:
    if NSEC in node.types and not node.in_chain:
        yield f"{new.name(node.key, NSEC)}: the zone doesn't answer for this name"
    if NSEC3 in node.types or NSEC3PARAM in node.types:
        yield f"{new.name(node.key)}: an NSEC3 or NSEC3PARAM record in a zone that has NSEC records"


def _faults(new: Served, node: Node, following: OwnerKey, ttl: int) -> Iterator[str]:
    for fault in _record_faults(node, key_owner(following) + new.apex, ttl):
        yield f"{new.name(node.key, NSEC)}: {fault}"


def _record_faults(node: Node, following: bytes, ttl: int) -> Iterator[str]:
    if NSEC not in node.types:
        yield "missing"
        return
    payload = node.types[NSEC]
    records = rdatas(payload)
    if len(records) > 1:
        yield f"{len(records)} records; a name has one"
        return
    (rdata,) = records
    end = name_end(rdata, 0)
    if lower(rdata[:end]) != following:
        yield f"leads to {to_text(rdata[:end])}; the next name is {to_text(following)}"
    there = node.types.keys() & _AT_A_CUT if node.place is Place.CUT else node.types.keys()
    if fault := bitmaps.fault(rdata[end:], there):
        yield fault
    if (found := ttl_of(payload)) != ttl:
        yield f"TTL {found}; negative answers have TTL {ttl} (RFC 9077)"
