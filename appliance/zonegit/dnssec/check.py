"""Everything that validators would find wrong with a signed zone, and what soon will be."""

from collections.abc import Callable, Iterator
from typing import Final

from zonegit.dnssec.found import Found
from zonegit.dnssec.nodes import Entries, Node, nodes
from zonegit.dnssec.nsec import check_nsec
from zonegit.dnssec.nsec3 import check_nsec3
from zonegit.dnssec.times import ending
from zonegit.dnssec.verifying import Verifier
from zonegit.model.names import APEX, WireName
from zonegit.model.rdata import DNSKEY, NSEC, NSEC3, NSEC3PARAM, RRSIG
from zonegit.model.rrset import SOA_KEY, served_soa
from zonegit.zonefile.findings import Finding

Progress = Callable[[int, int], None]
"""Called with the RRsets that were looked at, and all there are."""

_REPORT_EVERY: Final = 1 << 10
_SIGNED: Final = frozenset({RRSIG, NSEC, NSEC3PARAM})
"""Types that stand at the apex of signed zones alone."""
_RRSIG: Final = RRSIG.to_bytes(2, "big")
_NSEC3: Final = NSEC3.to_bytes(2, "big")


def check_signatures(
    apex: WireName, serial: int, entries: Entries, now: float, progress: Progress | None = None
) -> list[Finding]:
    """Verify a whole zone, whose entries are in canonical order, at a moment (Unix seconds).

    Nothing is found in a zone that isn't signed: one without RRSIG, NSEC and NSEC3PARAM records at its apex, and
    without keys there or signatures elsewhere.
    """
    served = [(key, served_soa(payload, serial) if key == SOA_KEY else payload) for key, payload in entries]
    first = next(nodes(served), None)
    if first is None or not _is_signed(first, served):
        return []
    found = Found()
    verifier = Verifier(apex, first, int(now), found)
    for node in _reported(served, progress):
        verifier.look(node)
    if NSEC in first.types:
        check_nsec(apex, nodes(served), found)
    if NSEC3PARAM in first.types or (NSEC not in first.types and any(key[-2:] == _NSEC3 for key, _ in served)):
        check_nsec3(apex, first, nodes(served), found)
    elif NSEC not in first.types:
        found.add("no-denial", APEX, "neither an NSEC record at the apex nor any NSEC3 record")
    return [*found.findings(), *ending(served, int(now))]


def _is_signed(first: Node, entries: Entries) -> bool:
    if first.key:
        return False
    if not first.types.keys().isdisjoint(_SIGNED):
        return True
    return DNSKEY in first.types and any(key[-2:] == _RRSIG for key, _ in entries)


def _reported(entries: Entries, progress: Progress | None) -> Iterator[Node]:
    done = 0
    for count, node in enumerate(nodes(entries), 1):
        yield node
        done += len(node.types)
        if progress and not count % _REPORT_EVERY:
            progress(done, len(entries))
