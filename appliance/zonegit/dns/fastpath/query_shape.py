"""The shapes that queries come in: flags, counts and OPT, all but the question. A few make up all traffic.

A shape is parsed once, with what a response takes from it. Left to the slow path: EDNS options, everything but
plain queries with one question, and DO together with other EDNS flags.
"""

from functools import cache, lru_cache
from typing import Final, NamedTuple

from zonegit.dns.wire.bounded_dict import BoundedDict
from zonegit.dns.wire.message import AA, MAX_MESSAGE, MIN_UDP, QR, RD, Rcode, opt_record

_RECORDS: Final = 32
_LIMIT: Final = 4096
"""Shapes that are kept: clients could make up 65,536 UDP sizes."""
_BARE: Final = b"\0\1\0\0\0\0\0\0"
_WITH_OPT: Final = b"\0\1\0\0\0\0\0\1"
_OPT_SIZE: Final = 11


class QueryShape(NamedTuple):
    """What a response takes from its query besides the question."""

    room: int
    """The most bytes that a response may have behind its id."""
    opt: bytes
    """The response's OPT, without options."""
    do: bool
    edns: int
    """1 if there is an OPT, which counts as an additional record, else 0."""
    headers: tuple[bytes, ...]
    """Flags and counts of a positive answer, by its number of records (less than 32)."""
    flags: bytes
    """NOERROR with AA, then QDCOUNT."""
    absent: bytes
    """NXDOMAIN with AA, then QDCOUNT."""
    referring: bytes
    """NOERROR without AA, then QDCOUNT."""


class QueryShapes:
    """The shapes that were seen."""

    def __init__(self, udp_size: int, *, streams: bool = False) -> None:
        """`udp_size` is the largest response over UDP; with `streams` they go over connections."""
        self._udp_size = udp_size
        self._streams = streams
        self._known: BoundedDict[bytes, QueryShape] = BoundedDict(_LIMIT)
        """Flags and counts, then all after the question -> the shape."""

    def find(self, head: bytes, rest: bytes) -> QueryShape | None:
        """The shape of a packet from its flags and counts (10 bytes) and all after its question; None: no shape."""
        if len(rest) > _OPT_SIZE:
            return None
        known = self._known.get(head + rest)
        if known is None:
            known = self._read(head, rest)
            if known is not None:
                self._known[head + rest] = known
        return known

    def _read(self, head: bytes, rest: bytes) -> QueryShape | None:
        if len(head) != 10 or head[0] & 0xFE:
            return None
        if head[2:] == _BARE and not rest:
            return _shape(head[0], MAX_MESSAGE if self._streams else MIN_UDP, b"", do=False)
        if head[2:] != _WITH_OPT or len(rest) != _OPT_SIZE or rest[:3] != b"\0\0\x29":
            return None
        if rest[5:7] != b"\0\0" or rest[9:] != b"\0\0":
            return None
        size = MAX_MESSAGE if self._streams else max(MIN_UDP, min(self._udp_size, rest[3] << 8 | rest[4]))
        do = rest[7] >= 0x80
        return _shape(head[0], size, opt_record(self._udp_size, 0, do=do), do=do)


@lru_cache(_LIMIT)
def _shape(rd: int, size: int, opt: bytes, *, do: bool) -> QueryShape:
    """One object for all queries that look the same to a response."""
    flags = QR | AA | rd * RD
    head, absent, referring = (
        each.to_bytes(2, "big") + b"\0\1" for each in (flags, flags | Rcode.NXDOMAIN, flags & ~AA)
    )
    edns = int(bool(opt))
    return QueryShape(size - 2, opt, do, edns, _headers(head, edns), head, absent, referring)


@cache
def _headers(head: bytes, edns: int) -> tuple[bytes, ...]:
    """There are only four of these, while clients can make up many shapes."""
    return tuple(head + bytes((0, records, 0, 0, 0, edns)) for records in range(_RECORDS))
