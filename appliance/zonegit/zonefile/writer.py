"""Write a zone file (RFC 1035 §5) that reads back as the same RRsets: one record a line, the SOA first.

Owners are relative to the one $ORIGIN, names in RDATA absolute, every TTL is stated; $TTL serves what is added by
hand. Types and parameters that older name servers don't know by name are written in forms that they read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from types import MappingProxyType
from typing import Final

from zonegit.model.names import Owner, WireName, labels, to_text
from zonegit.model.rdata import SOA
from zonegit.model.rrset import RRset
from zonegit.zonefile.name_text import labels_text
from zonegit.zonefile.portable import portable_name, portable_record
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import type_text

_NO_NOTES: Final[Mapping[tuple[Owner, int], Sequence[str]]] = MappingProxyType({})

Notes = Mapping[tuple[Owner, int], Sequence[str]]
"""Lines of comments, by the owner and type of the RRset that they belong to."""


def write_zone(
    apex: WireName, rrsets: Iterable[RRset], *, mnemonics: bool = False, notes: Notes = _NO_NOTES
) -> Iterator[str]:
    """The lines of a zone file, without line ends. What comes before the SOA is held back until it has come.

    `mnemonics`: every type and parameter by its name, for the newest name servers and for people.
    `notes` stand above their RRset; those of an RRset that isn't there come last.
    """
    left = dict(notes)
    record, name = (_named_record, str) if mnemonics else (portable_record, portable_name)
    remaining = iter(rrsets)
    held: list[RRset] = []
    yield f"$ORIGIN {name(to_text(apex))}"
    for rrset in remaining:
        if rrset.rtype == SOA:
            yield f"$TTL {rrset.ttl}"
            yield from left.pop((rrset.owner, rrset.rtype), ())
            yield from _lines(rrset, record, name)
            break
        held.append(rrset)
    for rrset in chain(held, remaining):
        if left:
            yield from left.pop((rrset.owner, rrset.rtype), ())
        yield from _lines(rrset, record, name)
    for lines in left.values():
        yield from lines


def _named_record(rtype: int, rdata: bytes) -> tuple[str, str]:
    return type_text(rtype), rdata_text(rtype, rdata)


def _lines(
    rrset: RRset, record: Callable[[int, bytes], tuple[str, str]], name: Callable[[str], str]
) -> Iterator[str]:
    owner = name(labels_text(labels(rrset.owner))) if rrset.owner else "@"
    for rdata in rrset.rdatas:
        rtype, text = record(rrset.rtype, rdata)
        yield f"{owner}\t{rrset.ttl_of(rdata)}\tIN\t{rtype}\t{text}"
