"""Records as JSON objects in the manner of RFC 8427 §2.1: raw RDATA in hex and, for reading, as text."""

from collections.abc import Iterator

from zonegit.model.names import WireName, absolute
from zonegit.model.rdata import CLASS_IN
from zonegit.model.rrset import RRset
from zonegit.zonefile.name_text import name_text
from zonegit.zonefile.text import rdata_text
from zonegit.zonefile.types import type_text


def rrset_objects(rrset: RRset, apex: WireName) -> Iterator[dict[str, str | int]]:
    """One object a record."""
    owner = absolute(rrset.owner, apex)
    for rdata in rrset.rdatas:
        yield record_object(owner, rrset.rtype, rrset.ttl_of(rdata), rdata)


def record_object(owner: WireName, rtype: int, ttl: int, rdata: bytes) -> dict[str, str | int]:
    """NAME, TYPE, TYPEname, CLASS, CLASSname, TTL, RDLENGTH, RDATAHEX, rdata<TYPEname>; RDATA is uncompressed."""
    mnemonic = type_text(rtype)
    return {
        "NAME": name_text(owner, None),
        "TYPE": rtype,
        "TYPEname": mnemonic,
        "CLASS": CLASS_IN,
        "CLASSname": "IN",
        "TTL": ttl,
        "RDLENGTH": len(rdata),
        "RDATAHEX": rdata.hex().upper(),
        f"rdata{mnemonic}": rdata_text(rtype, rdata),
    }
