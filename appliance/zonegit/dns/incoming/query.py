"""Queries for a transfer, or for the SOA record that says whether one is needed (RFC 5936 §2.1, RFC 1995 §3)."""

from typing import Final, NamedTuple

from zonegit.dns.access import tsig
from zonegit.dns.wire.message import HEADER
from zonegit.model.names import WireName
from zonegit.model.rdata import AXFR, CLASS_IN, IXFR, SOA
from zonegit.model.rrset import APEX_POINTER, FIXED

_NAMES: Final = b"\0\0"
"""The two names of an SOA record of which only the serial counts."""


class ZoneQuery(NamedTuple):
    """A query about a zone, and what its answer has to match."""

    apex: WireName
    question: bytes
    """Name, type and class."""
    message: bytes
    """Signed if there is a key."""
    key: tsig.TsigKey | None
    mac: bytes
    """Of the query's signature; empty without a key."""
    known: int | None = None
    """The serial that differences are asked from; None: they aren't asked for."""

    @property
    def ident(self) -> bytes:
        return self.message[:2]

    @property
    def is_incremental(self) -> bool:
        """Whether differences are asked for: by IXFR."""
        return self.known is not None


def soa_query(apex: WireName, ident: bytes, key: tsig.TsigKey | None, now: int) -> ZoneQuery:
    """A query for the zone's SOA record. `ident` is two random bytes; `now` Unix seconds."""
    return _query(apex, SOA, ident, key, now, None)


def transfer_query(
    apex: WireName, known: int | None, ident: bytes, key: tsig.TsigKey | None, now: int
) -> ZoneQuery:
    """A query by IXFR for what is newer than the serial `known`; by AXFR for the whole zone if that is None."""
    return _query(apex, AXFR if known is None else IXFR, ident, key, now, known)


def _query(
    apex: WireName, qtype: int, ident: bytes, key: tsig.TsigKey | None, now: int, known: int | None
) -> ZoneQuery:
    question = apex + qtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
    authority = b"" if known is None else _soa(known)
    message = ident + HEADER.pack(0, 0, 1, 0, bool(authority), 0)[2:] + question + authority
    if key is None:
        return ZoneQuery(apex, question, message, None, b"", known)
    signature = tsig.Signature(key)
    signed = signature.sign(message, now)
    return ZoneQuery(apex, question, signed, key, signature.mac, known)


def _soa(serial: int) -> bytes:
    rdata = _NAMES + serial.to_bytes(4, "big") + bytes(16)
    return APEX_POINTER + FIXED.pack(SOA, CLASS_IN, 0, len(rdata)) + rdata
