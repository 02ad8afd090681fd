"""RRSIG records: their fields, their times, and the bytes that they sign (RFC 4034 §3.1)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from struct import Struct
from typing import Final, NamedTuple

from zonegit.model.names import Owner, WireName
from zonegit.model.rdata import name_end
from zonegit.model.rrset import owner_size, record_spans

_FIXED: Final = Struct(">HBBIIIH")
_CYCLE: Final = 1 << 32


class Signature(NamedTuple):
    """One RRSIG record."""

    covered: int
    algorithm: int
    labels: int
    original_ttl: int
    expiration: int
    """Seconds, modulo 2**32, as `inception`."""
    inception: int
    tag: int
    signer: bytes
    head: bytes
    """Its RDATA without the signature, which is signed too."""
    signature: bytes


def signatures(payload: bytes) -> Iterator[Signature]:
    """The records of a stored RRSIG RRset."""
    for start, end in record_spans(payload):
        rdata = payload[start:end]
        signed = name_end(rdata, _FIXED.size)
        covered, algorithm, labels, ttl, expiration, inception, tag = _FIXED.unpack_from(rdata)
        signer = rdata[_FIXED.size : signed]
        head = rdata[:signed]
        yield Signature(covered, algorithm, labels, ttl, expiration, inception, tag, signer, head, rdata[signed:])


def signed_bytes(signature: Signature, owner: Owner, apex: WireName, payload: bytes) -> bytes:
    """What a signature of a stored RRset is made of (RFC 4034 §3.1.8.1).

    Stored RDATA is in canonical form, and in order.
    """
    size = owner_size(payload)
    front = owner + apex + payload[size + 2 : size + 6] + signature.original_ttl.to_bytes(4, "big")
    if size + 12 + (payload[size + 10] << 8 | payload[size + 11]) == len(payload):
        return signature.head + front + payload[size + 10 :]  # most RRsets have one record
    parts = [signature.head]
    for start, end in record_spans(payload):
        parts += (front, payload[start - 2 : end])
    return b"".join(parts)


def moment(seconds: int, now: int) -> int:
    """The moment within 68 years of now that a number of 32 bits stands for (RFC 4034 §3.1.5)."""
    return now + (seconds - now + _CYCLE // 2) % _CYCLE - _CYCLE // 2


def date(seconds: int, now: int) -> str:
    """That moment as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(moment(seconds, now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
