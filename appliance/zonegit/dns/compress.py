"""From a draft to bytes: sections in order, names compressed (RFC 1035 §4.1.4), nothing beyond the room there is.

Owners, and names in RDATA of the types of RFC 1035 (RFC 3597 §4), point to the question or to where they stood
first (`name_table`). Names in all other RDATA are left whole. The bytes depend on the question's name in lowercase;
those of a referral on the cut and the question's length alone.
"""

from struct import Struct
from typing import Final

from zonegit.dns.blocks import Part
from zonegit.dns.draft import Draft
from zonegit.dns.message import HEADER_SIZE
from zonegit.dns.name_table import NameTable
from zonegit.model.names import ROOT, WireName
from zonegit.model.rdata import CNAME, MX, NS, PTR, SOA, SOA_FIXED, name_end

COUNTS: Final = Struct(">HHH")

_LAYOUT: Final[dict[int, tuple[int, int, int]]] = {
    NS: (0, 1, 0),
    3: (0, 1, 0),  # MD
    4: (0, 1, 0),  # MF
    CNAME: (0, 1, 0),
    SOA: (0, 2, SOA_FIXED),
    7: (0, 1, 0),  # MB
    8: (0, 1, 0),  # MG
    9: (0, 1, 0),  # MR
    PTR: (0, 1, 0),
    14: (0, 2, 0),  # MINFO
    MX: (2, 1, 0),
}
"""Of RDATA that may be compressed: bytes before its names, number of names, bytes behind them."""


class TooBig(Exception):
    """What must be sent takes more room than there is."""


def encode(draft: Draft, room: int, *, edns: bool) -> tuple[bytes, bytes]:
    """The three counts, an OPT to come included, and at most `room` bytes of records behind the question.

    `TooBig` when answer, authority and glue take more.
    """
    writer = _Writer(draft.name, draft.cut or draft.name, room)
    answers = writer.put_all(draft.answer)
    authority = writer.put_all(draft.authority) if draft.authority else 0
    additional = writer.put_all(draft.glue) if draft.glue else 0
    for part in draft.additional:
        additional += writer.put_if_it_fits(part)
    return COUNTS.pack(answers, authority, additional + edns), bytes(writer.out)


class _Writer:
    """Bytes behind a question, and where each name stands."""

    __slots__ = ("_at_question", "_base", "_known", "_names", "_room", "out")

    def __init__(self, qname: WireName, known: WireName, room: int) -> None:
        """`known` is the part of the question's name that other names may point to."""
        self.out = bytearray()
        self._known = known
        self._at_question = known if known is qname and qname != ROOT else None
        self._base = HEADER_SIZE + len(qname) + 4
        self._room = room
        self._names: NameTable | None = None
        """Made when the first name is written: many answers have none."""

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
        if part[1] not in _LAYOUT and mark + len(part[3]) > self._room:  # an owner takes two bytes at least
            return 0
        try:
            self._put(part)
        except TooBig:
            del self.out[mark:]
            if self._names is not None:
                self._names.forget(self._base + mark)
            return 0
        return part[2]

    def _put(self, part: Part) -> None:
        owner, rtype, records, rrs = part
        out = self.out
        layout = _LAYOUT.get(rtype)
        if layout is not None:
            self._put_with_names(owner, rrs, layout)
        elif owner == self._at_question:
            out += rrs
        elif records == 1:
            out += self._name(owner)
            out += rrs[2:]
        else:
            self._put_many(owner, rrs)
        if len(out) > self._room:
            raise TooBig

    def _put_many(self, owner: bytes, rrs: bytes) -> None:
        """Write RRs that hold no names to compress but their owner's."""
        out = self.out
        at = 0
        end = len(rrs)
        while at < end:
            start = at + 2
            at += 12 + int.from_bytes(rrs[at + 10 : at + 12], "big")
            out += self._name(owner)
            out += rrs[start:at]
            if len(out) > self._room:
                raise TooBig

    def _put_with_names(self, owner: bytes, rrs: bytes, layout: tuple[int, int, int]) -> None:
        """Write RRs with the names in their RDATA compressed, and each length set right."""
        out = self.out
        skip, names, rest = layout
        at = 0
        end = len(rrs)
        while at < end:
            start = at + 12
            after = start + int.from_bytes(rrs[at + 10 : start], "big")
            out += self._name(owner)
            out += rrs[at + 2 : start + skip]
            mark = len(out) - skip
            at = start + skip
            for _ in range(names - 1):
                stop = name_end(rrs, at)
                out += self._name(rrs[at:stop])
                at = stop
            stop = after - rest
            out += self._name(rrs[at:stop])
            out += rrs[stop:after]
            out[mark - 2 : mark] = (len(out) - mark).to_bytes(2, "big")
            at = after
            if len(out) > self._room:
                raise TooBig

    def _name(self, wire: bytes) -> bytes:
        """The short form of a name that is written at the end of `out` now."""
        names = self._names
        if names is None:
            names = self._names = NameTable(self._known, self._base - 4 - len(self._known))
        return names.short(wire, self._base + len(self.out))
