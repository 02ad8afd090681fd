"""Proofs by NSEC3 records (RFC 5155 §7.2): what hashed owners say about names and types that aren't there.

With opt-out (§6) an encloser that is there only for unsigned delegations has no NSEC3: the next one above that has
is the closest provable encloser.
"""

from typing import Final

from zonegit.dns.blocks import Node
from zonegit.dns.budget import HASH, HASHED, NAME
from zonegit.dns.draft import Draft
from zonegit.dns.hashing import hashed_key, next_hash
from zonegit.dns.landmarks import Search
from zonegit.dns.zones import MISSES, Zone
from zonegit.dnssec.hashing import Parameters
from zonegit.model.names import APEX_KEY, OwnerKey, absolute, key_owner
from zonegit.model.rdata import NSEC3

MOST_ITERATIONS: Final = 150
"""Iterations up to which hashes are made for queries: as many as BIND and Unbound validate."""


def prove_no_name(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
    """Neither the name nor a wildcard is there (§7.2.2)."""
    if _is_dear(zone, draft):
        return
    above = _prove_encloser(zone, key, encloser, draft)
    _cover(zone, OwnerKey(above + b"*\0"), draft, shared=True)


def prove_no_data(zone: Zone, key: OwnerKey, draft: Draft) -> None:
    """The name is there without the type (§7.2.3), or is a delegation without DS (§7.2.4, §7.2.7)."""
    if _is_dear(zone, draft):
        return
    if not _match(zone, key, draft) and key:  # above the apex there is nothing to show
        _prove_encloser(zone, key, _parent(key), draft)


def prove_wildcard(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
    """No name is closer than the wildcard that was answered from (§7.2.6)."""
    if _is_dear(zone, draft):
        return
    _cover(zone, _next_closer(key, encloser), draft)


def prove_wildcard_no_data(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
    """The name isn't there, and the wildcard lacks the type (§7.2.5)."""
    if _is_dear(zone, draft):
        return
    above = _prove_encloser(zone, key, encloser, draft)
    wildcard = OwnerKey(above + b"*\0")
    if not _match(zone, wildcard, draft):
        _cover(zone, wildcard, draft, shared=True)


def _prove_encloser(zone: Zone, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> OwnerKey:
    """Show the closest encloser that can be shown, and that the next name towards `key` isn't there (§7.2.1)."""
    while not _match(zone, encloser, draft) and encloser:
        encloser = _parent(encloser)
    _cover(zone, _next_closer(key, encloser), draft)
    return encloser


def _match(zone: Zone, key: OwnerKey, draft: Draft) -> bool:
    """Add the NSEC3 of an owner; whether it has one."""
    chain = zone.hashed
    if chain is None:
        return False
    hashed = hashed_key(_hash(zone, chain, key, shared=True))
    node = zone.node(hashed)
    if node is None or next_hash(chain, node) is None:
        return False
    _add(zone, hashed, node, draft)
    return True


def _cover(zone: Zone, key: OwnerKey, draft: Draft, *, shared: bool = False) -> None:
    """Add the NSEC3 that spans the hash of an owner which isn't there, or has none."""
    chain = zone.hashed
    if chain is None:
        return
    digest = _hash(zone, chain, key, shared=shared)
    search = _search(zone, chain)
    apex = _hash(zone, chain, APEX_KEY, shared=True)
    found = search.near(digest, apex)
    if found is None and zone.misses < MISSES:
        zone.misses += 1
        found = search.far(digest, apex)
        zone.misses = MISSES if found is None else zone.misses - 1
    if found is not None:
        _add(zone, *found, draft)


def _search(zone: Zone, chain: Parameters) -> Search:
    return Search(chain, zone.node, zone.before, zone.owners_before, zone.landmarks)


def _is_dear(zone: Zone, draft: Draft) -> bool:
    """Whether the zone's hashes are too dear to be made for each query. Then all that is shown is how dear they
    are: one NSEC3, for whose iterations validators take the answer as unsigned (RFC 9276 §3.2).
    """
    chain = zone.hashed
    if chain is None or chain.iterations <= MOST_ITERATIONS:
        return False
    if zone.witness is None and zone.misses < MISSES:
        zone.misses += 1
        zone.witness = _search(zone, chain).any_hashed()
    if zone.witness is not None:
        _add(zone, *zone.witness, draft)
    return True


def _hash(zone: Zone, chain: Parameters, key: OwnerKey, *, shared: bool) -> bytes:
    zone.pay(HASHED)
    known = zone.hashes
    digest = known.get(key)
    if digest is None:
        zone.pay((chain.iterations + 1) * HASH + NAME * len(key))
        digest = chain.hash(absolute(key_owner(key), zone.apex))
        if shared:
            known[key] = digest
    return digest


def _next_closer(key: OwnerKey, encloser: OwnerKey) -> OwnerKey:
    """The name one label below an encloser towards `key`."""
    return OwnerKey(key[: key.index(b"\0", len(encloser)) + 1])


def _parent(key: OwnerKey) -> OwnerKey:
    return OwnerKey(key[: key.rfind(b"\0", 0, -1) + 1])


def _add(zone: Zone, key: OwnerKey, node: Node, draft: Draft) -> None:
    draft.put_once(draft.authority, absolute(key_owner(key), zone.apex), NSEC3, node)
