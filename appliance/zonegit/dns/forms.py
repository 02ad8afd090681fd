"""The forms that queries come in: flags, counts, OPT. All but the question, which is why a few make up all traffic.

A form is read once; what a response takes from it stands ready. Unread here: options, anything that isn't a plain
query with one question, and DO together with other flags.
"""

from functools import cache, lru_cache
from typing import Final, NamedTuple

from zonegit.dns.bounded import Bounded
from zonegit.dns.message import AA, MIN_UDP, QR, RD, Rcode, opt_record

_RECORDS: Final = 32
_LIMIT: Final = 4096
"""Forms that are kept; clients could make up 65,536 sizes."""
_BARE: Final = b"\0\1\0\0\0\0\0\0"
_WITH_OPT: Final = b"\0\1\0\0\0\0\0\1"
_OPT_SIZE: Final = 11


class Form(NamedTuple):
    """What a response takes from its query besides the question."""

    room: int
    """Bytes there are for a response behind its id."""
    opt: bytes
    """The response's OPT, without options."""
    do: bool
    edns: int
    """0 or 1: what OPT adds to the additional records."""
    leads: tuple[bytes, ...]
    """Flags and counts of a positive answer, by its number of records, below 32."""
    flags: bytes
    """NOERROR and AA, with QDCOUNT behind."""
    absent: bytes
    """NXDOMAIN and AA, the same way."""
    referring: bytes
    """NOERROR without AA."""


class Forms:
    """The forms that were met."""

    def __init__(self, udp_size: int) -> None:
        self._udp_size = udp_size
        self._known: Bounded[bytes, Form] = Bounded(_LIMIT)
        """Flags and counts, then what stands behind the question -> its form."""

    def find(self, head: bytes, rest: bytes) -> Form | None:
        """The form of a packet by its flags and counts (10 bytes) and all behind its question; None for others."""
        if len(rest) > _OPT_SIZE:
            return None
        known = self._known.get(head + rest)
        if known is None:
            known = self._read(head, rest)
            if known is not None:
                self._known[head + rest] = known
        return known

    def _read(self, head: bytes, rest: bytes) -> Form | None:
        if len(head) != 10 or head[0] & 0xFE:
            return None
        if head[2:] == _BARE and not rest:
            return _form(head[0], MIN_UDP, b"", do=False)
        if head[2:] != _WITH_OPT or len(rest) != _OPT_SIZE or rest[:3] != b"\0\0\x29":
            return None
        if rest[5:7] != b"\0\0" or rest[9:] != b"\0\0":
            return None
        size = max(MIN_UDP, min(self._udp_size, rest[3] << 8 | rest[4]))
        do = rest[7] >= 0x80
        return _form(head[0], size, opt_record(self._udp_size, 0, do=do), do=do)


@lru_cache(_LIMIT)
def _form(rd: int, size: int, opt: bytes, *, do: bool) -> Form:
    """One for all queries that differ in nothing that a response takes from them."""
    flags = QR | AA | rd * RD
    head, absent, referring = (
        each.to_bytes(2, "big") + b"\0\1" for each in (flags, flags | Rcode.NXDOMAIN, flags & ~AA)
    )
    edns = int(bool(opt))
    return Form(size - 2, opt, do, edns, _leads(head, edns), head, absent, referring)


@cache
def _leads(head: bytes, edns: int) -> tuple[bytes, ...]:
    """Four of these are all there are, while clients can make up many forms."""
    return tuple(head + bytes((0, records, 0, 0, 0, edns)) for records in range(_RECORDS))
