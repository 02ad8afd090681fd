"""Proofs by NSEC records (RFC 4035 §3.1.3): what a zone's chain says about names and types that aren't there."""

from collections.abc import Iterator

from zonegit.dns.blocks import Node
from zonegit.dns.budget import NAME
from zonegit.dns.draft import Draft
from zonegit.dns.zones import MISSES, Zone
from zonegit.model.names import OwnerKey, absolute, key_owner
from zonegit.model.rdata import DNAME, NS, NSEC

_STEPS = 64
"""How many owners without an NSEC of their own, and not below a cut, are passed over."""


def prove_match(zone: Zone, key: OwnerKey, node: Node, draft: Draft) -> None:
    """Add the NSEC of an owner, or the one that spans an empty non-terminal: it lacks the type asked for."""
    if NSEC in node:
        _add(zone, key, node, draft)
    else:
        prove_cover(zone, key, draft)


def prove_cover(zone: Zone, key: OwnerKey, draft: Draft) -> None:
    """Add the NSEC that spans an owner which isn't there."""
    found = zone.before(key)
    if found is not None and NSEC not in found[1] and zone.misses < MISSES:
        zone.misses += 1
        found = _further(zone, found[0])
        zone.misses = MISSES if found is None else zone.misses - 1
    if found is not None and NSEC in found[1]:
        _add(zone, *found, draft)


def _further(zone: Zone, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
    """The owner with an NSEC that spans what lies behind an owner without one."""
    for _ in range(_STEPS):
        cut = cut_above(zone, key)
        if cut is not None:
            key, node = cut
            if NSEC in node:
                return key, node
        found = zone.before(key)
        if found is None or NSEC in found[1]:
            return found
        key = found[0]
    return None


def cut_above(zone: Zone, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
    """The delegation or DNAME that occludes an owner: NSECs stop there, however many names are below."""
    zone.pay(NAME * len(key))
    for above, _, node in zone.down(list(_above(key)), {}):
        if NS in node or DNAME in node:
            return above, node
    return None


def _above(key: OwnerKey) -> Iterator[tuple[OwnerKey, int]]:
    """The owners between the apex and this one."""
    end = 0
    while (end := key.find(b"\0", end) + 1) and end < len(key):
        yield OwnerKey(key[:end]), end


def _add(zone: Zone, key: OwnerKey, node: Node, draft: Draft) -> None:
    draft.put_once(draft.authority, absolute(key_owner(key), zone.apex), NSEC, node)
