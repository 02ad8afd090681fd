"""The chain of NSEC records: each name that the zone answers for leads to the next (RFC 4034 §4)."""

from collections.abc import Iterable

from zonegit.dnssec.bitmap import difference, types_in
from zonegit.dnssec.bounded_findings import BoundedFindings
from zonegit.dnssec.nodes import Node, Place
from zonegit.model.names import WireName, lower, to_text
from zonegit.model.rdata import DS, NS, NSEC, RRSIG, name_end
from zonegit.model.rrset import rdatas

_AT_A_CUT = frozenset({NS, DS, RRSIG, NSEC})


def check_nsec(apex: WireName, owners: Iterable[Node], found: BoundedFindings) -> None:
    """Check the chain of these owners, which are in canonical order: the apex is first."""
    previous: Node | None = None
    for node in owners:
        if node.in_chain:
            if previous is not None:
                _check_owner(previous, apex, node, found)
            previous = node
        elif NSEC in node.types:
            found.tally("nsec-stray", node.owner, "an NSEC record at a name that the zone doesn't answer for")
    if previous is not None:
        _check_owner(previous, apex, None, found)


def _check_owner(node: Node, apex: WireName, following: Node | None, found: BoundedFindings) -> None:
    """Check the NSEC of one owner. `following` is the next owner; None where the chain returns to the apex."""
    owner = node.owner
    if NSEC not in node.types:
        found.add("nsec-missing", owner, "no NSEC record")
        return
    records = rdatas(node.types[NSEC])
    if len(records) > 1:
        found.add("nsec-next", owner, f"{len(records)} NSEC records; a name has one")
    rdata = records[0]
    end = name_end(rdata, 0)
    expected = (following.owner if following else b"") + apex
    if lower(rdata[:end]) != expected:
        found.add(
            "nsec-next", owner, f"NSEC leads to {to_text(rdata[:end])}, but the next name is {to_text(expected)}"
        )
    actual = node.types.keys() & _AT_A_CUT if node.place is Place.CUT else node.types.keys()
    if message := difference(types_in(rdata[end:]), actual):
        found.add("nsec-types", owner, f"NSEC {message}")
