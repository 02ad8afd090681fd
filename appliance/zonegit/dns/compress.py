"""From a draft to bytes: sections in order, names compressed (RFC 1035 §4.1.4), nothing beyond the room there is.

Owners, and names in RDATA of the types of RFC 1035 (RFC 3597 §4), point to the question or to where they stood
first. Names in all other RDATA are left whole. The bytes depend on the question's length, never on its case.
"""

from struct import Struct
from typing import Final

from zonegit.dns.blocks import Part
from zonegit.dns.draft import Draft
from zonegit.dns.message import HEADER_SIZE
from zonegit.model.names import ROOT, WireName
from zonegit.model.rdata import CNAME, MX, NS, PTR, SOA, name_end

COUNTS: Final = Struct(">HHH")
_FARTHEST: Final = 0x3FFF
_POINTER: Final = 0xC000
_AT_QUESTION: Final = b"\xc0\x0c"

_LAYOUT: Final[dict[int, tuple[int, int]]] = {
    NS: (0, 1),
    3: (0, 1),  # MD
    4: (0, 1),  # MF
    CNAME: (0, 1),
    SOA: (0, 2),
    7: (0, 1),  # MB
    8: (0, 1),  # MG
    9: (0, 1),  # MR
    PTR: (0, 1),
    14: (0, 2),  # MINFO
    MX: (2, 1),
}
"""Bytes before the first name, and number of names, of RDATA that may be compressed."""


class TooBig(Exception):
    """What must be sent takes more room than there is."""


def encode(draft: Draft, room: int, *, edns: bool) -> tuple[bytes, bytes]:
    """The three counts, an OPT to come included, and at most `room` bytes of records behind the question.

    `TooBig` when answer, authority and glue take more.
    """
    writer = _Writer(draft.name, room)
    answers = writer.put_all(draft.answer)
    authority = writer.put_all(draft.authority) if draft.authority else 0
    additional = writer.put_all(draft.glue) if draft.glue else 0
    for part in draft.additional:
        additional += writer.put_if_it_fits(part)
    return COUNTS.pack(answers, authority, additional + edns), bytes(writer.out)


class _Writer:
    """Bytes behind a question, and where each name stands."""

    __slots__ = ("_base", "_names", "_qname", "_room", "out")

    def __init__(self, qname: WireName, room: int) -> None:
        self.out = bytearray()
        self._qname = qname
        self._base = HEADER_SIZE + len(qname) + 4
        self._room = room
        self._names: dict[bytes, int] | None = None

    def put_all(self, parts: list[Part]) -> int:
        """Write parts; the number of records. `TooBig` as soon as they don't fit."""
        total = 0
        for part in parts:
            self._put(part)
            total += part[2]
        return total

    def put_if_it_fits(self, part: Part) -> int:
        """Write a part whole or not at all; the number of records written."""
        mark = len(self.out)
        try:
            self._put(part)
        except TooBig:
            del self.out[mark:]
            mark += self._base
            self._names = {name: at for name, at in (self._names or {}).items() if at < mark}
            return 0
        return part[2]

    def _put(self, part: Part) -> None:
        owner, rtype, _, rrs = part
        out = self.out
        layout = _LAYOUT.get(rtype)
        if layout is None and owner == self._qname and owner != ROOT:
            if len(out) + len(rrs) > self._room:
                raise TooBig
            out += rrs
            return
        at = 0
        end = len(rrs)
        while at < end:
            start = at + 12
            at = start + int.from_bytes(rrs[start - 2 : start], "big")
            out += self._name(owner)
            if layout is None:
                out += rrs[start - 10 : at]
            else:
                out += rrs[start - 10 : start]
                self._put_rdata(rrs[start:at], layout)
            if len(out) > self._room:
                raise TooBig

    def _put_rdata(self, rdata: bytes, layout: tuple[int, int]) -> None:
        """Write RDATA with its names compressed, and set right the length just before it."""
        out = self.out
        mark = len(out)
        at, names = layout
        out += rdata[:at]
        while names:
            names -= 1
            end = name_end(rdata, at)
            out += self._name(rdata[at:end])
            at = end
        out += rdata[at:]
        out[mark - 2 : mark] = (len(out) - mark).to_bytes(2, "big")

    def _name(self, wire: bytes) -> bytes:
        """The shortest form of a name that is written at the end of `out` now."""
        names = self._names
        if names is None:
            names = self._names = _suffixes(self._qname)
        known = names.get(wire)
        if known is not None:
            return (_POINTER | known).to_bytes(2, "big")
        here = self._base + len(self.out)
        at = 0
        while label := wire[at]:
            if here + at <= _FARTHEST:
                names[wire[at:]] = here + at
            at += 1 + label
            known = names.get(wire[at:])
            if known is not None:
                return wire[:at] + (_POINTER | known).to_bytes(2, "big")
        return wire


def _suffixes(qname: WireName) -> dict[bytes, int]:
    """Where the question's name and its ancestors stand, without the root, which is shorter than a pointer."""
    found = {}
    at = 0
    while label := qname[at]:
        found[qname[at:]] = HEADER_SIZE + at
        at += 1 + label
    return found
