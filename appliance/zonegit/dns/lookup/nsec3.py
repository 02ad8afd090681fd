"""Denial of existence with NSEC3 records. All sections named here are RFC 5155's.

An NSEC3 *matches* a name if it has the name's hash, and *covers* a name whose hash is between its own and the next.
With opt-out (§6) an encloser that exists only for unsigned delegations has no NSEC3. Then the closest provable
encloser is the next one above that has.
"""

from typing import NamedTuple

from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.nsec3_chain import Search
from zonegit.dns.zone.nsec3_hash import hashed_key, next_hash
from zonegit.dns.zone.query_budget import HASH, HASHED_OWNER, NAME_BYTE
from zonegit.dns.zone.zone_state import MAX_FAILED_PROOFS, ZoneState, wildcard_key
from zonegit.dnssec.hashing import Parameters
from zonegit.model.names import APEX_KEY, OwnerKey, absolute, key_owner, parent_key
from zonegit.model.rdata import NSEC3


class Nsec3Prover(NamedTuple):
    """A `Prover` for a zone that is signed with NSEC3."""

    chain: Parameters

    def no_data(self, zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
        """The NSEC3 that matches the owner (§7.2.3, §7.2.4). A delegation that opted out has none: then the closest
        provable encloser proof (§7.2.4, §7.2.7)."""
        if not self._match(zone, key, draft) and key:  # the apex has no encloser in its zone
            self._prove_encloser(zone, key, parent_key(key), draft)

    def nxdomain(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        """The closest encloser proof, and the NSEC3 that covers the wildcard below that encloser (§7.2.2)."""
        provable = self._prove_encloser(zone, key, encloser, draft)
        self._cover(zone, wildcard_key(provable), draft, shared=True)

    def wildcard_no_data(
        self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, node: Node, draft: Draft
    ) -> None:
        """The closest encloser proof, and the NSEC3 that matches the wildcard (§7.2.5). One that covers it, if the
        wildcard exists only for unsigned delegations and opted out."""
        provable = self._prove_encloser(zone, key, encloser, draft)
        wildcard = wildcard_key(provable)
        if not self._match(zone, wildcard, draft):
            self._cover(zone, wildcard, draft, shared=True)

    def wildcard_answer(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        """The NSEC3 that covers the next closer name (§7.2.6). The encloser needs none: the labels field of the
        wildcard's signature gives it away."""
        self._cover(zone, _next_closer(key, encloser), draft)

    def _prove_encloser(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> OwnerKey:
        """Add the closest encloser proof (§7.2.1): the NSEC3 that matches the closest provable encloser, which is
        returned, and the one that covers the next closer name."""
        while not self._match(zone, encloser, draft) and encloser:
            encloser = parent_key(encloser)
        self._cover(zone, _next_closer(key, encloser), draft)
        return encloser

    def _match(self, zone: ZoneState, key: OwnerKey, draft: Draft) -> bool:
        """Add the NSEC3 that matches an owner. False if there is none."""
        hashed = hashed_key(self._hash(zone, key, shared=True))
        node = zone.node(hashed)
        if node is None or next_hash(self.chain, node) is None:
            return False
        _add(zone, hashed, node, draft)
        return True

    def _cover(self, zone: ZoneState, key: OwnerKey, draft: Draft, *, shared: bool = False) -> None:
        """Add the NSEC3 that covers an owner: one that doesn't exist, or has no NSEC3 of its own."""
        digest = self._hash(zone, key, shared=shared)
        search = _search(zone, self.chain)
        apex = self._hash(zone, APEX_KEY, shared=True)
        found = search.near(digest, apex)
        if found is None and zone.failed_proofs < MAX_FAILED_PROOFS:
            zone.failed_proofs += 1  # stays counted if the search raises, for example because it reads too much
            found = search.far(digest, apex)
            zone.failed_proofs = MAX_FAILED_PROOFS if found is None else zone.failed_proofs - 1
        if found is not None:
            _add(zone, *found, draft)

    def _hash(self, zone: ZoneState, key: OwnerKey, *, shared: bool) -> bytes:
        """The hash of an owner; kept if `shared`: many denials need those of enclosers and wildcards."""
        zone.pay(HASHED_OWNER)
        known = zone.hashes
        digest = known.get(key)
        if digest is None:
            zone.pay((self.chain.iterations + 1) * HASH + NAME_BYTE * len(key))
            digest = self.chain.hash(absolute(key_owner(key), zone.apex))
            if shared:
                known[key] = digest
        return digest


class CostlyNsec3Prover(NamedTuple):
    """A `Prover` for a zone with too many iterations to compute hashes for each query.

    It adds any one NSEC3. From its iterations validators see that they treat the zone as insecure (RFC 9276 §3.2),
    and then they need no proof.
    """

    chain: Parameters

    def no_data(self, zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
        self._show_iterations(zone, draft)

    def nxdomain(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        self._show_iterations(zone, draft)

    def wildcard_no_data(
        self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, node: Node, draft: Draft
    ) -> None:
        self._show_iterations(zone, draft)

    def wildcard_answer(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        self._show_iterations(zone, draft)

    def _show_iterations(self, zone: ZoneState, draft: Draft) -> None:
        if zone.sample_nsec3 is None and zone.failed_proofs < MAX_FAILED_PROOFS:
            zone.failed_proofs += 1
            zone.sample_nsec3 = _search(zone, self.chain).any_hashed()
        if zone.sample_nsec3 is not None:
            _add(zone, *zone.sample_nsec3, draft)


def _search(zone: ZoneState, chain: Parameters) -> Search:
    return Search(chain, zone.node, zone.before, zone.owners_before, zone.known_hashes)


def _next_closer(key: OwnerKey, encloser: OwnerKey) -> OwnerKey:
    """The name one label below an encloser towards `key`."""
    return OwnerKey(key[: key.index(b"\0", len(encloser)) + 1])


def _add(zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
    draft.put_once(draft.authority, absolute(key_owner(key), zone.apex), NSEC3, node)
