"""Whether a signed zone can deny the existence of what it lacks: its NSEC or NSEC3 chain, but no signatures."""

from typing import Final

from zonegit.dnssec.bounded_findings import BoundedFindings
from zonegit.dnssec.nodes import Entries, Node, nodes
from zonegit.dnssec.nsec import check_nsec
from zonegit.dnssec.nsec3 import check_nsec3
from zonegit.model.names import APEX, WireName, to_text
from zonegit.model.rdata import DNSKEY, NSEC, NSEC3, NSEC3PARAM, RRSIG
from zonegit.zonefile.findings import Finding, Severity, finding, how_many

_SIGNED: Final = frozenset({RRSIG, NSEC, NSEC3PARAM})
"""Types that stand at the apex of signed zones alone."""
_RRSIG: Final = RRSIG.to_bytes(2, "big")
_NSEC3: Final = NSEC3.to_bytes(2, "big")


def check_denial(apex: WireName, entries: Entries) -> list[Finding]:
    """A warning if a zone with signatures at its apex can't deny the existence of all that it lacks.

    `entries` are in canonical order.
    """
    apex_node = next(nodes(entries), None)
    if apex_node is None or apex_node.key or RRSIG not in apex_node.types:
        return []
    found = BoundedFindings()
    check_chain(apex, apex_node, entries, found)
    findings = found.listed()
    costly = [each for each in findings if each.check == "nsec3-costly"]
    broken = [each for each in findings if each.severity is Severity.ERROR]
    if not broken:
        return costly
    count = how_many(broken)
    more = f"; and {count - 1:,} more" if count > 1 else ""
    tells = f"`zonegit --zone {to_text(apex)} check` lists all"
    why = f"{broken[0].message}{more}: validators refuse negative answers that this can't prove; {tells}"
    return [finding("broken-denial", broken[0].owner, why), *costly]


def check_chain(apex: WireName, apex_node: Node, entries: Entries, found: BoundedFindings) -> None:
    """Everything wrong with the chain of a signed zone; `apex_node` is its apex."""
    if NSEC in apex_node.types:
        check_nsec(apex, nodes(entries), found)
    if NSEC3PARAM in apex_node.types or (
        NSEC not in apex_node.types and any(key[-2:] == _NSEC3 for key, _ in entries)
    ):
        check_nsec3(apex, apex_node, nodes(entries), found)
    elif NSEC not in apex_node.types:
        found.add("no-denial", APEX, "neither an NSEC record at the apex nor any NSEC3 record")


def is_signed(apex_node: Node, entries: Entries) -> bool:
    """Whether a zone is signed; `apex_node` is its first owner, which isn't the apex in a damaged zone."""
    if apex_node.key:
        return False
    if not apex_node.types.keys().isdisjoint(_SIGNED):
        return True
    return DNSKEY in apex_node.types and any(key[-2:] == _RRSIG for key, _ in entries)
