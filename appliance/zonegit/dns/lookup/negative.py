"""Negative answers (RFC 2308): NXDOMAIN and NODATA, with the SOA that limits their TTL, and proofs under DO.

The proofs depend on how the zone is signed: with NSEC, NSEC3, or not at all. A `Prover` is chosen once for each
version of a zone.
"""

from zonegit.dns.lookup.descent import Absent, Wildcard
from zonegit.dns.lookup.nsec import NsecProver
from zonegit.dns.lookup.nsec3 import CostlyNsec3Prover, Nsec3Prover
from zonegit.dns.wire.message import Rcode
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.zone_state import Prover, ZoneState
from zonegit.dnssec.hashing import MAX_VALIDATED_ITERATIONS
from zonegit.model.names import OwnerKey


class NullProver:
    """A `Prover` that adds nothing: for unsigned zones, and for queries without DO."""

    def no_data(self, zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None: ...

    def nxdomain(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None: ...

    def wildcard_no_data(
        self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, node: Node, draft: Draft
    ) -> None: ...

    def wildcard_answer(self, zone: ZoneState, key: OwnerKey, encloser: OwnerKey, draft: Draft) -> None: ...


_NOTHING = NullProver()


def no_data(zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
    """NODATA: the name exists without the type. It has other RRsets (`node`), or is an empty non-terminal ({})."""
    _put_soa(zone, draft)
    _prover(zone, draft).no_data(zone, key, node, draft)


def nxdomain(zone: ZoneState, found: Absent, draft: Draft) -> None:
    """NXDOMAIN: neither the name nor a wildcard below its closest encloser exists."""
    draft.rcode = Rcode.NXDOMAIN
    _put_soa(zone, draft)
    _prover(zone, draft).nxdomain(zone, found.key, found.encloser, draft)


def wildcard_no_data(zone: ZoneState, found: Wildcard, draft: Draft) -> None:
    """NODATA at a wildcard: the name doesn't exist, and the wildcard below its closest encloser lacks the type."""
    _put_soa(zone, draft)
    _prover(zone, draft).wildcard_no_data(zone, found.key, found.encloser, found.node, draft)


def prove_no_ds(zone: ZoneState, key: OwnerKey, node: Node, draft: Draft) -> None:
    """Under DO, prove that a delegation has no DS: the child zone is insecure (RFC 4035 §3.1.4.1)."""
    _prover(zone, draft).no_data(zone, key, node, draft)


def prove_wildcard_answer(zone: ZoneState, found: Wildcard, draft: Draft) -> None:
    """Under DO, prove for an answer from a wildcard that no closer match exists."""
    _prover(zone, draft).wildcard_answer(zone, found.key, found.encloser, draft)


def _prover(zone: ZoneState, draft: Draft) -> Prover:
    if not draft.do:
        return _NOTHING
    if zone.prover is None:
        zone.prover = _choose(zone)
    return zone.prover


def _choose(zone: ZoneState) -> Prover:
    zone.apex_node()
    chain = zone.nsec3
    if zone.nsec:
        return NsecProver()
    if chain is None:
        return _NOTHING
    return Nsec3Prover(chain) if chain.iterations <= MAX_VALIDATED_ITERATIONS else CostlyNsec3Prover(chain)


def _put_soa(zone: ZoneState, draft: Draft) -> None:
    zone.apex_node()
    draft.authority += zone.negative if draft.do else zone.negative[:1]
