"""Whether a signed zone can deny what isn't there: its chain of NSEC or NSEC3 records, without any signature."""

from typing import Final

from zonegit.dnssec.found import Found
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
    """A warning where a zone with signatures at its apex can't deny all that isn't there.

    `entries` are in canonical order.
    """
    first = next(nodes(entries), None)
    if first is None or first.key or RRSIG not in first.types:
        return []
    found = Found()
    check_chain(apex, first, entries, found)
    told = found.listed()
    costly = [each for each in told if each.check == "nsec3-costly"]
    broken = [each for each in told if each.severity is Severity.ERROR]
    if not broken:
        return costly
    count = how_many(broken)
    more = f"; and {count - 1:,} more" if count > 1 else ""
    tells = f"`zonegit --zone {to_text(apex)} check` tells all"
    why = f"{broken[0].message}{more}: validators refuse what this can't deny; {tells}"
    return [finding("broken-denial", broken[0].owner, why), *costly]


def check_chain(apex: WireName, first: Node, entries: Entries, found: Found) -> None:
    """Everything wrong with the chain of a signed zone; `first` is its apex."""
    if NSEC in first.types:
        check_nsec(apex, nodes(entries), found)
    if NSEC3PARAM in first.types or (NSEC not in first.types and any(key[-2:] == _NSEC3 for key, _ in entries)):
        check_nsec3(apex, first, nodes(entries), found)
    elif NSEC not in first.types:
        found.add("no-denial", APEX, "neither an NSEC record at the apex nor any NSEC3 record")


def is_signed(first: Node, entries: Entries) -> bool:
    """Whether a zone is signed; `first` is its first owner."""
    if first.key:
        return False
    if not first.types.keys().isdisjoint(_SIGNED):
        return True
    return DNSKEY in first.types and any(key[-2:] == _RRSIG for key, _ in entries)
