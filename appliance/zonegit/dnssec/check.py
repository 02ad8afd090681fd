"""Everything that validators would find wrong with a signed zone, and what soon will be."""

from collections.abc import Callable, Iterator
from typing import Final

from zonegit.dnssec.bounded_findings import BoundedFindings
from zonegit.dnssec.denial import check_chain, is_signed
from zonegit.dnssec.nodes import Entries, Node, nodes
from zonegit.dnssec.times import ending
from zonegit.dnssec.verifying import Verifier
from zonegit.model.names import WireName
from zonegit.model.rrset import SOA_KEY, served_soa
from zonegit.zonefile.findings import Finding

Progress = Callable[[int, int], None]
"""Called with the RRsets that were looked at, and all there are."""

_REPORT_EVERY: Final = 1 << 10


def check_signatures(
    apex: WireName, serial: int, entries: Entries, now: float, progress: Progress | None = None
) -> list[Finding]:
    """Verify a whole zone, whose entries are in canonical order, at a moment (Unix seconds).

    Nothing is found in a zone that isn't signed: one without RRSIG, NSEC and NSEC3PARAM records at its apex, and
    without keys there or signatures elsewhere.
    """
    served = [(key, served_soa(payload, serial) if key == SOA_KEY else payload) for key, payload in entries]
    apex_node = next(nodes(served), None)
    if apex_node is None or not is_signed(apex_node, served):
        return []
    found = BoundedFindings()
    verifier = Verifier(apex, apex_node, int(now), found)
    for node in _reported(served, progress):
        verifier.verify(node)
    check_chain(apex, apex_node, served, found)
    return [*found.listed(), *ending(served, int(now))]


def _reported(entries: Entries, progress: Progress | None) -> Iterator[Node]:
    done = 0
    for count, node in enumerate(nodes(entries), 1):
        yield node
        done += len(node.types)
        if progress and not count % _REPORT_EVERY:
            progress(done, len(entries))
