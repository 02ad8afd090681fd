"""The digest of a whole zone, if it has one (RFC 8976 §4)."""

from collections.abc import Iterator
from hashlib import sha384, sha512
from typing import Final

from zonegit.dnssec.proving.changes import Served
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import RRSIG, ZONEMD
from zonegit.model.rrset import owner_size, rdatas, record_spans, rr_key

_HASHES: Final = {1: sha384, 2: sha512}
_SIMPLE: Final = 1
_HEAD: Final = 6
"""Bytes before the digest: serial, scheme, hash algorithm."""
_LEAST: Final = 12
"""Bytes of the shortest digest."""
_ZONEMD: Final = rr_key(APEX_KEY, ZONEMD)
_RRSIG: Final = rr_key(APEX_KEY, RRSIG)


def zonemd_faults(new: Served) -> Iterator[str]:
    """What is wrong with the ZONEMD records at the apex. The whole zone is read if there is one."""
    payload = new.tree.payload(_ZONEMD)
    if payload is None:
        return
    name = new.name(APEX_KEY, ZONEMD)
    seen: set[bytes] = set()
    for rdata in rdatas(payload):
        if len(rdata) < _HEAD + _LEAST:
            yield f"{name}: a record that is cut short"
            continue
        scheme, algorithm = rdata[4:_HEAD]
        if rdata[4:_HEAD] in seen:
            yield f"{name}: two records of one scheme and hash algorithm"
        seen.add(rdata[4:_HEAD])
        if (serial := int.from_bytes(rdata[:4], "big")) != new.serial:
            yield f"{name}: serial {serial}; the SOA has {new.serial}"
        elif scheme == _SIMPLE and algorithm in _HASHES and rdata[_HEAD:] != _digest(new, algorithm):
            yield f"{name}: not the digest of the zone"
    if not any(scheme == _SIMPLE and algorithm in _HASHES for scheme, algorithm in seen):
        yield f"{name}: no record of a scheme and hash algorithm that RFC 8976 defines"


def _digest(new: Served, algorithm: int) -> bytes:
    digest = _HASHES[algorithm]()
    apex = new.apex
    for key, payload in new.entries():
        if key == _ZONEMD:
            continue
        size = owner_size(payload)
        owner = payload[:size]
        for start, end in record_spans(payload):
            if key == _RRSIG and payload[start : start + 2] == _ZONEMD[-2:]:
                continue
            digest.update(owner + apex + payload[start - 10 : end])
    return digest.digest()
