"""The chain of NSEC records: each name that the zone answers for leads to the next (RFC 4034 §4)."""

from collections.abc import Iterable

from zonegit.dnssec.bitmap import difference, types_in
from zonegit.dnssec.found import Found
from zonegit.dnssec.nodes import Node, Place
from zonegit.model.names import WireName, lower, to_text
from zonegit.model.rdata import DS, NS, NSEC, RRSIG, name_end
from zonegit.model.rrset import rdatas

_AT_A_CUT = frozenset({NS, DS, RRSIG, NSEC})


def check_nsec(apex: WireName, owners: Iterable[Node], found: Found) -> None:
    """Everything wrong with the chain; the first of the owners is the apex."""
    previous: Node | None = None
    for node in owners:
        if node.has_name:
            if previous is not None:
                _look(previous, apex, node, found)
            previous = node
        elif NSEC in node.types:
            found.tally("nsec-stray", node.owner, "an NSEC record at a name that isn't the zone's to deny")
    if previous is not None:
        _look(previous, apex, None, found)


def _look(node: Node, apex: WireName, following: Node | None, found: Found) -> None:
    """`following` is the owner that is next; None for the apex again."""
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
        found.add("nsec-next", owner, f"NSEC leads to {to_text(rdata[:end])}, and the next is {to_text(expected)}")
    there = node.types.keys() & _AT_A_CUT if node.place is Place.CUT else node.types.keys()
    if told := difference(types_in(rdata[end:]), there):
        found.add("nsec-types", owner, f"NSEC {told}")
