"""The digest of a zone that is published in it: ZONEMD records of scheme SIMPLE with SHA-384 (RFC 8976).

The digest covers every record of a signed zone, glue and occluded data too, less the ZONEMD records of the apex and
their signatures. So it reads the whole zone, for each version anew.
"""

from collections.abc import Iterator
from hashlib import sha384
from typing import Final

from zonegit.model.names import WireName
from zonegit.model.rdata import RRSIG, SOA, ZONEMD
from zonegit.model.rrset import APEX_POINTER, FIXED, served_soa
from zonegit.tree.walk import runs
from zonegit.tree.zone_tree import Tree

SIMPLE: Final = 1
"""The scheme (RFC 8976 §5.2)."""
SHA384: Final = 1
"""The hash algorithm (RFC 8976 §5.3)."""
DIGEST_SIZE: Final = 48

_POINTER: Final = APEX_POINTER[0]
_HEAD: Final = len(APEX_POINTER) + FIXED.size
"""Bytes of a stored RR between its owner's labels and its RDATA."""
_SOA: Final = SOA.to_bytes(2, "big")
_ZONEMD: Final = ZONEMD.to_bytes(2, "big")
_RRSIG: Final = RRSIG.to_bytes(2, "big")


def zonemd(serial: int, digest: bytes = bytes(DIGEST_SIZE)) -> bytes:
    """The RDATA of a ZONEMD record. While the digest isn't known, zeros are in its place (RFC 8976 §3.1)."""
    return serial.to_bytes(4, "big") + bytes((SIMPLE, SHA384)) + digest


def zone_digest(zone: Tree, apex: WireName, serial: int) -> bytes:
    """The digest of a zone that is served with this serial (RFC 8976 §3.3)."""
    found = sha384()
    for _, run in runs(zone.nodes, zone.root):
        found.update(b"".join(_canonical(run, apex, serial)))
    return found.digest()


def _canonical(run: bytes, apex: WireName, serial: int) -> Iterator[bytes]:
    """The digested bytes of consecutive stored RRs, which are in canonical order: each RR under its whole name."""
    at = 0
    while at < len(run):
        start = at
        while (label := run[at]) != _POINTER:
            at += 1 + label
        end = at + _HEAD + int.from_bytes(run[at + _HEAD - 2 : at + _HEAD], "big")
        if at > start:
            yield run[start:at]
            yield apex
            yield run[at + 2 : end]
        else:
            yield _at_apex(run[at:end], apex, serial)
        at = end


def _at_apex(rr: bytes, apex: WireName, serial: int) -> bytes:
    """The same of one RR at the apex; empty if it isn't digested."""
    rtype, covered = rr[2:4], rr[_HEAD : _HEAD + 2]
    if rtype == _ZONEMD or (rtype == _RRSIG and covered == _ZONEMD):
        return b""
    return apex + (served_soa(rr, serial) if rtype == _SOA else rr)[2:]
