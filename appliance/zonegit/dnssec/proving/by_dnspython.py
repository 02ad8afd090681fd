"""One signature judged by dnspython, from bytes on: it has parsers, canonical forms and key formats of its own.

Types whose RDATA has no canonical form but its bytes (RFC 4034 §6.2, RFC 6840 §5.1) are given to it as such.
"""

from functools import lru_cache
from typing import Final

import dns.dnssec
import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rdtypes.ANY.RRSIG

from zonegit.model.names import WireName
from zonegit.model.rdata import DNSKEY, RRSIG

_NAMES_IN_LOWERCASE: Final = frozenset(
    {*range(2, 10), 12, 14, 15, 17, 18, 21, 24, 26, 30, 33, 35, 36, 38, 39, RRSIG}
)
"""NS, MD, MF, CNAME, SOA, MB, MG, MR, PTR, MINFO, MX, RP, AFSDB, RT, SIG, PX, NXT, SRV, NAPTR, KX, A6, DNAME."""

_KEYS: Final = 256
"""Keys that are kept: a zone's are the same from version to version."""
Keys = dict[dns.name.Name, dns.node.Node | dns.rdataset.Rdataset]


@lru_cache(_KEYS)
def keys(apex: WireName, dnskey: bytes) -> Keys:
    """What dnspython takes a key of a zone from. `ValueError` if it can't be read."""
    try:
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.DNSKEY, dnskey, 0, len(dnskey))
    except dns.exception.DNSException as error:
        raise ValueError(str(error)) from None
    return {_name(apex): _rdataset(DNSKEY, 0, [rdata])}


def is_valid(
    owner: WireName, rtype: int, ttl: int, rdatas: tuple[bytes, ...], rrsig: bytes, by: Keys, now: int
) -> bool:
    """Whether a signature of an RRset is one by this key, and its time has come and isn't over."""
    try:
        signature = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RRSIG, rrsig, 0, len(rrsig))
        if not isinstance(signature, dns.rdtypes.ANY.RRSIG.RRSIG):
            return False
        rdataset = _rdataset(rtype, ttl, [_rdata(rtype, rdata) for rdata in rdatas])
        dns.dnssec.validate_rrsig((_name(owner), rdataset), signature, by, now=now)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def _name(wire: WireName) -> dns.name.Name:
    return dns.name.from_wire(wire, 0)[0]


def _rdata(rtype: int, rdata: bytes) -> dns.rdata.Rdata:
    if rtype in _NAMES_IN_LOWERCASE:
        return dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata, 0, len(rdata))
    return dns.rdata.GenericRdata(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rtype), rdata)


def _rdataset(rtype: int, ttl: int, rdatas: list[dns.rdata.Rdata]) -> dns.rdataset.Rdataset:
    return dns.rdataset.from_rdata_list(ttl, rdatas)
