"""The records about keys at the apex: DNSKEY, and what the parent is asked to make DS records of (RFC 7344 §4)."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha1, sha256, sha384
from typing import Final

from zonegit.dnssec.keys import key_tag
from zonegit.dnssec.proving.changes import Served
from zonegit.dnssec.rrsig import Signature, signatures
from zonegit.model.names import APEX_KEY, WireName
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, RRSIG, SOA
from zonegit.model.rrset import SOA_KEY, rdatas, served_soa

_DIGESTS: Final = {1: sha1, 2: sha256, 4: sha384}
_DS_HEAD: Final = 4
_DELETE_CDS: Final = b"\0\0\0\0\0"
_DELETE_CDNSKEY: Final = b"\0\0\3\0\0"


def apex_faults(served: Served, types: Mapping[int, bytes], dnskey_sets: Sequence[bytes]) -> Iterator[str]:
    """What is wrong at the apex beside signatures."""
    apex = served.name(APEX_KEY)
    if SOA not in types:
        yield f"{apex}: no SOA record"
    elif served.tree.payload(SOA_KEY) != served_soa(types[SOA], 0):
        yield f"{apex} SOA: stored with a serial of its own"
    if DNSKEY not in types:
        yield f"{apex}: no DNSKEY records"
        return
    dnskeys = rdatas(types[DNSKEY])
    if set(dnskeys) not in [set(rdatas(payload)) for payload in dnskey_sets]:
        yield f"{apex} DNSKEY: not the records that are to be published"
    signing = {(each.algorithm, each.tag) for each in _signatures_of_keys(types)}
    active = [dnskey for dnskey in dnskeys if (dnskey[3], key_tag(dnskey)) in signing]
    for fault in _child_faults(served.apex, types, dnskeys, active):
        yield f"{apex} {fault}"


def _signatures_of_keys(types: Mapping[int, bytes]) -> Iterator[Signature]:
    return (each for each in signatures(types[RRSIG]) if each.covered == DNSKEY) if RRSIG in types else iter(())


def _child_faults(
    apex: WireName, types: Mapping[int, bytes], dnskeys: Sequence[bytes], active: Sequence[bytes]
) -> Iterator[str]:
    """`active`: the keys that sign the DNSKEY records."""
    cds = rdatas(types[CDS]) if CDS in types else ()
    cdnskeys = rdatas(types[CDNSKEY]) if CDNSKEY in types else ()
    if any(record[:5] == _DELETE_CDS for record in cds) or _DELETE_CDNSKEY in cdnskeys:
        if {*cds, *cdnskeys} - {_DELETE_CDS, _DELETE_CDS + b"\0", _DELETE_CDNSKEY}:
            yield "CDS: a request to delete the DS records beside others (RFC 8078 §4)"
        return
    for record in cds:
        named = [key for key in {*cdnskeys, *dnskeys} if record[:3] == key_tag(key).to_bytes(2, "big") + key[3:4]]
        if record[3:4] and record[3] in _DIGESTS and named and not any(_names(apex, record, key) for key in named):
            yield f"CDS: the digest of key {key_tag(named[0])} is wrong"
        if cdnskeys and not any(key in cdnskeys for key in named):
            yield f"CDS: key {int.from_bytes(record[:2], 'big')} has no CDNSKEY record (RFC 7344 §4)"
    for key in cdnskeys:
        if cds and not any(_names(apex, record, key) for record in cds):
            yield f"CDNSKEY: key {key_tag(key)} has no CDS record (RFC 7344 §4)"
    if cds and not any(_names(apex, record, key) for record in cds for key in active):
        yield "CDS: names no key that signs the DNSKEY records (RFC 7344 §4.1)"
    if cdnskeys and not set(cdnskeys) & set(active):
        yield "CDNSKEY: names no key that signs the DNSKEY records (RFC 7344 §4.1)"


def _names(apex: WireName, record: bytes, key: bytes) -> bool:
    """Whether a CDS record is the one of a key (RFC 4034 §5.1.4). Digests of unknown types are believed."""
    if len(record) < _DS_HEAD or record[:3] != key_tag(key).to_bytes(2, "big") + key[3:4]:
        return False
    digest = _DIGESTS.get(record[3])
    return digest is None or digest(apex + key).digest() == record[4:]
