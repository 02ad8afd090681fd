"""Records as JSON objects in the manner of RFC 8427 §2.1: raw RDATA in hex and, for reading, as text."""

from collections.abc import Iterator

from zonegit.model.names import WireName, absolute
from zonegit.model.rdata import CLASS_IN
from zonegit.model.rrset import RRset
from zonegit.zonefile.name_text import name_text
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import type_text


def rrset_objects(rrset: RRset, apex: WireName) -> Iterator[dict[str, str | int]]:
    """One object a record: NAME, TYPE, TYPEname, CLASS, CLASSname, TTL, RDLENGTH, RDATAHEX, rdata<TYPEname>."""
    name = name_text(absolute(rrset.owner, apex), None)
    rtype = type_text(rrset.rtype)
    for rdata in rrset.rdatas:
        yield {
            "NAME": name,
            "TYPE": rrset.rtype,
            "TYPEname": rtype,
            "CLASS": CLASS_IN,
            "CLASSname": "IN",
            "TTL": rrset.ttl_of(rdata),
            "RDLENGTH": len(rdata),
            "RDATAHEX": rdata.hex().upper(),
            f"rdata{rtype}": rdata_text(rrset.rtype, rdata),
        }
