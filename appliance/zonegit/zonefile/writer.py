"""Write a zone file (RFC 1035 §5) that reads back as the same RRsets: one record a line, the SOA first.

Owners are relative to the one $ORIGIN, names in RDATA absolute, every TTL is stated; $TTL serves what is added by
hand.
"""

from collections.abc import Iterable, Iterator

from zonegit.model.names import WireName, labels, to_text
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRset
from zonegit.zonefile.name_text import labels_text
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import type_text


def write_zone(apex: WireName, rrsets: Iterable[RRset]) -> Iterator[str]:
    """The lines of a zone file, without line ends. What comes before the SOA is held back until it has come."""
    remaining = iter(rrsets)
    held: list[RRset] = []
    yield f"$ORIGIN {to_text(apex)}"
    for rrset in remaining:
        if rrset.rtype == SOA:
            yield f"$TTL {rrset.ttl}"
            yield from _lines(rrset)
            break
        held.append(rrset)
    for rrset in held:
        yield from _lines(rrset)
    for rrset in remaining:
        yield from _lines(rrset)


def _lines(rrset: RRset) -> Iterator[str]:
    owner = labels_text(labels(rrset.owner)) if rrset.owner else "@"
    rtype = rrset.rtype
    mnemonic = type_text(rtype)
    for rdata in rrset.rdatas:
        yield f"{owner}\t{rrset.ttl_of(rdata)}\tIN\t{mnemonic}\t{rdata_text(rtype, rdata)}"
