"""Denial of existence with NSEC records (RFC 4035 §3.1.3)."""

from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.query_budget import NAME_BYTE
from zonegit.dns.zone.zone_state import MAX_FAILED_PROOFS, ZoneState, wildcard_key
from zonegit.model.names import OwnerKey, absolute, key_owner, keys_above
from zonegit.model.rdata import DNAME, NS, NSEC

_STEPS = 64
"""The most owners without an NSEC that a search passes; one below a cut takes it to the cut in one step."""


class NsecProver:
    """A `Prover` for a zone that is signed with NSEC."""

    def no_data(self, zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
        """The NSEC at the owner (RFC 4035 §3.1.3.1); for an empty non-terminal the one that covers it."""
        if NSEC in node:
            _add(zone, key, node, draft)
        else:
            _cover(zone, key, draft)

    def nxdomain(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        """The NSECs that cover the name and the wildcard (RFC 4035 §3.1.3.2)."""
        _cover(zone, key, draft)
        _cover(zone, wildcard_key(encloser), draft)

    def wildcard_no_data(
        self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, node: Node, draft: Draft
    ) -> None:
        """The NSEC at the wildcard, and the one that covers the name (RFC 4035 §3.1.3.4)."""
        self.no_data(zone, wildcard_key(encloser), node, draft)
        _cover(zone, key, draft)

    def wildcard_answer(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None:
        """The NSEC that covers the name (RFC 4035 §3.1.3.3)."""
        _cover(zone, key, draft)


def _cover(zone: ZoneState, key: OwnerKey, draft: Draft) -> None:
    """Add the NSEC that covers an owner that doesn't exist."""
    found = zone.before(key)
    if found is not None and NSEC not in found[1] and zone.failed_proofs < MAX_FAILED_PROOFS:
        zone.failed_proofs += 1  # stays counted if the search raises, for example because it reads too much
        found = _last_with_nsec(zone, found[0])
        zone.failed_proofs = MAX_FAILED_PROOFS if found is None else zone.failed_proofs - 1
    if found is not None and NSEC in found[1]:
        _add(zone, *found, draft)


def _last_with_nsec(zone: ZoneState, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
    """The last owner with an NSEC before an owner that has none. Occluded names have none (RFC 4035 §2.3)."""
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


def cut_above(zone: ZoneState, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
    """The delegation or DNAME that occludes an owner: no name below it has an NSEC."""
    zone.pay(NAME_BYTE * len(key))
    from_apex = [(above, 0) for above in keys_above(key)][::-1]
    for above, _, node in zone.down(from_apex, {}):
        if NS in node or DNAME in node:
            return above, node
    return None


def _add(zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
    draft.put_once(draft.authority, absolute(key_owner(key), zone.apex), NSEC, node)
